"""The one place where image files are opened."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH123, PTH112
from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from .headers import Header, jpeg_header, kind_of, png_header
from .resizing import resize

COLOR_MODES = {"rgb": 3, "rgba": 4, "grayscale": 1}
# Pillow refuses more pixels than this as a decompression bomb.
MOST_PIXELS = 178_956_970
MOST_BYTES = 1 << 30

_UPRIGHT = cv2.IMREAD_IGNORE_ORIENTATION
_RGB = cv2.IMREAD_COLOR_RGB | _UPRIGHT
_GRAY = cv2.IMREAD_GRAYSCALE | _UPRIGHT
_HEADERS: dict[str, Callable[[bytes], Header | None]] = {"JPEG": jpeg_header, "PNG": png_header}
# What Pillow raises for broken content, over its many formats.
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, struct.error,
    OverflowError, MemoryError, NotImplementedError, Image.DecompressionBombError,
)  # fmt: skip


class BadImageError(OSError, ValueError):
    """A file that should hold an image and does not; the message names it and says why.

    It is also an `OSError`, which is what Pillow raises for such files and what callers of
    Keras's `load_img` catch.

    Example:
        >>> raise BadImageError("cell.png", "is empty")
        Traceback (most recent call last):
        pykeras_tl.images.decoding.reading.BadImageError: cell.png is empty.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path} {reason}.")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[object, str]]:
        return type(self), (self.path, self.reason)


