"""Transforms and standardizes one image of a batch.

There are two paths. The slow one calls the generator's `apply_transform` and `standardize`,
as Keras does. The fast one warps and flips in one step into the batch's memory. It is only
taken where it gives the same values to within 0.01 of 255 gray levels, and exactly the same
where values are truncated to integers afterwards; tests compare both with Keras.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .affine_matrices import compose_flip
from .augmenter import Augmenter
from .color import apply_brightness_shift, brightness_table
from .sampling import TransformParams
from .scipy_warp import warp_like_scipy
from .warp import warp, warp_truncated

_OVERRIDABLE = ("get_random_transform", "apply_transform", "random_transform", "standardize")

BatchParams = TransformParams | list[dict[str, Any]] | None


def overridden(generator: Augmenter, *names: str) -> bool:
    """Return whether a generator's class overrides one of these methods.

    Args:
        generator: The generator.
        *names: Names of methods of `Augmenter`.

    Returns:
        True when one of them is not `Augmenter`'s own.

    Example:
        >>> class Inverting(Augmenter):
        ...     def standardize(self, x):
        ...         return 255 - x
        >>> overridden(Augmenter(), "standardize"), overridden(Inverting(), "standardize")
        (False, True)
    """
    return any(getattr(type(generator), name) is not getattr(Augmenter, name) for name in names)


class ImagePipeline:
    """Computes the images of a batch with a generator's current settings.

    Args:
        generator: Augmentation and standardization; None for neither.
        data_format: "channels_last" or "channels_first", of the batch.
        dtype: Data type that images are transformed in, which is not always the batch's.
    """

    def __init__(self, generator: Augmenter | None, data_format: str, dtype: np.dtype) -> None:
        self.generator = generator
        self.first = data_format == "channels_first"
        self.dtype = dtype
        self.fused = generator is None or self._can_run_fused(generator)

    def run(self, source: np.ndarray, params: BatchParams, index: int, out: np.ndarray) -> None:
        """Transform and standardize one image.

        Args:
            source: Its pixels, shape (height, width, channels).
            params: Parameters of the batch's random transforms.
            index: Index of the image in the batch.
            out: View of the batch to write to, in the batch's data format.
        """
        if self.generator is None or params is None:
            out[...] = self._in_format(source)
        elif self.fused and isinstance(params, TransformParams) and source.shape[2] <= 4:
            self._run_fused(source, params, index, out)
        else:
            parameters = params.one(index) if isinstance(params, TransformParams) else params[index]
            x = self._in_format(source).astype(self.dtype)
            x = self.generator.apply_transform(x, parameters)
            out[...] = self.generator.standardize(x)

    def _can_run_fused(self, generator: Augmenter) -> bool:
        import keras

        # Keras's brightness uses Keras's data format, and fails with another one.
        formats_differ = generator.data_format != keras.config.image_data_format()
        return (
            self.dtype == np.float32
            and not overridden(generator, *_OVERRIDABLE)
            # The last digit of a mean depends on the array's layout in memory.
            and not (generator.samplewise_center or generator.samplewise_std_normalization)
            and not (generator.brightness_range is not None and (self.first or formats_differ))
        )

    def _run_fused(
        self, source: np.ndarray, params: TransformParams, index: int, out: np.ndarray
    ) -> None:
        generator = self.generator
        assert generator is not None
        in_place = not self.first and out.dtype == np.float32
        flips = _flip_code(params, index)
        x = out if in_place else np.empty(source.shape, np.float32)
        if params.moved[index]:
            # Truncation to integers turns the smallest error into a difference of one.
            exact = out.dtype.kind != "f"
            x = _warp_and_flip(source, params, index, generator, x, exact)
        else:
            pixels = source if flips is None else _flipped(source, flips)
            changes = params.parameters
            shifts = changes["channel_shift_intensity"] is not None
            if pixels.dtype == np.uint8 and changes["brightness"] is not None and not shifts:
                x = pixels
            else:
                np.copyto(x, pixels)
        x = _change_colors(x, params, index)
        if self.first:
            x = x.transpose(2, 0, 1)
        x = generator.standardize(x)
        if x is not out:
            out[...] = x

    def _in_format(self, source: np.ndarray) -> np.ndarray:
        return source.transpose(2, 0, 1) if self.first else source


def _flip_code(params: TransformParams, index: int) -> int | None:
    """Return OpenCV's code for an image's flips, None for none."""
    horizontal = params.parameters["flip_horizontal"]
    vertical = params.parameters["flip_vertical"]
    assert horizontal is not None
    assert vertical is not None
    if horizontal[index]:
        return -1 if vertical[index] else 1
    return 0 if vertical[index] else None


def _flipped(image: np.ndarray, code: int) -> np.ndarray:
    return cv2.flip(image, code).reshape(image.shape)


def _warp_and_flip(
    source: np.ndarray,
    params: TransformParams,
    index: int,
    generator: Augmenter,
    out: np.ndarray,
    exact: bool,
) -> np.ndarray:
    """Warp and flip an image in one step."""
    height, width = source.shape[:2]
    flips = _flip_code(params, index)
    matrix = params.matrices[index]
    if flips is not None:
        matrix = compose_flip(matrix, height, width, flips != 1, flips != 0)
    mode, cval = generator.fill_mode, generator.cval
    if generator.interpolation_order == 1 and not exact:
        if generator.brightness_range is None:
            return warp(source, matrix, mode, cval, out)
        # Brightness truncates to integers, too.
        if source.dtype == np.uint8 and cval in range(256):
            return warp_truncated(source, matrix, mode, cval, _channel_shift(params, index))
    return warp_like_scipy(
        source.astype(np.float32), matrix, mode, cval, generator.interpolation_order
    )


def _change_colors(x: np.ndarray, params: TransformParams, index: int) -> np.ndarray:
    """Apply channel shift and brightness; bytes get brightness alone, they were shifted before."""
    intensity = _channel_shift(params, index)
    if intensity is not None and x.dtype != np.uint8:
        np.clip(x + intensity, np.min(x), np.max(x), out=x)
    brightness = params.parameters["brightness"]
    if brightness is None:
        return x
    factor = brightness[index].item()
    outside = x.dtype != np.uint8 and (np.min(x) < 0 or np.max(x) > 255)
    if x.shape[2] == 4 or outside:
        return apply_brightness_shift(x.astype(np.float32, copy=False), factor, False)
    table = brightness_table(factor).astype(np.float32)
    return cv2.LUT(x.astype(np.uint8, copy=False), table).reshape(x.shape)


def _channel_shift(params: TransformParams, index: int) -> float | None:
    intensities = params.parameters["channel_shift_intensity"]
    return None if intensities is None else intensities[index].item()
