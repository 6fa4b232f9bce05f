"""Pillow's resizing, on arrays."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

INTERPOLATIONS: dict[str, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}


def check_interpolation(interpolation: str) -> None:
    """Refuse a way of resizing that there is not.

    Args:
        interpolation: The name received.

    Raises:
        ValueError: When it is none of Pillow's.

    Example:
        >>> check_interpolation("bicubic")
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"Invalid interpolation method {interpolation!r}; "
            f"supported methods are {', '.join(INTERPOLATIONS)}."
        )


def crop_box(
    size: tuple[int, int], target_size: tuple[int, int], keep_aspect_ratio: bool
) -> tuple[int, int, int, int]:
    """Find the part of a pil_image that is resized to `target_size`.

    Args:
        size: Height and width of the image.
        target_size: Height and width wanted.
        keep_aspect_ratio: Whether to take the largest centred part that has the shape of
            `target_size`, in place of the whole image.

    Returns:
        Left, top, right and bottom, in pixels.

    Example:
        >>> crop_box((240, 320), (100, 100), True)
        (40, 0, 280, 240)
    """
    height, width = size
    if not keep_aspect_ratio:
        return 0, 0, width, height
    crop_height = min(height, (width * target_size[0]) // target_size[1])
    crop_width = min(width, (height * target_size[1]) // target_size[0])
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def resize(
    image: np.ndarray,
    target_size: tuple[int, int],
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> np.ndarray:
    """Resize an image to the pixels that Pillow's `Image.resize` gives.

    Args:
        image: Pixels as Pillow knows them: uint8 of shape (height, width), (height, width, 3)
            or (height, width, 4); uint16 or int32 of shape (height, width).
        target_size: Height and width wanted.
        interpolation: One of "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: Whether to cut the image to the shape of `target_size` first.

    Returns:
        Array of the same dtype with `target_size` as its height and width.

    Raises:
        ValueError: When `interpolation` is unknown.

    Example:
        >>> resize(np.zeros((240, 320, 3), np.uint8), (150, 150)).shape
        (150, 150, 3)

    Source:
        `keras.utils.load_img`, `PIL.Image.Image.resize`.
    """
    check_interpolation(interpolation)
    size = (image.shape[0], image.shape[1])
    if size == tuple(target_size):
        return image
    left, top, right, bottom = crop_box(size, target_size, keep_aspect_ratio)
    if interpolation != "nearest" or image.dtype != np.uint8:
        pil_image = Image.fromarray(image).resize(
            (target_size[1], target_size[0]),
            INTERPOLATIONS[interpolation],
            box=(left, top, right, bottom),
        )
        return np.asarray(pil_image)
    rows, rows_fit = _nearest(size[0], top, bottom, target_size[0])
    columns, columns_fit = _nearest(size[1], left, right, target_size[1])
    if rows_fit and columns_fit:
        return cv2.resize(
            image, (target_size[1], target_size[0]), interpolation=cv2.INTER_NEAREST_EXACT
        )
    return image[rows[:, None], columns]


@lru_cache(maxsize=4096)
def _nearest(length: int, start: int, stop: int, target: int) -> tuple[np.ndarray, bool]:
    """Find the pixels Pillow takes along one axis, and whether OpenCV takes the same ones."""
    ramp = np.arange(length, dtype=np.int32)[None]
    taken = Image.fromarray(ramp).resize(
        (target, 1), Image.Resampling.NEAREST, box=(start, 0, stop, 1)
    )
    index = np.asarray(taken)[0].astype(np.intp)
    index.setflags(write=False)
    opencv = cv2.resize(ramp.astype(np.float32), (target, 1), interpolation=cv2.INTER_NEAREST_EXACT)
    return index, np.array_equal(opencv[0], index)
