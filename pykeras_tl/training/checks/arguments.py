"""Checks of the arguments of `fit`, before anything runs."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ...images.image_data_generator import ImageDataGenerator
from ...images.iterators.base import Iterator
from ...models.keras_internals import variables_unknown_to_optimizer
from .pixels import check_pixels

_ONE_HOT = {"categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge"}
_NUMBERED = {"sparse_categorical_crossentropy"}
_TRAINING_BACKENDS = ("tensorflow", "jax", "torch")
# What these were called in Keras 2; None for those that chose threads or processes.
_KERAS_2 = {
    "nb_epoch": "epochs",
    "samples_per_epoch": "steps_per_epoch, which counts batches",
    "nb_val_samples": "validation_steps, which counts batches",
    "val_samples": "validation_steps, which counts batches",
    "max_queue_size": None,
    "max_q_size": None,
    "use_multiprocessing": None,
    "pickle_safe": None,
    "nb_worker": None,
}
_TWO_WAY = {"binary_crossentropy", "binary_focal_crossentropy"}


def check_data(data: Any, name: str) -> None:
    """Raise TypeError for what is often passed in place of an iterator.

    Args:
        data: What was received.
        name: The argument's name, for the message.

    Raises:
        TypeError: When it is an `ImageDataGenerator` or a path.
    """
    if isinstance(data, ImageDataGenerator):
        raise TypeError(
            f"{name} is an ImageDataGenerator, which holds settings but no images. "
            "Pass what its flow_from_directory(...) or flow(...) returns."
        )
    if isinstance(data, str | os.PathLike):
        raise TypeError(
            f"{name} is a path ({os.fspath(data)!r}). Pass an iterator over it: "
            "ImageDataGenerator(...).flow_from_directory(path, ...)."
        )


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raise for a callback that would fail at its first batch, as its package is missing.

    Args:
        callbacks: The callbacks.

    Raises:
        ModuleNotFoundError: When TensorBoard is among them and not installed.
    """
    wanted = any(isinstance(each, keras.callbacks.TensorBoard) for each in callbacks)
    if wanted and importlib.util.find_spec("tensorboard") is None:
        raise ModuleNotFoundError(
            "Expected the package tensorboard for the callback TensorBoard. Install it: "
            "pip install tensorboard."
        )


def refuse_surplus(names: Sequence[str]) -> None:
    """Raise TypeError for arguments that do not go with an iterator.

    Args:
        names: Their names.

    Raises:
        TypeError: When there is one; the message says what Keras 2's arguments are called now.

    Example:
        >>> refuse_surplus(["nb_epoch"])
        Traceback (most recent call last):
        TypeError: nb_epoch of Keras 2 is now called epochs.
    """
    told = []
    others = [name for name in names if name not in _KERAS_2]
    if others:
        told.append(
            "An iterator has its own labels and batches. Leave out " + ", ".join(sorted(others))
        )
    for name in names:
        if name in _KERAS_2:
            now = _KERAS_2[name]
            renamed = f"is now called {now}" if now else "has no effect any more: leave it out"
            told.append(f"{name} of Keras 2 {renamed}")
    if told:
        raise TypeError(f"{'. '.join(told)}.")


def check_model(model: keras.Model, flow: Iterator, name: str = "The flow") -> None:
    """Check that an iterator's images and labels fit the model.

    Args:
        model: The model, compiled.
        flow: The flow.
        name: What to call the flow in messages.

    Raises:
        ValueError: When the model is not compiled, shapes, classes, loss or scaling do not fit,
            or the Keras backend cannot train it.
    """
    if not model.compiled:
        raise ValueError(
            "The model is not compiled. Call model.compile(optimizer, loss, metrics) first."
        )
    _check_backend(model)
    if unknown := variables_unknown_to_optimizer(model):
        raise ValueError(
            f"Layers have been unfrozen since the model was compiled: {unknown[0].path} and others "
            "are unknown to its optimizer. Call model.compile(optimizer, loss, metrics) again."
        )
    if flow.n == 0:
        raise ValueError(f"{name} has no images.")
    _check_shape(model, flow, name)
    if flow.class_mode is None:
        raise ValueError(
            f"{name} has no labels: it was made with class_mode=None. "
            'Make it with class_mode="categorical".'
        )
    if flow.class_mode in ("raw", "multi_output"):
        _check_numbers(flow, name)
    if flow.class_mode in ("categorical", "sparse", "binary"):
        _check_classes(model, len(flow.class_indices or ()), flow.class_mode, name)
        _check_loss(model, flow.class_mode, name)
    check_pixels(model, flow, name)


def check_same_classes(training: Iterator, validation: Iterator) -> None:
    """Check that validation numbers its classes as training does.

    Args:
        training: The flow that is trained on.
        validation: The flow of validation.

    Raises:
        ValueError: When the classes or their numbers differ.
    """
    ours = training.class_indices
    theirs = validation.class_indices
    if ours and theirs and ours != theirs:
        raise ValueError(
            f"validation_data has the classes {_in_order(theirs)}, training has "
            f"{_in_order(ours)}. Pass the same `classes` to both."
        )


def whole_steps(steps: float | None, default: Any, name: str) -> Any:
    """Round a number of steps up, since scripts pass `n / batch_size`.

    Args:
        steps: A number above 0, or None.
        default: What None stands for.
        name: The argument's name, for the message.

    Returns:
        At least 1.

    Raises:
        ValueError: When it is not above 0.

    Example:
        >>> whole_steps(71 / 20, 1, "validation_steps")
        4
    """
    if steps is None:
        return default
    if not (math.isfinite(steps) and steps > 0):
        raise ValueError(f"{name} should be a number above 0. Received: {steps}")
    return math.ceil(steps)


