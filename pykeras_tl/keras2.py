"""Runs scripts that were written for Keras 2, by one line at their top.

    import pykeras_tl.keras2

The import gives Keras back what its version 3 has removed, and says so:

- `fit_generator`, `evaluate_generator`, `predict_generator`, `predict_classes` and
  `predict_proba` of models; `nb_epoch`, `samples_per_epoch`, `workers`, `max_queue_size`,
  `use_multiprocessing` and the like in `fit`, `evaluate` and `predict`,
- `lr` and `decay` of optimizers, in their old meaning,
- names of files such as `weights.{epoch:02d}.hdf5` in `ModelCheckpoint`, `save_weights` and
  `load_weights`,
- `input_names` of models, and `output_names` of sequential ones,
- `ImageDataGenerator` and its relatives in `keras.preprocessing.image` and
  `tensorflow.keras.preprocessing.image`, and `next()` of their iterators.

A model is trained on an iterator by `pykeras_tl.fit`. `disable()` undoes all of it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from .images.iterators.base import Iterator
from .models.graph.names import input_names, output_names
from .models.saving.weight_files import load_weights, load_weights_by_name, save_weights
from .preprocessing import image
from .training.checkpoints.named_checkpoint import NamedCheckpoint
from .training.fit_function import fit
from .training.optimizers.by_name import learning_rate_schedule

_logger = logging.getLogger(__name__)
_RENAMED = {
    "nb_epoch": "epochs",
    "nb_val_samples": "validation_steps",
    "val_samples": "validation_steps",
    "generator": "x",
}
# They chose threads or processes of Keras's own; here batches are always computed ahead.
_WITHOUT_EFFECT = (
    "max_queue_size",
    "max_q_size",
    "use_multiprocessing",
    "pickle_safe",
    "nb_worker",
)
# TensorFlow loads Keras's modules once more, under names of its own.
_IMAGE_MODULES = ("keras.preprocessing.image", "tensorflow.keras.preprocessing.image")
_CALLBACK_MODULES = ("keras.callbacks", "tensorflow.keras.callbacks")
# Keras itself reads and writes weights under these names.
_WEIGHTS = (".weights.h5", ".weights.json", ".keras")

_original: list[tuple[Any, str, Any]] = []
_MISSING = object()


def enable() -> None:
    """Give Keras back what scripts for Keras 2 use. Importing this module does it.

    Example:
        >>> enable()
        >>> keras.optimizers.Adam(lr=1e-3).learning_rate.numpy().round(4)
        np.float32(0.001)
        >>> disable()
    """
    if _original:
        return
    _replace(keras.Model, "fit", _fit(keras.Model.fit))
    _replace(keras.Model, "evaluate", _without_old_arguments(keras.Model.evaluate))
    _replace(keras.Model, "predict", _without_old_arguments(keras.Model.predict))
    _replace(keras.Model, "fit_generator", _fit_generator)
    _replace(keras.Model, "evaluate_generator", _evaluate_generator)
    _replace(keras.Model, "predict_generator", _predict_generator)
    _replace(keras.Model, "predict_classes", _predict_classes)
    _replace(keras.Model, "predict_proba", lambda self, x, **options: self.predict(x, **options))
    _replace(keras.Model, "save_weights", _save_weights(keras.Model.save_weights))
    _replace(keras.Model, "load_weights", _load_weights(keras.Model.load_weights))
    _replace(keras.Model, "input_names", property(input_names))
    _replace(keras.Sequential, "output_names", property(output_names))
    for optimizer in _optimizers():
        _replace(optimizer, "__init__", _with_old_rates(optimizer.__init__))
    for module in _modules(_IMAGE_MODULES):
        for attribute in _image_names():
            _replace(module, attribute, getattr(image, attribute))
    for module in _modules(_CALLBACK_MODULES):
        _replace(module, "ModelCheckpoint", NamedCheckpoint)
    _logger.warning(
        "Keras %s now takes what scripts for Keras 2 use; pykeras_tl.keras2.disable() undoes it.",
        keras.__version__,
    )


def disable() -> None:
    """Undo `enable`.

    Example:
        >>> disable()
        >>> hasattr(keras.Model, "fit_generator")
        False
    """
    while _original:
        owner, name, value = _original.pop()
        if value is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, value)


def _replace(owner: Any, name: str, value: Any) -> None:
    _original.append((owner, name, vars(owner).get(name, _MISSING)))
    setattr(owner, name, value)


def _modules(names: tuple[str, ...]) -> list[ModuleType]:
    return [
        importlib.import_module(name) for name in names if name.partition(".")[0] in sys.modules
    ]


def _image_names() -> list[str]:
    return [name for name in vars(image) if not name.startswith("_")]


def _optimizers() -> list[type[keras.optimizers.Optimizer]]:
    return [
        value
        for value in vars(keras.optimizers).values()
        if inspect.isclass(value)
        and issubclass(value, keras.optimizers.Optimizer)
        and value is not keras.optimizers.Optimizer
        and "learning_rate" in inspect.signature(value.__init__).parameters
    ]


def _with_old_rates(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def with_old_rates(self: Any, *args: Any, **options: Any) -> None:
        if "lr" in options:
            options["learning_rate"] = options.pop("lr")
        decay = options.pop("decay", 0) or 0
        if decay:
            default = inspect.signature(init).parameters["learning_rate"].default
            rate = args[0] if args else options.get("learning_rate", default)
            options["learning_rate"] = learning_rate_schedule(rate, decay)
            args = args[1:]
        init(self, *args, **options)

    return with_old_rates


def _new_arguments(options: dict[str, Any]) -> dict[str, Any]:
    options = {_RENAMED.get(name, name): value for name, value in options.items()}
    return {name: value for name, value in options.items() if name not in _WITHOUT_EFFECT}


def _without_old_arguments(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def without_old_arguments(self: keras.Model, *args: Any, **options: Any) -> Any:
        options.pop("workers", None)
        return method(self, *args, **_new_arguments(options))

    return without_old_arguments


def _fit(method: Callable[..., Any]) -> Callable[..., Any]:
    names = [name for name in inspect.signature(method).parameters if name != "self"]

    @functools.wraps(method)
    def fit_with_old_arguments(self: keras.Model, *args: Any, **options: Any) -> Any:
        options = {**dict(zip(names, args)), **_new_arguments(options)}
        data = options.get("x")
        if not isinstance(data, Iterator):
            options.pop("workers", None)
            return method(self, **options)
        samples = options.pop("samples_per_epoch", None)
        if samples is not None:
            options["steps_per_epoch"] = math.ceil(samples / data.batch_size)
        # An iterator has a batch size, an order and weights of its own.
        passed = {"x", "batch_size", "shuffle", "validation_batch_size"}
        return fit(self, data, **{k: v for k, v in options.items() if k not in passed})

    return fit_with_old_arguments


def _fit_generator(
    self: keras.Model,
    generator: Any,
    steps_per_epoch: float | None = None,
    epochs: int = 1,
    verbose: str | int = 1,
    callbacks: Any = None,
    validation_data: Any = None,
    validation_steps: float | None = None,
    **options: Any,
) -> Any:
    return self.fit(
        generator,
        **{
            "steps_per_epoch": steps_per_epoch,
            "epochs": epochs,
            "verbose": verbose,
            "callbacks": callbacks,
            "validation_data": validation_data,
            "validation_steps": validation_steps,
            **_new_arguments(options),
        },
    )


def _evaluate_generator(
    self: keras.Model, generator: Any, steps: int | None = None, **options: Any
) -> Any:
    options.setdefault("verbose", 0)
    return self.evaluate(_from_start(generator), steps=_whole(steps), **options)


def _predict_generator(
    self: keras.Model, generator: Any, steps: int | None = None, **options: Any
) -> Any:
    options.setdefault("verbose", 0)
    return self.predict(_from_start(generator), steps=_whole(steps), **options)


def _predict_classes(self: keras.Model, x: Any, **options: Any) -> Any:
    outputs = self.predict(x, **options)
    return outputs.argmax(axis=-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")


def _save_weights(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def save_under_any_name(
        self: keras.Model,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        save_format: str | None = None,  # Files are HDF5 anyway.
        **options: Any,
    ) -> None:
        if options or os.fspath(filepath).endswith(_WEIGHTS):
            method(self, filepath, overwrite, **options)
        else:
            save_weights(self, filepath, overwrite)

    return save_under_any_name


def _load_weights(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def load_from_any_name(
        self: keras.Model,
        filepath: str | os.PathLike[str],
        by_name: bool = False,
        skip_mismatch: bool = False,
        **options: Any,
    ) -> None:
        if by_name:
            load_weights_by_name(self, filepath, skip_mismatch)
        elif Path(filepath).is_file() and not os.fspath(filepath).endswith(_WEIGHTS):
            load_weights(self, filepath)
        else:
            method(self, filepath, skip_mismatch=skip_mismatch, **options)

    return load_from_any_name


def _from_start(generator: Any) -> Any:
    if isinstance(generator, Iterator):
        generator.reset()
    return generator


def _whole(steps: float | None) -> int | None:
    return None if steps is None else math.ceil(steps)


enable()
