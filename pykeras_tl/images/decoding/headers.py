"""What the first bytes of an image file tell, without decoding it."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

# By the first bytes: the kind, and the file extensions that go with it.
_SIGNATURES: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\xff\xd8\xff", "JPEG", ("jpg", "jpeg")),
    (b"\x89PNG\r\n\x1a\n", "PNG", ("png",)),
    (b"BM", "BMP", ("bmp",)),
    (b"II*\x00", "TIFF", ("tif", "tiff")),
    (b"MM\x00*", "TIFF", ("tif", "tiff")),
    (b"P6", "PPM", ("ppm",)),
    (b"P3", "PPM", ("ppm",)),
    (b"GIF8", "GIF", ("gif",)),
    (b"RIFF", "WebP", ("webp",)),
)
# JPEG segments that describe the frame: every SOF but the three codes used otherwise.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


class Header(NamedTuple):
    """Size and layout of the pixels in a file."""

    height: int
    width: int
    channels: int
    whole: bool


def kind_of(data: bytes) -> str | None:
    r"""Name the format that a file's first bytes announce.

    Args:
        data: The start of the file, eight bytes or more.

    Returns:
        "JPEG", "PNG", "BMP", "TIFF", "PPM", "GIF" or "WebP"; None for anything else.

    Example:
        >>> kind_of(b"BM\x00\x00")
        'BMP'
    """
    return next((kind for start, kind, _ in _SIGNATURES if data.startswith(start)), None)


def fits_extension(kind: str, name: str) -> bool:
    """Tell whether a file of this kind bears an extension that is usual for it.

    Args:
        kind: As `kind_of` names it.
        name: Name or path of the file.

    Returns:
        True when the extension fits.

    Example:
        >>> fits_extension("JPEG", "cell.png")
        False
    """
    extension = name.rsplit(".", 1)[-1].lower()
    return any(extension in usual for _, named, usual in _SIGNATURES if named == kind)


def jpeg_header(data: bytes) -> Header | None:
    """Read a JPEG file's frame header.

    Args:
        data: The whole file.

    Returns:
        Its size and number of channels; `whole` is True when the file ends with the
        end-of-image marker. None when there is no frame of 8 bits a channel.

    Example:
        >>> jpeg_header(b"not an image") is None
        True
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
    """Read a PNG file's header and check all of its chunks.

    Args:
        data: The whole file.

    Returns:
        Its size and number of channels; `whole` is True when every checksum is right and
        the file ends as it should. None for what is not plain: a palette, transparency by
        colour, an animation, or other than 8 bits a channel.

    Example:
        >>> png_header(b"not an image") is None
        True
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 6: 4}.get(colour)
    if channels is None or bits != 8:
        return None
    view = memoryview(data)
    whole, at = data.endswith(_PNG_END), 8
    while whole and at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] in (b"tRNS", b"acTL"):
            return None
        stop = at + 8 + length
        whole = stop + 4 <= len(data) and zlib.crc32(view[at + 4 : stop]) == int.from_bytes(
            data[stop : stop + 4], "big"
        )
        at = stop + 4
    return Header(height, width, channels, whole)
