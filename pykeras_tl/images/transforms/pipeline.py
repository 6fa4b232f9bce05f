"""One image: from the pixels of a file or array to its place in a batch."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .affine_matrices import compose_flip
from .augmenter import Augmenter
from .color import apply_brightness_shift, brightness_table
from .sampling import TransformParams
from .scipy_warp import warp_like_scipy
from .warp import warp, warp_for_truncation

_OVERRIDABLE = ("get_random_transform", "apply_transform", "random_transform", "standardize")

BatchParams = TransformParams | list[dict[str, Any]] | None


def overridden(generator: Augmenter, *names: str) -> bool:
    """Tell whether a generator is of a class that changes one of these methods.

    Args:
        generator: The generator.
        *names: Names of methods of `Augmenter`.

    Returns:
        True when one of them is not `Augmenter`'s own.

    Example:
        >>> overridden(Augmenter(), "standardize")
        False
    """
    return any(getattr(type(generator), n) is not getattr(Augmenter, n) for n in names)


class ImagePipeline:
    """Makes images of a batch as a generator's present settings say.

    Args:
        generator: The settings; None only converts.
        data_format: "channels_last" or "channels_first", of the images made.
        dtype: Type that images are transformed in, which is not always the batch's.
    """

    def __init__(self, generator: Augmenter | None, data_format: str, dtype: np.dtype) -> None:
        self.generator = generator
        self.first = data_format == "channels_first"
        self.dtype = dtype
        self.fused = generator is None or self._can_run_fused(generator)

    def run(self, source: np.ndarray, params: BatchParams, index: int, out: np.ndarray) -> None:
        """Transform and standardize one image.

        Args:
            source: Its pixels, of shape (height, width, channels).
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

        # Keras's brightness goes by its own data format; the other way round it fails.
        formats_differ = generator.data_format != keras.config.image_data_format()
        return (
            self.dtype == np.float32
            and not overridden(generator, *_OVERRIDABLE)
            # A mean depends, in its last digit, on how an array lies in memory.
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
            # Cutting values to whole numbers makes a difference of one of the least error.
            exact = out.dtype.kind != "f"
            x = _warp_and_flip(source, params, index, generator, x, exact)
        else:
            np.copyto(x, source if flips is None else _flipped(source, flips))
        x = _change_colors(x, params, index)
        if self.first:
            x = x.transpose(2, 0, 1)
        x = generator.standardize(x)
        if x is not out:
            out[...] = x

    def _in_format(self, source: np.ndarray) -> np.ndarray:
        return source.transpose(2, 0, 1) if self.first else source


def _flip_code(params: TransformParams, index: int) -> int | None:
    """Give OpenCV's code for the flips params, None for none."""
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
    """Warp and flip in one step."""
    height, width = source.shape[:2]
    flips = _flip_code(params, index)
    matrix = params.matrices[index]
    if flips is not None:
        matrix = compose_flip(matrix, height, width, flips != 1, flips != 0)
    mode, cval = generator.fill_mode, generator.cval
    if generator.interpolation_order == 1 and not exact:
        if generator.brightness_range is None:
            return warp(source, matrix, mode, cval, out)
        # So does a change of brightness.
        if source.dtype == np.uint8 and 0 <= cval <= 255 and not generator.channel_shift_range:
            return warp_for_truncation(source, matrix, mode, cval, out)
    return warp_like_scipy(
        source.astype(np.float32), matrix, mode, cval, generator.interpolation_order
    )


def _change_colors(x: np.ndarray, params: TransformParams, index: int) -> np.ndarray:
    intensity = params.parameters["channel_shift_intensity"]
    if intensity is not None:
        np.clip(x + intensity[index].item(), np.min(x), np.max(x), out=x)
    brightness = params.parameters["brightness"]
    if brightness is None:
        return x
    if x.shape[2] != 4 and np.min(x) >= 0 and np.max(x) <= 255:
        return np.take(brightness_table(brightness[index].item()), x.astype(np.uint8)).astype(
            np.float32
        )
    return apply_brightness_shift(x, brightness[index].item(), False)
