"""Resizing arrays to the pixels of Pillow's `Image.resize`, in faster ways where they are exact."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from .resampling import resample

INTERPOLATIONS: dict[str, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}


def validate_interpolation(interpolation: str) -> None:
    """Raise `ValueError` when an interpolation method is unknown.

    Args:
        interpolation: The argument received.

    Raises:
        ValueError: When it is not one of Pillow's methods.

    Example:
        >>> validate_interpolation("cubic")
        Traceback (most recent call last):
        ValueError: Expected interpolation to be one of: nearest, bilinear, bicubic, hamming, box,
        lanczos. Received: 'cubic'
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"Expected interpolation to be one of: {', '.join(INTERPOLATIONS)}. "
            f"Received: {interpolation!r}"
        )


def crop_box(
    size: tuple[int, int], target_size: tuple[int, int], keep_aspect_ratio: bool
) -> tuple[int, int, int, int]:
    """Return the box of an image that is resized to `target_size`.

    Args:
        size: Height and width of the image, in pixels.
        target_size: Height and width to resize to, in pixels.
        keep_aspect_ratio: Whether to take the largest centered box with the aspect ratio of
            `target_size`, instead of the full image.

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
    """Resize an image to the pixels of Pillow's `Image.resize`.

    Args:
        image: uint8 of shape (height, width), (height, width, 3) or (height, width, 4); or
            uint16 or int32 of shape (height, width).
        target_size: Height and width to resize to, in pixels.
        interpolation: How to resize: "nearest", "bilinear", "bicubic", "hamming", "box" or
            "lanczos".
        keep_aspect_ratio: Whether to crop the image to the aspect ratio of `target_size` first.

    Returns:
        Array of the same dtype with the height and width of `target_size`.

    Raises:
        ValueError: When `interpolation` is unknown.

    Example:
        >>> resize(np.array([[0, 100, 200, 240]], np.uint8), (1, 2), "bilinear")
        array([[ 71, 203]], dtype=uint8)

    Source:
        `keras.utils.load_img`, `PIL.Image.Image.resize`.
    """
    validate_interpolation(interpolation)
    size = (image.shape[0], image.shape[1])
    if size == tuple(target_size):
        return image
    method, box = INTERPOLATIONS[interpolation], crop_box(size, target_size, keep_aspect_ratio)
    resized = None
    if image.dtype == np.uint8 and interpolation == "nearest":
        resized = _take_nearest(image, target_size, box)
    elif image.dtype == np.uint8 and image.shape[2:] != (4,):  # Pillow weighs colors by alpha.
        resized = resample(image, target_size, method, box)
    if resized is None:
        pil_image = Image.fromarray(image).resize((target_size[1], target_size[0]), method, box)
        resized = np.asarray(pil_image)
    return resized


def _take_nearest(
    image: np.ndarray, target_size: tuple[int, int], box: tuple[int, int, int, int]
) -> np.ndarray:
    left, top, right, bottom = box
    rows, rows_same = _nearest_indices(image.shape[0], top, bottom, target_size[0])
    columns, columns_same = _nearest_indices(image.shape[1], left, right, target_size[1])
    if not (rows_same and columns_same):
        return image.take(rows, axis=0).take(columns, axis=1)
    size = (target_size[1], target_size[0])
    return cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_NEAREST_EXACT)


@lru_cache(maxsize=4096)
def _nearest_indices(length: int, start: int, stop: int, target: int) -> tuple[np.ndarray, bool]:
    """Return the pixels that Pillow selects along an axis, and whether OpenCV selects the same."""
    ramp = np.arange(length, dtype=np.int32)[None]
    selected = Image.fromarray(ramp).resize(
        (target, 1), Image.Resampling.NEAREST, box=(start, 0, stop, 1)
    )
    index = np.asarray(selected)[0].astype(np.intp)
    index.setflags(write=False)
    if start == stop:  # Nothing is left of some very narrow images.
        return index, False
    part = ramp[:, start:stop].astype(np.float32)
    opencv = cv2.resize(part, (target, 1), interpolation=cv2.INTER_NEAREST_EXACT)
    return index, np.array_equal(opencv[0], index)
