"""The complete state of a training, as JSON values and arrays."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...images.iterators.state import IteratorState
from ...models.keras_internals import compile_arguments, nested_layers
from ...versions import package_versions
from ..feature_cache.keys import augmentation
from .serialization import UnknownValueError, deserialize_state, serialize_state


def run_fingerprint(
    model: keras.Model,
    data: dict[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    **others: Any,
) -> dict[str, str]:
    """Return what must be the same for a run to resume.

    Args:
        model: The model before training.
        data: Name to iterator, or to whatever is passed in its place.
        callbacks: The user's callbacks, before training.
        **others: Further settings.

    Returns:
        Name to value, as text or as a digest.
    """
    layers = [
        (type(layer).__name__, layer.trainable, [tuple(weight.shape) for weight in layer.weights])
        for layer in nested_layers(model)
    ]
    settings = {
        "the model's layers": _digest(layers),
        "the optimizer": type(model.optimizer).__name__,
        "the loss": _named(model.loss),
        "the metrics": _named(compile_arguments(model)["metrics"]),
        "the backend": keras.backend.backend(),
    }
    smoothing = getattr(model.loss, "label_smoothing", 0)
    if smoothing:
        settings["the label smoothing"] = repr(smoothing)
    for name, value in model.optimizer.get_config().items():
        if name != "name":  # Keras numbers optimizers in the order they are made.
            settings[f"the optimizer's {name}"] = json.dumps(value, sort_keys=True, default=str)
    for name, source in data.items():
        settings |= _data_settings(name, source)
    settings["the callbacks"] = repr([_callback_settings(each) for each in callbacks])
    settings |= {name: repr(value) for name, value in others.items()}
    versions = package_versions().items()
    return settings | {f"the version of {name}": version for name, version in versions}


def capture(
    model: keras.Model,
    callbacks: Sequence[keras.callbacks.Callback],
    iterator_states: dict[str, IteratorState],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Capture a training's state.

    Args:
        model: The model.
        callbacks: The callbacks. Of their attributes, numbers, strings and arrays are captured,
            and tuples, lists and dictionaries of these.
        iterator_states: Name to the state of each iterator.

    Returns:
        JSON values, and arrays by name.
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
    positions = {}
    for name, iterator_state in iterator_states.items():
        order, random = iterator_state.index_array, iterator_state.random
        positions[name] = {
            "total_batches_seen": iterator_state.total_batches_seen,
            "batch_index": iterator_state.batch_index,
            "random": None if random is None else [random[0], *random[2:]],
        }
        if order is not None:
            arrays[f"order of {name}"] = order
        if random is not None:
            arrays[f"random of {name}"] = random[1]
    return {"callbacks": kept, "flows": positions}, arrays


def capture_metrics(fit_model: keras.Model) -> dict[str, np.ndarray]:
    """Capture what the metrics have accumulated within an epoch.

    Args:
        fit_model: The model that Keras's `fit` was called on.

    Returns:
        Arrays by name.
    """
    return _numbered("metric", fit_model.metrics_variables)


def restore_model(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Restore the weights and random state of a model and its optimizer.

    Args:
        model: The model, of the same layers.
        arrays: The arrays that `capture` returned.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign("model", model.variables, arrays)
    _assign("optimizer", model.optimizer.variables, arrays)


def restore_metrics(fit_model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Restore what metrics had accumulated.

    Args:
        fit_model: The model that Keras's `fit` is called on, its metrics built.
        arrays: What `capture_metrics` returned.
    """
    _assign("metric", fit_model.metrics_variables, arrays)


def restore_callbacks(
    callbacks: Sequence[keras.callbacks.Callback],
    state: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    """Restore the attributes of callbacks.

    Args:
        callbacks: The same callbacks in the same order, after their `on_train_begin`.
        state: The JSON values that `capture` returned.
        arrays: The arrays that it returned.
    """
    for callback, attributes in zip(callbacks, state["callbacks"]):
        for name, packed in attributes.items():
            setattr(callback, name, deserialize_state(packed, arrays))


def restore_iterators(
    iterators: Mapping[str, Iterator], state: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Move iterators to where they were.

    Args:
        iterators: Name to iterator.
        state: The JSON values that `capture` returned.
        arrays: The arrays that it returned.
    """
    for name, iterator in iterators.items():
        position = state["flows"][name]
        random = position["random"]
        if random is not None:
            random = (random[0], arrays[f"random of {name}"], *random[1:])
        order = arrays.get(f"order of {name}")
        iterator.set_state(
            IteratorState(position["total_batches_seen"], position["batch_index"], order, random)
        )


def _data_settings(name: str, flow: Any) -> dict[str, str]:
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
    """Return losses or metrics by their names."""

    def name(function: Any) -> str:
        for attribute in ("name", "__name__"):
            if isinstance(getattr(function, attribute, None), str):
                return str(getattr(function, attribute))
        return function if isinstance(function, str) else type(function).__name__

    return str(keras.tree.map_structure(name, functions))


def _callback_settings(callback: keras.callbacks.Callback) -> tuple[str, dict[str, Any]]:
    """Return the arguments of Keras's callbacks and ours; of others only the class is known."""
    kind = type(callback)
    if not kind.__module__.startswith(("keras.", "pykeras_tl.")):
        return kind.__name__, {}
    asked_for = inspect.signature(kind).parameters
    known = _own_attributes(callback).items()
    made = {name: value for name, value in known if name in asked_for and _is_plain(value)}
    if "min_delta" in made:
        # Training flips its sign where less is better.
        made["min_delta"] = abs(made["min_delta"])
    return kind.__name__, made


def _own_attributes(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return a callback's attributes but for those that each training sets."""
    reset = {"params", "_model"}
    if isinstance(callback, keras.callbacks.CSVLogger):
        # Whether it continues a file is set where training resumes.
        reset |= {"append", "append_header"}
    return {name: value for name, value in vars(callback).items() if name not in reset}


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
