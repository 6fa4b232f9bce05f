"""Whether images reach a model scaled once, as it expects them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np

from ..images.iterators.base import Iterator
from ..images.transforms.augmenter import Augmenter
from ..models.input_scaling import scales_input

_LOOKED_AT = 8


def check_scaling(model: keras.Model, flow: Iterator, name: str) -> None:
    """See that pixels are scaled once: by the model or before it, and not at all twice.

    Args:
        model: The model.
        flow: The flow.
        name: What to call the flow in messages.

    Raises:
        ValueError: When the flow's settings scale what the model scales again.
    """
    settings = flow.image_data_generator
    if settings is None:
        return
    carries = scales_input(model)
    if carries:
        _refuse_twice(settings, tuple(flow.image_shape), name)
    pixels = _some_pixels(flow)
    low, high = float(pixels.min()), float(pixels.max())
    told = f"{name} gives pixels from {low:.3g} to {high:.3g}"
    if carries and 0 < high <= 2:
        _warn(
            f"{told} to a model that carries its preprocessing and expects 0 to 255: the input "
            "looks scaled twice. Give the images as they are."
        )
    elif not carries and 0 < high <= 2 / 255 and low >= 0:
        _warn(
            f"{told}: the input looks scaled twice. Leave out rescale where the images are "
            "scaled already."
        )
    elif not carries and high > 2 and not _scales(settings):
        _warn(
            f"{told} to a model that does not scale them; it will hardly learn. Make the "
            "ImageDataGenerator with rescale=1/255."
        )


def _refuse_twice(settings: Augmenter, shape: tuple[int, ...], name: str) -> None:
    what = "standardization" if _standardizes(settings) else ""
    if _changes_scale(settings.preprocessing_function, shape):
        what = "preprocessing_function"
    if _rescales(settings):
        what = "rescale"
    if what:
        raise ValueError(
            f"The images would be scaled twice: the model carries its preprocessing, and "
            f"{name[0].lower() + name[1:]}'s ImageDataGenerator has {what}. Leave one out."
        )


def _scales(settings: Augmenter) -> bool:
    return bool(_rescales(settings) or _standardizes(settings) or settings.preprocessing_function)


def _rescales(settings: Augmenter) -> bool:
    return settings.rescale not in (None, 0, 1)


def _standardizes(settings: Augmenter) -> bool:
    return any(
        getattr(settings, option)
        for option in (
            "featurewise_center",
            "samplewise_center",
            "featurewise_std_normalization",
            "samplewise_std_normalization",
            "zca_whitening",
        )
    )


def _changes_scale(function: Any, shape: tuple[int, ...]) -> bool:
    """Tell scaling from augmentation, which leaves pixels between 0 and 255."""
    if function is None:
        return False
    probe = np.linspace(0, 255, math.prod(shape), dtype="float32").reshape(shape)
    result = np.asarray(function(probe.copy()))
    return bool(result.min() < -1 or result.max() <= 2)


def _some_pixels(flow: Iterator) -> np.ndarray:
    """A few images from all over the flow, as they reach the model but for augmentation."""
    twin = flow.in_file_order()
    twin.batch_size = min(_LOOKED_AT, flow.n)
    twin.index_array = np.linspace(0, flow.n - 1, twin.batch_size).astype(int)
    batch = twin[0]
    images = batch[0] if isinstance(batch, tuple) else batch
    return np.asarray(images[0] if isinstance(images, list) else images)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)
