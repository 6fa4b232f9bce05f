"""Reading image files: the pixels of Keras's `load_img`, decoded by OpenCV where that is exact."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH112
from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from ...storage.shards.reading import in_shard, open_file, read_member
from .headers import Header, jpeg_header, kind_of, png_header
from .heif import INSTALL, register_heif
from .resizing import resize
from .value_range import DtypeRange, as_dtype_range, deep_values, scale_to_bytes

COLOR_MODES = {"rgb": 3, "rgba": 4, "grayscale": 1}
# Pillow rejects images with more pixels as decompression bombs.
MAX_PIXELS = 178_956_970
MAX_BYTES = 1 << 30

_UPRIGHT = cv2.IMREAD_IGNORE_ORIENTATION
_RGB = cv2.IMREAD_COLOR_RGB | _UPRIGHT
_GRAY = cv2.IMREAD_GRAYSCALE | _UPRIGHT
_THUMBNAIL = cv2.IMREAD_REDUCED_GRAYSCALE_8 | _UPRIGHT
_HEADERS: dict[str, Callable[[bytes], Header | None]] = {"JPEG": jpeg_header, "PNG": png_header}
# What Pillow raises for corrupt content in its various formats.
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, struct.error,
    OverflowError, MemoryError, NotImplementedError, Image.DecompressionBombError,
)  # fmt: skip


class BadImageError(OSError, ValueError):
    """Raised for a file that is not a readable image; the message says which file and why.

    It is also an `OSError`, which Pillow raises for such files and callers of Keras's
    `load_img` catch.

    Attributes:
        path: The file.
        reason: Why it cannot be read, as the end of a sentence about the file.

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
    dtype_range: DtypeRange = None,
) -> np.ndarray:
    """Read an image file into an array with the pixels of Keras's `load_img`.

    Complete JPEG and PNG files of the common layouts are decoded by OpenCV, which is faster,
    gives the same pixels as Pillow and releases the interpreter lock; all other files are
    decoded by Pillow. As in Keras, the EXIF orientation is not applied.

    Args:
        path: The file.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: Height and width in pixels to resize to; the file's own when None.
        interpolation: How to resize: "nearest", "bilinear", "bicubic", "hamming", "box" or
            "lanczos".
        keep_aspect_ratio: Whether to crop the image to the aspect ratio of `target_size`
            before it is resized, instead of distorting it.
        dtype_range: The range of values in the file that becomes 0..255, for PNG and TIFF files
            of 16 bits and TIFF files of floating-point numbers: a pair such as (0, 4095), which
            holds for files of 8 bits too; or "dtype" for all values of the file's type (0..65535
            for 16 bits, 0..1 for floating-point numbers). None reads them as Keras does, which
            cuts gray ones off at 255 when it makes them RGB.

    Returns:
        Array of shape (height, width, channels) with 3, 4 or 1 channels; uint8 in 0..255, or
        for grayscale files of 16 or 32 bits, without `dtype_range`, uint16 or int32.

    Raises:
        FileNotFoundError: When the file does not exist.
        BadImageError: When the file is empty, truncated, corrupt, not an image, or larger
            than 1 GiB or 178,956,970 pixels.
        ValueError: When `color_mode`, `interpolation` or `dtype_range` is unknown.

    Example:
        >>> Image.new("RGB", (320, 240), "red").save("cell.png")
        >>> pixels = read_image("cell.png", target_size=(150, 150))
        >>> pixels.shape, pixels[0, 0]
        ((150, 150, 3), array([255,   0,   0], dtype=uint8))
        >>> Image.fromarray(np.array([[0, 2000, 4095]], "uint16")).save("deep.png")
        >>> read_image("deep.png")[0, :, 0], read_image("deep.png", dtype_range=(0, 4095))[0, :, 0]
        (array([  0, 255, 255], dtype=uint8), array([  0, 125, 255], dtype=uint8))

    Source:
        `keras.utils.load_img` followed by `keras.utils.img_to_array`.
    """
    validate_color_mode(color_mode)
    dtype_range = as_dtype_range(dtype_range)
    settings = (color_mode, target_size, interpolation, keep_aspect_ratio, dtype_range)
    return decode_image(_read_bytes(path), path, *settings)


