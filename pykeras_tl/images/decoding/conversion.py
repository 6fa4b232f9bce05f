"""Keras's functions that convert between image files, Pillow images and arrays."""

from __future__ import annotations

import io
import os
import pathlib
import warnings
from typing import Any

import numpy as np
from PIL import Image

from .reading import open_image
from .resizing import INTERPOLATIONS, crop_box, validate_interpolation


def load_img(
    path: str | bytes | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Load an image file as a Pillow image.

    Args:
        path: Path of the file, or its content as `io.BytesIO`.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: Height and width in pixels to resize to; the file's own when None.
        interpolation: How to resize: "nearest", "bilinear", "bicubic", "hamming", "box" or
            "lanczos".
        keep_aspect_ratio: Whether to crop the image to the aspect ratio of `target_size`
            before it is resized, instead of distorting it.

    Returns:
        The image, of mode "RGB", "RGBA", or for "grayscale" of mode "L", "I;16" or "I".

    Raises:
        FileNotFoundError: When the file does not exist.
        BadImageError: When it cannot be decoded.
        TypeError: When `path` is of another type.
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
        raise TypeError(f"Expected path to be a path or io.BytesIO. Received: {type(path)}")
    image = open_image(path, color_mode)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    validate_interpolation(interpolation)
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
        img: The image, or anything NumPy converts to an array of rank 2 or 3.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        dtype: Data type of the array; Keras's `floatx` when None.

    Returns:
        Array of shape (height, width, channels), or (channels, height, width).

    Raises:
        ValueError: When `data_format` is unknown, or the array has another rank.

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
        raise ValueError(f"Expected an image of rank 2 or 3. Received: shape {array.shape}.")
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None
) -> Image.Image:
    """Convert an array to a Pillow image.

    Args:
        x: Array of shape (height, width, channels), or (channels, height, width), with 1, 3
            or 4 channels.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        scale: Whether to rescale the values so that the smallest becomes 0 and the largest
            255. Otherwise they should be in 0..255.
        dtype: Data type to compute in; Keras's `floatx` when None.

    Returns:
        An image of mode "RGB", "RGBA" or "L", or of mode "I" for grayscale values above 255.

    Raises:
        ValueError: When the array does not have the shape of an image.

    Example:
        >>> np.asarray(array_to_img(np.array([[[0.0], [0.5], [1.0]]])))
        array([[  0, 127, 255]], dtype=uint8)

    Source:
        `keras.utils.array_to_img`. As in Keras, values are truncated, not rounded.
    """
    first = _channels_first(data_format)
    array = np.asarray(x, dtype=_floatx(dtype))
    if array.ndim != 3:
        raise ValueError(
            f"Expected an image array of rank 3 (single image). Received: shape {array.shape}."
        )
    if first:
        array = array.transpose(1, 2, 0)
    if scale:
        array = _rescale(array)
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Expected an image with 1, 3 or 4 channels. Received: {channels}")
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
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        file_format: Format of the file, such as "png"; None for that of the extension.
            Required for a buffer.
        scale: Whether to rescale the values to 0..255.
        **kwargs: Other arguments of `PIL.Image.Image.save`.

    Raises:
        ValueError: When the array does not have the shape of an image, or the format is
            unknown.
        OSError: When the file cannot be written.

    Example:
        >>> save_img("cell.png", np.array([[[0.0], [0.5], [1.0]]]))
        >>> np.asarray(load_img("cell.png", "grayscale"))
        array([[  0, 127, 255]], dtype=uint8)

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


def _rescale(array: np.ndarray) -> np.ndarray:
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
            'Expected data_format to be "channels_last" or "channels_first". '
            f"Received: {data_format!r}"
        )
    return data_format == "channels_first"


def _floatx(dtype: str | None) -> str:
    if dtype is not None:
        return dtype
    import keras

    return str(keras.config.floatx())