def read_image(
    path: str | os.PathLike[str],
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> np.ndarray:
    """Read an image file into the pixels that Keras's `load_img` gives.

    JPEG and PNG files of the common layouts are decoded by OpenCV, which gives the same
    pixels as Pillow and lets other threads run; everything else, and every file that is not
    plainly whole, is left to Pillow. As in Keras, the orientation a camera noted in the file
    is not applied.

    Args:
        path: The file.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: Height and width wanted; the file's own when absent.
        interpolation: One of "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: Whether to cut the image to the shape of `target_size` before it
            is resized, in place of distorting it.

    Returns:
        Array of shape (height, width, channels) with 3, 4 or 1 channels; uint8 in 0..255, or
        for grayscale files of 16 or 32 bits uint16 or int32.

    Raises:
        FileNotFoundError: When there is no such file.
        BadImageError: When the file is empty, truncated, corrupt, no image, or larger than
            1 GiB or 178,956,970 pixels.
        ValueError: When `color_mode` or `interpolation` is unknown.

    Example:
        >>> import tempfile
        >>> name = os.path.join(tempfile.mkdtemp(), "cell.png")
        >>> Image.new("RGB", (320, 240)).save(name)
        >>> read_image(name, target_size=(150, 150)).shape
        (150, 150, 3)

    Source:
        `keras.utils.load_img` followed by `keras.utils.img_to_array`.
    """
    check_color_mode(color_mode)
    data = _read_bytes(path)
    image = _decode_with_opencv(data, color_mode, path)
    if image is None:
        image = np.asarray(_decode_with_pillow(data, color_mode, path))
    if target_size is not None:
        image = resize(image, target_size, interpolation, keep_aspect_ratio)
    return image[:, :, None] if image.ndim == 2 else image


def open_image(source: str | os.PathLike[str] | io.BytesIO, color_mode: str) -> Image.Image:
    """Read an image file into a Pillow image.

    Args:
        source: The file, or its content.
        color_mode: "rgb", "rgba" or "grayscale".

    Returns:
        The decoded image, of mode "RGB", "RGBA", or "L", "I;16" or "I".

    Raises:
        FileNotFoundError: When there is no such file.
        BadImageError: When it cannot be decoded.
        ValueError: When `color_mode` is unknown.

    Example:
        >>> content = io.BytesIO()
        >>> Image.new("L", (3, 2)).save(content, "PNG")
        >>> open_image(content, "rgb").size
        (3, 2)
    """
    check_color_mode(color_mode)
    if isinstance(source, io.BytesIO):
        return _decode_with_pillow(source.getvalue(), color_mode, "The image in memory")
    return _decode_with_pillow(_read_bytes(source), color_mode, source)


def check_color_mode(color_mode: str) -> None:
    """Refuse a colour mode that there is not.

    Args:
        color_mode: The name received.

    Raises:
        ValueError: When it is none of "rgb", "rgba", "grayscale".

    Example:
        >>> check_color_mode("rgb")
    """
    if color_mode not in COLOR_MODES:
        raise ValueError(
            f'Invalid color mode: {color_mode!r}; expected "rgb", "rgba", or "grayscale".'
        )


def first_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read enough of a file to tell its format.

    Args:
        path: The file.

    Returns:
        Its first sixteen bytes.

    Raises:
        OSError: When the file cannot be read.

    Example:
        >>> first_bytes(__file__)[:3]
        b'\"\"\"'
    """
    with open(path, "rb") as file:
        return file.read(16)


def stored_mode(path: str | os.PathLike[str]) -> str:
    """Tell in which colour mode a file holds its pixels.

    Args:
        path: An image file that `read_image` can read.

    Returns:
        The mode as Pillow names it, such as "RGB", "L", "P", "CMYK", "I;16".

    Raises:
        OSError: When the file cannot be read.

    Example:
        >>> Image.new("P", (3, 2)).save("palette.png")
        >>> stored_mode("palette.png")
        'P'
    """
    with Image.open(path) as image:
        return image.mode


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    # Half the system calls of `open`; and the opening of a pipe does not wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except (IsADirectoryError, PermissionError):
        if os.path.isdir(path):
            raise BadImageError(path, "is not a file") from None
        raise
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise BadImageError(path, "is not a file")
        if about.st_size > MOST_BYTES:
            size = f"{about.st_size:,} bytes, at most {MOST_BYTES:,}"
            raise BadImageError(path, f"is too large: {size}")
        data = os.read(handle, about.st_size)
        while len(data) < about.st_size and (more := os.read(handle, about.st_size - len(data))):
            data += more
    finally:
        os.close(handle)
    if not data:
        raise BadImageError(path, "is empty")
    return data


def _decode_with_opencv(data: bytes, color_mode: str, path: object) -> np.ndarray | None:
    """Decode where OpenCV gives Pillow's pixels; None where Pillow has to do it."""
    read_header = _HEADERS.get(kind_of(data) or "")
    header = read_header(data) if read_header else None
    if header is None or not header.whole:
        return None
    _check_pixels(header.height, header.width, path)
    if header.channels == 4 and (color_mode != "rgba" or data.startswith(b"\xff\xd8")):
        return None
    flags = _RGB
    if header.channels == 4:
        flags = cv2.IMREAD_UNCHANGED
    elif header.channels == 1 and color_mode == "grayscale":
        flags = _GRAY
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if image is None or image.shape[:2] != (header.height, header.width):
        return None
    if header.channels == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)
    if color_mode == "rgba":
        return cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    if color_mode == "grayscale" and header.channels == 3:
        return np.asarray(Image.fromarray(image).convert("L"))
    return image


def _decode_with_pillow(data: bytes, color_mode: str, path: object) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_pixels(image.height, image.width, path)
            image.load()
            if color_mode == "grayscale":
                wanted = image.mode if image.mode in ("L", "I;16", "I") else "L"
            else:
                wanted = color_mode.upper()
            return image if image.mode == wanted else image.convert(wanted)
    except BadImageError:
        raise
    except Image.UnidentifiedImageError as error:
        kind = kind_of(data)
        found = f"a damaged {kind} file" if kind else f"its content begins with {data[:12]!r}"
        raise BadImageError(path, f"is not an image that can be read: {found}") from error
    except _BROKEN as error:
        raise BadImageError(path, f"cannot be decoded: {str(error).rstrip('.')}") from error


def _check_pixels(height: int, width: int, path: object) -> None:
    if height * width > MOST_PIXELS:
        raise BadImageError(
            path, f"is gigantic: {height:,} × {width:,} pixels, at most {MOST_PIXELS:,} in all"
        )