def validated_epochs(frequency: float | Sequence[float]) -> int | list[int]:
    """Convert `validation_freq` to what Keras takes, since R passes fractional numbers.

    Args:
        frequency: A number of epochs, or the numbers of the epochs to validate after.

    Returns:
        Integers.

    Raises:
        ValueError: When a number is not a whole one above 0.

    Example:
        >>> validated_epochs(2.0), validated_epochs((1, 5))
        (2, [1, 5])
    """
    several = isinstance(frequency, Sequence)
    epochs = list(frequency) if isinstance(frequency, Sequence) else [frequency]
    if not all(epoch == math.floor(epoch) and epoch > 0 for epoch in epochs):
        raise ValueError(
            "Expected validation_freq to be a whole number above 0, or a list of them. Received: "
            f"{frequency}."
        )
    whole = [int(epoch) for epoch in epochs]
    return whole if several else whole[0]


def numbered_weights(
    class_weight: Mapping[Any, float] | None, flow: Iterator
) -> dict[int, float] | None:
    """Convert class weights, which may be given by class name, to class numbers.

    Args:
        class_weight: Class name or number to weight.
        flow: The iterator, which knows the numbers of the names.

    Returns:
        Number to weight, for Keras.

    Raises:
        ValueError: For a class that the iterator does not have.
    """
    if class_weight is None:
        return None
    numbers = flow.class_indices or {}
    weights = {}
    for key, weight in class_weight.items():
        number = numbers.get(key, key)
        if isinstance(number, str) or (numbers and number not in numbers.values()):
            raise ValueError(
                f"class_weight has the unknown class {key!r}. The classes are {_in_order(numbers)}."
            )
        weights[int(number)] = float(weight)
    return weights


def _check_backend(model: keras.Model) -> None:
    """Refuse what Keras refuses only after features have been computed."""
    backend = keras.backend.backend()
    if backend not in _TRAINING_BACKENDS:
        raise ValueError(
            f"Expected a Keras backend that can train: {', '.join(_TRAINING_BACKENDS)}. "
            f"Received: {backend}. Set KERAS_BACKEND before Keras is imported."
        )
    if backend == "torch" and model.steps_per_execution > 1:
        raise ValueError(
            "Expected steps_per_execution=1 in model.compile, the only value that Keras supports "
            f"on torch. Received: {model.steps_per_execution}."
        )


def _check_shape(model: keras.Model, flow: Iterator, name: str) -> None:
    wanted = getattr(model, "input_shape", None)  # A subclass may not know it.
    if not isinstance(wanted, tuple) or len(wanted) != 1 + len(flow.image_shape):
        return
    if any(want not in (None, has) for want, has in zip(wanted[1:], flow.image_shape)):
        raise ValueError(
            f"{name} yields images of shape {tuple(flow.image_shape)}, but the model expects "
            f"{wanted[1:]}. Set the flow's target_size and color_mode, or the model's input_shape."
        )


def _check_numbers(flow: Iterator, name: str) -> None:
    outputs = flow.labels if flow.class_mode == "multi_output" else [flow.labels]
    for values in map(np.asarray, outputs):
        # A column of lists has the type object too.
        first = values.tolist()[0] if values.ndim == 1 and values.size else 0
        if values.dtype.kind in "UO" and isinstance(first, str):
            raise ValueError(
                f"{name} has texts as labels, such as {first!r}. Expected numbers with "
                f"class_mode={flow.class_mode!r}. For names of classes, use "
                'class_mode="categorical" or "sparse"; for several outputs, replace the names by '
                "numbers first."
            )


def _check_classes(model: keras.Model, classes: int, class_mode: str, name: str) -> None:
    outputs = getattr(model, "output_shape", None)
    if not isinstance(outputs, tuple):
        return
    units = outputs[-1]
    if class_mode == "binary":
        if classes != 2:
            raise ValueError(
                f'{name} has {classes} classes and class_mode="binary", which needs 2. '
                'Make it with class_mode="categorical".'
            )
        if units != 1:
            raise ValueError(
                f'{name} yields one label for each image (class_mode="binary"), but the model has '
                f'{units} outputs. End it in one sigmoid unit, or use class_mode="categorical".'
            )
    elif units != classes:
        raise ValueError(
            f"{name} has {classes} classes, but the model has {units} outputs. Set the last "
            f"layer's units to {classes}, or check the class folders if that is too many or few."
        )


def _check_loss(model: keras.Model, class_mode: str, name: str) -> None:
    loss = _loss_name(model.loss)
    right = None
    if class_mode == "categorical" and loss in _NUMBERED:
        right = "categorical_crossentropy"
    if class_mode == "sparse" and loss in _ONE_HOT | _TWO_WAY:
        right = "sparse_categorical_crossentropy"
    if class_mode == "binary" and loss in _ONE_HOT | _NUMBERED:
        right = "binary_crossentropy"
    if right:
        raise ValueError(
            f'{name} has class_mode="{class_mode}", which does not go with the loss {loss}. '
            f'Compile the model with loss="{right}".'
        )


def _loss_name(loss: Any) -> str:
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", ""))


def _in_order(class_indices: Mapping[str, int]) -> list[str]:
    return sorted(class_indices, key=lambda name: class_indices[name])