def decode_image(
    data: bytes,
    path: object,
    color_mode: str,
    target_size: tuple[int, int] | None,
    interpolation: str,
    keep_aspect_ratio: bool,
    dtype_range: DtypeRange,
) -> np.ndarray:
    """Decode the content of an image file, as `read_image` does, without validating arguments."""
    image = _decode_with_opencv(data, color_mode, path)
    if image is not None and dtype_range is not None:
        image = scale_to_bytes(image, dtype_range, 255)
    elif image is None and dtype_range is not None:
        image = _decode_scaled(data, color_mode, dtype_range, path)
    elif image is None:
        image = np.asarray(_decode_with_pillow(data, color_mode, path))
    if target_size is not None:
        image = resize(image, target_size, interpolation, keep_aspect_ratio)
    return image[:, :, None] if image.ndim == 2 else image


def read_viewable(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image to look at it, or to compare it with others, not to train on it.

    Args:
        path: The file.

    Returns:
        RGB image, uint8 array of shape (height, width, 3): what `read_image` returns, but for
        files of 16 bits or floating-point numbers, whose own range of values becomes 0..255.

    Raises:
        FileNotFoundError: When the file does not exist.
        BadImageError: When it cannot be decoded.

    Example:
        >>> Image.fromarray(np.array([[1000, 2000, 3000]], "uint16")).save("deep.png")
        >>> read_viewable("deep.png")[0, :, 0]
        array([  0, 128, 255], dtype=uint8)
    """
    data = _read_bytes(path)
    image = _decode_with_opencv(data, "rgb", path)
    if image is not None:
        return image
    decoded = _decode_with_pillow(data, None, path)
    deep = deep_values(decoded, data)
    if deep is None:
        return np.asarray(decoded.convert("RGB"))
    values = deep[0][np.isfinite(deep[0])]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    scaled = scale_to_bytes(deep[0], (low, high if high > low else low + 1), deep[1])
    return np.asarray(Image.fromarray(scaled).convert("RGB"))


def check_image(path: str | os.PathLike[str]) -> None:
    """Check that an image file can be read, faster than by reading it.

    Of complete JPEG files, a thumbnail is decoded; of complete PNG files, the checksums are
    compared. All other files are decoded as `read_image` does.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: When the file does not exist.
        BadImageError: When `read_image` would raise it.

    Example:
        >>> Image.new("RGB", (320, 240)).save("whole.png")
        >>> check_image("whole.png")
    """
    data = _read_bytes(path)
    kind = kind_of(data)
    read_header = _HEADERS.get(kind or "")
    header = read_header(data) if read_header else None
    if header is not None and header.complete:
        _validate_size(header.height, header.width, path)
        if kind == "PNG":
            return
        try:
            thumbnail = cv2.imdecode(np.frombuffer(data, np.uint8), _THUMBNAIL)
        except cv2.error:
            thumbnail = None
        if thumbnail is not None:
            return
    _decode_with_pillow(data, "rgb", path)


def open_image(source: str | os.PathLike[str] | io.BytesIO, color_mode: str) -> Image.Image:
    """Decode an image file into a Pillow image.

    Args:
        source: Path of the file, or its content.
        color_mode: "rgb", "rgba" or "grayscale".

    Returns:
        The decoded image, of mode "RGB", "RGBA", or "L", "I;16" or "I".

    Raises:
        FileNotFoundError: When the file does not exist.
        BadImageError: When it cannot be decoded.
        ValueError: When `color_mode` is unknown.

    Example:
        >>> content = io.BytesIO()
        >>> Image.new("L", (3, 2)).save(content, "PNG")
        >>> open_image(content, "rgb").size
        (3, 2)
    """
    validate_color_mode(color_mode)
    if isinstance(source, io.BytesIO):
        return _decode_with_pillow(source.getvalue(), color_mode, "The image in memory")
    return _decode_with_pillow(_read_bytes(source), color_mode, source)


def validate_color_mode(color_mode: str) -> None:
    """Raise `ValueError` when a color mode is unknown.

    Args:
        color_mode: The argument received.

    Raises:
        ValueError: When it is not "rgb", "rgba" or "grayscale".

    Example:
        >>> validate_color_mode("bgr")
        Traceback (most recent call last):
        ValueError: Expected color_mode to be "rgb", "rgba" or "grayscale". Received: 'bgr'
    """
    if color_mode not in COLOR_MODES:
        raise ValueError(
            f'Expected color_mode to be "rgb", "rgba" or "grayscale". Received: {color_mode!r}'
        )


def first_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read the first sixteen bytes of a file, enough for `kind_of`.

    Args:
        path: The file.

    Returns:
        The bytes; fewer for a smaller file.

    Raises:
        OSError: When the file cannot be read.

    Example:
        >>> Image.new("RGB", (3, 2)).save("cell.bmp")
        >>> first_bytes("cell.bmp")[:2]
        b'BM'
    """
    with open_file(path) as file:
        return file.read(16)


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    # Half the system calls of `open`. O_NONBLOCK: opening a pipe must not wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except (IsADirectoryError, PermissionError):
        if os.path.isdir(path):
            raise BadImageError(path, "is not a file") from None
        raise
    except (FileNotFoundError, NotADirectoryError):
        if not in_shard(path):
            raise
        if not (data := read_member(os.fspath(path))):
            raise BadImageError(path, "is empty") from None
        return data
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise BadImageError(path, "is not a file")
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size:,} bytes, at most {MAX_BYTES:,}"
            raise BadImageError(path, f"is too large: {size}")
        data = os.read(handle, status.st_size)
        while len(data) < status.st_size and (more := os.read(handle, status.st_size - len(data))):
            data += more
    finally:
        os.close(handle)
    if not data:
        raise BadImageError(path, "is empty")
    return data


