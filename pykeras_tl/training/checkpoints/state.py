"""The whole state of a training, as plain values and arrays."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...images.iterators.state import IteratorState, set_position
from ...versions import package_versions
from ..feature_cache.keys import augmentation
from .serialization import UnknownValueError, deserialize_state, serialize_state


def run_fingerprint(
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
        "the loss": _named(model.loss),
        "the metrics": _named(model._compile_config.config["metrics"]),
        "the backend": keras.backend.backend(),
    }
    for name, value in model.optimizer.get_config().items():
        if name != "name":  # Keras numbers them as they are made.
            settings[f"the optimizer's {name}"] = json.dumps(value, sort_keys=True, default=str)
    for name, flow in flows.items():
        settings |= _flow_settings(name, flow)
    settings["the callbacks"] = repr([_callback_settings(each) for each in callbacks])
    settings |= {name: repr(value) for name, value in others.items()}
    versions = package_versions().items()
    return settings | {f"the version of {name}": version for name, version in versions}


def capture(
    model: keras.Model,
    callbacks: Sequence[keras.callbacks.Callback],
    flows: dict[str, IteratorState],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Take down a training's state.

    Args:
        model: The model.
        callbacks: The callbacks. Of what they hold, numbers, texts and arrays are taken down,
            and tuples, lists and dictionaries of these.
        flows: Name → the place where each flow stands.

    Returns:
        Plain values, and arrays by name.
    """
    arrays = _numbered("model", model.variables)
    arrays |= _numbered("optimizer", model.optimizer.variables)
    kept = []
    for number, callback in enumerate(callbacks):
        attributes = {}
        for name, value in _own_attributes(callback).items():
            with suppress(UnknownValueError):
                attributes[name] = serialize_state(value, f"callback {number} {name}", arrays)
        kept.append(attributes)
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


def capture_metrics(trained: keras.Model) -> dict[str, np.ndarray]:
    """Take down what the metrics have history_callback within an epoch.

    Args:
        trained: The model that Keras's `fit` was called on.

    Returns:
        Arrays by name.
    """
    return _numbered("metric", trained.metrics_variables)


def restore_model(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Give a model and its optimizer the weights and random state that were taken down.

    Args:
        model: The model, of the same layers.
        arrays: What `capture` gave.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign("model", model.variables, arrays)
    _assign("optimizer", model.optimizer.variables, arrays)


def restore_metrics(trained: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Give metrics what they had history_callback.

    Args:
        trained: The model that Keras's `fit` is called on, its metrics built.
        arrays: What `capture_metrics` gave.
    """
    _assign("metric", trained.metrics_variables, arrays)


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
    for callback, attributes in zip(callbacks, state["callbacks"]):
        for name, packed in attributes.items():
            setattr(callback, name, deserialize_state(packed, arrays))


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
            flow, IteratorState(place["total_batches_seen"], place["batch_index"], order, random)
        )


def _flow_settings(name: str, flow: Any) -> dict[str, str]:
    if not isinstance(flow, Iterator):
        return {f"the kind of {name}": type(flow).__name__}
    targets = keras.tree.flatten(flow.targets(np.arange(flow.n)))
    labels = [np.asarray(each).tobytes() for each in targets if each is not None]
    return {
        f"the images of {name}": flow.fingerprint(),
        f"the labels of {name}": hashlib.blake2b(b"".join(labels)).hexdigest(),
        f"the batches of {name}": f"{flow.batch_size}, shuffle={flow.shuffle}, seed={flow.seed}",
        f"the augmentation of {name}": augmentation(flow),
    }


def _named(functions: Any) -> str:
    """Losses or metrics by their names."""

    def name(function: Any) -> str:
        for attribute in ("name", "__name__"):
            if isinstance(getattr(function, attribute, None), str):
                return str(getattr(function, attribute))
        return function if isinstance(function, str) else type(function).__name__

    return str(keras.tree.map_structure(name, functions))


def _callback_settings(callback: keras.callbacks.Callback) -> tuple[str, dict[str, Any]]:
    """What a callback of Keras's was made with; of others only the kind is known."""
    kind = type(callback)
    if not kind.__module__.startswith("keras."):
        return kind.__name__, {}
    asked_for = inspect.signature(kind).parameters
    known = _own_attributes(callback).items()
    made = {name: value for name, value in known if name in asked_for and _is_plain(value)}
    if "min_delta" in made:
        # FitInputs turns its sign where less is better.
        made["min_delta"] = abs(made["min_delta"])
    return kind.__name__, made


def _own_attributes(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """What a callback holds beside what each training gives it anew."""
    anew = {"params", "_model"}
    if isinstance(callback, keras.callbacks.CSVLogger):
        # Whether it goes on with a file is set where training goes on.
        anew |= {"append", "append_header"}
    return {name: value for name, value in vars(callback).items() if name not in anew}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _numbered(kind: str, variables: Sequence[Any]) -> dict[str, np.ndarray]:
    return {
        f"{kind} {number}": np.asarray(keras.ops.convert_to_numpy(each))
        for number, each in enumerate(variables)
    }


def _assign(kind: str, variables: Sequence[Any], arrays: dict[str, np.ndarray]) -> None:
    for number, variable in enumerate(variables):
        variable.assign(arrays[f"{kind} {number}"])


def _digest(value: Any) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=16).hexdigest()
