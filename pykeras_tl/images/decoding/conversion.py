"""Keras's functions between image files, Pillow images and arrays."""

from __future__ import annotations

import io
import os
import pathlib
import warnings
from typing import Any

import numpy as np
from PIL import Image

from .reading import open_image
from .resizing import INTERPOLATIONS, check_interpolation, crop_box


def load_img(
    path: str | bytes | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Load an image file as a Pillow image.

    Args:
        path: The file, or its content.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: Height and width wanted; the file's own when absent.
        interpolation: One of "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: Whether to cut the image to the shape of `target_size` before it
            is resized, in place of distorting it.

    Returns:
        The image, of mode "RGB", "RGBA", or for "grayscale" of mode "L", "I;16" or "I".

    Raises:
        FileNotFoundError: When there is no such file.
        BadImageError: When it cannot be decoded.
        TypeError: When `path` is not a path.
        ValueError: When `color_mode` or `interpolation` is unknown.

    Example:
        >>> content = io.BytesIO()
        >>> Image.new("RGB", (320, 240)).save(content, "PNG")
        >>> load_img(content, target_size=(150, 150)).size
        (150, 150)

    Source:
        `keras.utils.load_img`.
    """
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, (str, os.PathLike, io.BytesIO)):
        raise TypeError(f"path should be a path or io.BytesIO, not {type(path).__name__}.")
    image = open_image(path, color_mode)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    check_interpolation(interpolation)
    return image.resize(
        (target_size[1], target_size[0]),
        INTERPOLATIONS[interpolation],
        box=crop_box((image.height, image.width), target_size, keep_aspect_ratio),
    )


def img_to_array(
    img: Image.Image, data_format: str | None = None, dtype: str | None = None
) -> np.ndarray:
    """Convert a Pillow image to an array.

    Args:
        img: The image, or anything NumPy can make an array of two or three axes from.
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        dtype: Type of the numbers; Keras's `floatx` when absent.

    Returns:
        Array of shape (height, width, channels), or (channels, height, width).

    Raises:
        ValueError: When `data_format` is unknown or there are not two or three axes.

    Example:
        >>> img_to_array(Image.new("L", (3, 2))).shape
        (2, 3, 1)

    Source:
        `keras.utils.img_to_array`.
    """
    first = _channels_first(data_format)
    array = np.asarray(img, dtype=_floatx(dtype))
    if array.ndim == 2:
        return array[None] if first else array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"Unsupported image shape: {array.shape}; expected two or three axes.")
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None
) -> Image.Image:
    """Convert an array to a Pillow image.

    Args:
        x: Array of shape (height, width, channels), or (channels, height, width), with 1, 3
            or 4 channels.
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        scale: Whether to stretch the values so that the smallest becomes 0 and the largest
            255. Without it they should be in 0..255.
        dtype: Type to compute in; Keras's `floatx` when absent.

    Returns:
        An image of mode "RGB", "RGBA", "L", or for gray values above 255 "I".

    Raises:
        ValueError: When the shape is none of an image.

    Example:
        >>> array_to_img(np.zeros((2, 3, 3))).size
        (3, 2)

    Source:
        `keras.utils.array_to_img`. Like Keras's it cuts fractions off and does not round.
    """
    first = _channels_first(data_format)
    array = np.asarray(x, dtype=_floatx(dtype))
    if array.ndim != 3:
        raise ValueError(
            "Expected image array to have rank 3 (single image). "
            f"Got array with shape: {array.shape}"
        )
    if first:
        array = array.transpose(1, 2, 0)
    if scale:
        array = _stretch(array)
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}; expected 1, 3 or 4.")
    if channels == 1:
        kind = "int32" if np.max(array) > 255 else "uint8"
        return Image.fromarray(array[:, :, 0].astype(kind))
    return Image.fromarray(array.astype("uint8"))


def save_img(
    path: str | os.PathLike[str] | io.BytesIO,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Save an array as an image file.

    Args:
        path: The file to write, or a buffer.
        x: Array of shape (height, width, channels), or (channels, height, width).
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        file_format: Format of the file; told by the extension when absent. Needed for a
            buffer.
        scale: Whether to stretch the values to 0..255.
        **kwargs: What `PIL.Image.Image.save` takes besides.

    Raises:
        ValueError: When the shape is none of an image, or the format is unknown.
        OSError: When the file cannot be written.

    Example:
        >>> save_img(io.BytesIO(), np.zeros((2, 3, 3)), file_format="png")

    Source:
        `keras.utils.save_img`.
    """
    if file_format is None and isinstance(path, (str, pathlib.Path)):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2
        )
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def _stretch(array: np.ndarray) -> np.ndarray:
    array = array - np.min(array)
    largest = np.max(array)
    if largest != 0:
        array /= largest
    array *= 255
    return array


def _channels_first(data_format: str | None) -> bool:
    if data_format is None:
        import keras

        data_format = keras.config.image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            f'data_format should be "channels_last" or "channels_first". Received: {data_format!r}'
        )
    return data_format == "channels_first"


def _floatx(dtype: str | None) -> str:
    if dtype is not None:
        return dtype
    import keras

    return str(keras.config.floatx())
