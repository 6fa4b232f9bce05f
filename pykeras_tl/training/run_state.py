"""The whole state of a training, as plain values and arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from ..images.iterators import Iterator
from .picture_keys import augmentation
from .position import Position, read_position, set_position

_VERSIONS = ("keras", "tensorflow", "numpy", "opencv-python-headless", "pykeras-tl")

_PLAIN = (bool, int, float, str, type(None))


def settings_of(
    model: keras.Model,
    flows: dict[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    **others: Any,
) -> dict[str, str]:
    """Write down what must be the same for a run to go on.

    Args:
        model: The model as it is handed in.
        flows: Name → flow, or whatever else is given in a flow's place.
        callbacks: The user's callbacks, before training.
        **others: Further settings.

    Returns:
        Name → value in words or as a digest.
    """
    layers = [
        (type(layer).__name__, layer.trainable, [tuple(weight.shape) for weight in layer.weights])
        for layer in model._flatten_layers()
    ]
    settings = {
        "the model's layers": _digest(layers),
        "the optimizer": type(model.optimizer).__name__,
        "the loss": str(getattr(model.loss, "name", model.loss)),
        "the backend": keras.backend.backend(),
    }
    for name, value in model.optimizer.get_config().items():
        if name != "name":  # Keras numbers them as they are made.
            settings[f"the optimizer's {name}"] = json.dumps(value, sort_keys=True, default=str)
    for name, flow in flows.items():
        settings |= _flow_settings(name, flow)
    settings["the callbacks"] = repr([_callback_settings(each) for each in callbacks])
    settings |= {name: repr(value) for name, value in others.items()}
    return settings | {f"the version of {name}": version(name) for name in _VERSIONS}


def capture(
    model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], flows: dict[str, Position]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Take down a training's state.

    Args:
        model: The model.
        callbacks: The user's callbacks.
        flows: Name → the place where each flow stands.

    Returns:
        Plain values, and arrays by name.
    """
    arrays = {f"model {number}": _array(each) for number, each in enumerate(model.variables)}
    for number, each in enumerate(model.optimizer.variables):
        arrays[f"optimizer {number}"] = _array(each)
    kept: list[dict[str, Any]] = []
    for number, callback in enumerate(callbacks):
        plain: dict[str, Any] = {}
        for name, value in vars(callback).items():
            if isinstance(value, _PLAIN):
                plain[name] = value
            elif isinstance(value, np.generic):
                plain[name] = value.item()
            elif isinstance(value, list) and all(isinstance(x, np.ndarray) for x in value):
                plain[name] = {"arrays": len(value)}
                for place, array in enumerate(value):
                    arrays[f"callback {number} {name} {place}"] = array
        kept.append(plain)
    places = {}
    for name, position in flows.items():
        order, random = position.index_array, position.random
        places[name] = {
            "total_batches_seen": position.total_batches_seen,
            "batch_index": position.batch_index,
            "random": None if random is None else [random[0], *random[2:]],
        }
        if order is not None:
            arrays[f"order of {name}"] = order
        if random is not None:
            arrays[f"random of {name}"] = random[1]
    return {"callbacks": kept, "flows": places}, arrays


def restore_model(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Give a model and its optimizer the weights and random state that were taken down.

    Args:
        model: The model, of the same layers.
        arrays: What `capture` gave.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for number, variable in enumerate(variables):
            variable.assign(arrays[f"{kind} {number}"])


def restore_callbacks(
    callbacks: Sequence[keras.callbacks.Callback],
    state: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    """Give callbacks what they knew.

    Args:
        callbacks: The same callbacks in the same order, after their `on_train_begin`.
        state: What `capture` gave.
        arrays: The same.
    """
    for number, (callback, plain) in enumerate(zip(callbacks, state["callbacks"])):
        for name, value in plain.items():
            if isinstance(value, dict):
                value = [
                    arrays[f"callback {number} {name} {place}"] for place in range(value["arrays"])
                ]
            setattr(callback, name, value)


def restore_flows(
    flows: dict[str, Iterator], state: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Take flows to where they stood.

    Args:
        flows: Name → flow.
        state: What `capture` gave.
        arrays: The same.
    """
    for name, flow in flows.items():
        place = state["flows"][name]
        random = place["random"]
        if random is not None:
            random = (random[0], arrays[f"random of {name}"], *random[1:])
        order = arrays.get(f"order of {name}")
        set_position(
            flow, Position(place["total_batches_seen"], place["batch_index"], order, random)
        )


def positions(flows: dict[str, Iterator]) -> dict[str, Position]:
    """Read where flows stand.

    Args:
        flows: Name → flow.

    Returns:
        Name → place.
    """
    return {name: read_position(flow) for name, flow in flows.items()}


def _flow_settings(name: str, flow: Any) -> dict[str, str]:
    if not isinstance(flow, Iterator):
        return {f"the kind of {name}": type(flow).__name__}
    targets = keras.tree.flatten(flow.targets(np.arange(flow.n)))
    labels = [np.asarray(each).tobytes() for each in targets if each is not None]
    return {
        f"the pictures of {name}": flow.fingerprint(),
        f"the labels of {name}": hashlib.blake2b(b"".join(labels)).hexdigest(),
        f"the batches of {name}": f"{flow.batch_size}, shuffle={flow.shuffle}, seed={flow.seed}",
        f"the augmentation of {name}": augmentation(flow),
    }


def _callback_settings(callback: keras.callbacks.Callback) -> tuple[str, dict[str, Any]]:
    """What a callback of Keras's was made with; of others only the kind is known."""
    kind = type(callback)
    known = vars(callback).items() if kind.__module__.startswith("keras.") else ()
    plain = {name: value for name, value in known if isinstance(value, _PLAIN)}
    return kind.__name__, plain


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _digest(value: Any) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=16).hexdigest()
