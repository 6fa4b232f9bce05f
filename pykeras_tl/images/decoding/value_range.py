"""Scaling of the values in image files of 16 bits or floating-point numbers to 0..255."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

# None, "dtype", or the lowest and highest value.
DtypeRange = str | tuple[float, float] | None

ADVICE = 'dtype_range="dtype", or with the range of their values, such as dtype_range=(0, 4095)'


def as_dtype_range(value: Any) -> DtypeRange:
    """Return `dtype_range` in the form that can be compared and stored.

    Args:
        value: The argument received. JSON and R have lists for tuples.

    Returns:
        None, "dtype", or a tuple of two floats.

    Raises:
        ValueError: When it is something else.

    Example:
        >>> as_dtype_range([0, 4095])
        (0.0, 4095.0)
    """
    if value is None or (isinstance(value, str) and value == "dtype"):
        return value
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            'Expected dtype_range to be None, "dtype", or (low, high) with low below high. '
            f"Received: {value!r}"
        )
    return low, high


def range_setting(dtype_range: DtypeRange) -> dict[str, Any]:
    """Return `dtype_range` as the only entry of a record, none where it is None.

    Args:
        dtype_range: None, "dtype", or the lowest and highest value.

    Returns:
        The record, of values that JSON can represent.

    Example:
        >>> range_setting((0.0, 4095.0)), range_setting(None)
        ({'dtype_range': [0.0, 4095.0]}, {})
    """
    if dtype_range is None:
        return {}
    return {"dtype_range": dtype_range if isinstance(dtype_range, str) else list(dtype_range)}


def scale_to_bytes(values: np.ndarray, dtype_range: DtypeRange, largest: float) -> np.ndarray:
    """Scale the values of an image to 0..255, cut off what is beyond, and round.

    Args:
        values: Array of shape (height, width), (height, width, 1), (height, width, 3) or
            (height, width, 4). The fourth channel, alpha, is always scaled from 0..`largest`.
        dtype_range: "dtype" for 0..`largest`, or the lowest and highest value.
        largest: Largest value of the file's type.

    Returns:
        uint8 array of the same shape; 0 where a value is not a number.

    Example:
        >>> scale_to_bytes(np.array([[100, 2100, 9000]], "uint16"), (100, 4100), 65535)
        array([[  0, 128, 255]], dtype=uint8)
    """
    if dtype_range == "dtype" or dtype_range is None:
        return _scale(values, 0, largest)
    scaled = _scale(values, float(dtype_range[0]), float(dtype_range[1]))
    if values.ndim == 3 and values.shape[2] == 4:
        scaled[..., 3] = _scale(values[..., 3], 0, largest)
    return scaled


def deep_values(image: Image.Image, data: bytes) -> tuple[np.ndarray, float] | None:
    """Return the values of an image with more than 8 bits for each channel, with all of them.

    Args:
        image: The image as Pillow reads it, which is 8 bits for each color.
        data: Content of its file.

    Returns:
        Array of shape (height, width), (height, width, 3) or (height, width, 4), and the largest
        value of its type: 1 for floating-point numbers. None for an image of 8 bits.

    Example:
        >>> import io
        >>> pixels = Image.fromarray(np.array([[0, 60_000]], "uint16"))
        >>> pixels.save(content := io.BytesIO(), "PNG")
        >>> deep_values(Image.open(content), content.getvalue())
        (array([[    0, 60000]], dtype=uint16), 65535)
    """
    if image.mode == "F":
        return np.asarray(image), 1
    bits, signed = _bits(image, data)
    if bits <= 8:
        return None
    largest = 2 ** (bits - signed) - 1
    if image.mode.startswith("I"):
        return np.asarray(image), largest
    colors = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if colors is None or colors.ndim != 3 or colors.dtype == np.uint8:
        # A layout that OpenCV does not know: Pillow has the upper 8 of 16 bits.
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return np.asarray(image.convert(mode)) * np.uint16(257), 65535
    to_rgb = cv2.COLOR_BGRA2RGBA if colors.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(colors, to_rgb), largest


def _scale(values: np.ndarray, low: float, high: float) -> np.ndarray:
    if values.dtype == np.uint8 and (low, high) == (0, 255):
        return values
    scaled = values.astype(np.result_type(values.dtype, np.float32))
    scaled -= low
    scaled *= 255 / (high - low)
    np.clip(scaled, 0, 255, out=scaled)
    return np.rint(np.nan_to_num(scaled, copy=False)).astype(np.uint8)


def _bits(image: Image.Image, data: bytes) -> tuple[int, bool]:
    """Return the number of bits of each channel in a file, and whether one is for the sign."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        signed = 2 in tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
        return max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))), signed
    if image.format == "PNG":
        return data[24], False
    return (16 if image.mode.startswith("I") else 8), False
