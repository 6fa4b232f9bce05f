"""Headers of image files: format, size and completeness, without decoding the pixels."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

# First bytes of a file, its format, and the usual file extensions.
_SIGNATURES: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\xff\xd8\xff", "JPEG", ("jpg", "jpeg", "jfif")),
    (b"\x89PNG\r\n\x1a\n", "PNG", ("png",)),
    (b"BM", "BMP", ("bmp",)),
    (b"II*\x00", "TIFF", ("tif", "tiff")),
    (b"MM\x00*", "TIFF", ("tif", "tiff")),
    (b"P6", "PPM", ("ppm",)),
    (b"P3", "PPM", ("ppm",)),
    (b"GIF8", "GIF", ("gif",)),
    (b"RIFF", "WebP", ("webp",)),
)
# The brand in the first box of files that are built as MP4 is, and their usual extensions.
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC"}
_BOXED = {"AVIF": ("avif",), "HEIC": ("heic", "heif")}
# Markers of JPEG frame headers (SOF): three codes of the range mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


class Header(NamedTuple):
    """Size of the image in a file, and whether the file is complete."""

    height: int
    width: int
    channels: int
    complete: bool


def kind_of(data: bytes) -> str | None:
    r"""Return the format of an image file, by its first bytes.

    Args:
        data: The start of the file, twelve bytes or more.

    Returns:
        "JPEG", "PNG", "BMP", "TIFF", "PPM", "GIF", "WebP", "AVIF" or "HEIC"; None for anything
        else.

    Example:
        >>> kind_of(b"BM\x00\x00")
        'BMP'
    """
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    if data.startswith(b"RIFF") and data[8:12] != b"WEBP":
        return None  # Sound or video.
    return next((name for start, name, _ in _SIGNATURES if data.startswith(start)), None)


def fits_extension(kind: str, name: str) -> bool:
    """Return whether a file name has an extension that is usual for a format.

    Args:
        kind: The format, as `kind_of` returns it.
        name: Name or path of the file.

    Returns:
        True when the extension matches.

    Example:
        >>> fits_extension("JPEG", "cell.JPG"), fits_extension("JPEG", "cell.png")
        (True, False)
    """
    extension = name.rsplit(".", 1)[-1].lower()
    if kind in _BOXED:
        return extension in _BOXED[kind]
    return any(extension in usual for _, known, usual in _SIGNATURES if known == kind)


def jpeg_header(data: bytes) -> Header | None:
    """Read a JPEG file's frame header.

    Args:
        data: Content of the file.

    Returns:
        Its size and number of channels; `complete` is True when the file ends with the
        end-of-image marker. None when there is no frame with 8 bits for each channel.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> Image.new("RGB", (3, 2)).save(buffer := io.BytesIO(), "JPEG")
        >>> jpeg_header(buffer.getvalue())
        Header(height=2, width=3, channels=3, complete=True)
        >>> jpeg_header(buffer.getvalue()[:-1]).complete
        False
    """
    at, end = 2, len(data)
    while at + 9 < end and data[at] == 0xFF:
        code = data[at + 1]
        if code in _FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            if bits != 8 or not (height and width):
                return None
            return Header(height, width, channels, data.endswith(b"\xff\xd9"))
        if code == 0xFF:  # A fill byte before the marker.
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def png_header(data: bytes) -> Header | None:
    """Read a PNG file's header and verify the checksums of all its chunks.

    Args:
        data: Content of the file.

    Returns:
        Its size and number of channels; `complete` is True when all checksums are right and
        the file ends with the end chunk. None for special files: a palette, a transparent
        color, an animation, or other than 8 bits for each channel.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> Image.new("RGBA", (3, 2)).save(buffer := io.BytesIO(), "PNG")
        >>> png_header(buffer.getvalue())
        Header(height=2, width=3, channels=4, complete=True)
        >>> png_header(buffer.getvalue()[:-1]).complete
        False
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height, bits, color_type = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 6: 4}.get(color_type)
    if channels is None or bits != 8:
        return None
    view = memoryview(data)
    complete, at = data.endswith(_PNG_END), 8
    while complete and at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] in (b"tRNS", b"acTL"):
            return None
        stop = at + 8 + length
        complete = stop + 4 <= len(data) and zlib.crc32(view[at + 4 : stop]) == int.from_bytes(
            data[stop : stop + 4], "big"
        )
        at = stop + 4
    return Header(height, width, channels, complete)