def _decode_with_opencv(data: bytes, color_mode: str, path: object) -> np.ndarray | None:
    """Decode a file for which OpenCV gives Pillow's pixels; return None for all others."""
    read_header = _HEADERS.get(kind_of(data) or "")
    header = read_header(data) if read_header else None
    if header is None or not header.complete:
        return None
    _validate_size(header.height, header.width, path)
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


def _decode_scaled(
    data: bytes, color_mode: str, dtype_range: DtypeRange, path: object
) -> np.ndarray:
    """Decode a file with all its bits, and scale its values to 0..255."""
    mode = "L" if color_mode == "grayscale" else color_mode.upper()
    image = _decode_with_pillow(data, None, path)
    deep = deep_values(image, data)
    if deep is None:
        return scale_to_bytes(np.asarray(image.convert(mode)), dtype_range, 255)
    return np.asarray(Image.fromarray(scale_to_bytes(deep[0], dtype_range, deep[1])).convert(mode))


def _decode_with_pillow(data: bytes, color_mode: str | None, path: object) -> Image.Image:
    """Decode a file into an image of a color mode, or of its own where that is None."""
    kind = kind_of(data)
    if kind == "HEIC" and not register_heif():
        raise BadImageError(path, f"is a HEIC file; {INSTALL}")
    try:
        with Image.open(io.BytesIO(data)) as image:
            _validate_size(image.height, image.width, path)
            image.load()
            if color_mode is None:
                return image
            if color_mode == "grayscale":
                mode = image.mode if image.mode in ("L", "I;16", "I") else "L"
            else:
                mode = color_mode.upper()
            return image if image.mode == mode else image.convert(mode)
    except BadImageError:
        raise
    except Image.UnidentifiedImageError as error:
        content = f"a damaged {kind} file" if kind else f"its content begins with {data[:12]!r}"
        raise BadImageError(path, f"is not a readable image: {content}") from error
    except _DECODING_ERRORS as error:
        raise BadImageError(path, f"cannot be decoded: {str(error).rstrip('.')}") from error


def _validate_size(height: int, width: int, path: object) -> None:
    if height * width > MAX_PIXELS:
        raise BadImageError(
            path, f"is too large: {height:,} × {width:,} pixels, at most {MAX_PIXELS:,} in total"
        )
