"""What an image file holds that is lost, or surprises, when it becomes 8-bit RGB."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping

import numpy as np
from PIL import ExifTags, Image

from ...storage.shards.reading import open_file
from ..decoding.reading import read_image
from ..decoding.validation import EXAMPLES, list_bad_files
from ..decoding.value_range import ADVICE

# Problems that leave nothing, or too little, to see.
LOSSES = ("bit depth", "only in alpha")
_DEPTHS = {"F": "floating-point", "I": "32-bit"}
_HEADER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError,
                  struct.error, OverflowError)  # fmt: skip


def find_peculiarities(
    path: str, pixels: np.ndarray
) -> tuple[str, list[tuple[str, str]], np.ndarray]:
    """Find what the pixels that Keras reads do not show of an image file.

    Args:
        path: The file, which `read_image` could read.
        pixels: What `read_image` returned, uint8 array of shape (height, width, 3).

    Returns:
        The mode as in Pillow, the problems and their details, and the image as it was meant:
        scaled to 8 bits, or with the shape that is in its alpha channel; else `pixels`. The
        problems are "bit depth" (values above 255 become white, those from 0 to 1 black), "only
        in alpha" (the colors are all equal), "EXIF orientation" (which is not applied) and
        "several frames" (of which the first is read).

    Raises:
        OSError: If the file cannot be read.

    Example:
        >>> Image.fromarray(np.array([[0, 30_000, 60_000]], "uint16")).save("deep.png")
        >>> white = np.full((1, 3, 3), 255, "uint8")
        >>> mode, problems, meant = find_peculiarities("deep.png", white)
        >>> problems
        [('bit depth', 'has 16 bits and values from 0 to 60,000; as 8-bit colors, it is blank')]
        >>> meant[..., 0]
        array([[  0, 127, 255]], dtype=uint8)
    """
    with open_file(path) as file, Image.open(file) as image:
        problems = _header_problems(image)
        if image.mode.startswith(("I", "F")):
            values = np.nan_to_num(np.asarray(image, "float64"))
            if detail := _lost_depth(values, image.mode, pixels):
                problems.append(("bit depth", detail))
                return image.mode, problems, _in_eight_bits(values)
        elif image.has_transparency_data and _is_blank(pixels):
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
            if not _is_blank(alpha):
                detail = "has its shape in the alpha channel; as RGB, it is blank"
                problems.append(("only in alpha", detail))
                return image.mode, problems, np.repeat(alpha[..., None], 3, axis=2)
        return image.mode, problems, pixels


def lost_in_color(path: str, blank: bool, scaled: bool = False) -> tuple[str, str]:
    """Say what of an image is lost when it is read as 8-bit RGB, and whether it is turned.

    Args:
        path: The file, which `read_image` could read.
        blank: Whether all its pixels have the same value then. Otherwise, only the header is
            read of a file that has 8 bits.
        scaled: Whether it is read with `dtype_range`, so that the depth is not lost.

    Returns:
        Two sentences about the file without their subject: what is lost, and its EXIF
        orientation; "" where there is nothing to say.

    Example:
        >>> Image.fromarray(np.array([[0, 30_000, 60_000]], "uint16")).save("deep.png")
        >>> lost_in_color("deep.png", blank=True)
        ('has 16 bits and values from 0 to 60,000; as 8-bit colors, 67% of them are cut off', '')
    """
    try:
        with open_file(path) as file, Image.open(file) as image:
            deep = image.mode.startswith(("I", "F"))
            turned = _turned(image)
        if not blank and (scaled or not deep):
            return "", turned
        _, problems, _ = find_peculiarities(path, read_image(path))
    except _HEADER_ERRORS:
        return "", ""
    losses = LOSSES[1:] if scaled else LOSSES
    return "; ".join(detail for problem, detail in problems if problem in losses), turned


def warn_of_losses(losses: Mapping[str, str], turns: Mapping[str, str], images: int) -> None:
    """Warn of images of which the predictions may be worth little.

    Args:
        losses: What is lost of others' colors, by file, as `lost_in_color` says it.
        turns: How files are turned, likewise.
        images: The number of images in all.
    """
    if losses:
        warnings.warn(
            f"{len(losses)} of {images} images lose too much as 8-bit colors for their "
            f"predictions to mean anything: {list_bad_files(losses, EXAMPLES)}. Train on a flow "
            f"with {ADVICE}, which the classifier keeps. Give transparent ones a background, as "
            "in training.",
            stacklevel=3,
        )
    if turns:
        warnings.warn(
            f"{len(turns)} of {images} images are read turned or mirrored: "
            f"{list_bad_files(turns, EXAMPLES)}. If the training images were upright, save these "
            "so too, by PIL.ImageOps.exif_transpose.",
            stacklevel=3,
        )


def _turned(image: Image.Image) -> str:
    """Describe the EXIF orientation; "" if it is upright. Pillow applies that of TIFF files."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _HEADER_ERRORS:  # Damaged metadata that the pixels do not depend on.
        return ""
    if image.format == "TIFF" or orientation not in range(2, 9):
        return ""
    return f"has EXIF orientation {orientation}, which is not applied"


def _header_problems(image: Image.Image) -> list[tuple[str, str]]:
    problems = []
    try:
        if detail := _turned(image):
            problems.append(("EXIF orientation", detail))
        frames = getattr(image, "n_frames", 1)
        # A photograph in MPO format has a small version of itself as another frame.
        if frames > 1 and image.format != "MPO":
            detail = f"has {frames} frames, of which the first is read"
            problems.append(("several frames", detail))
        image.seek(0)
    except _HEADER_ERRORS:
        pass  # Damaged metadata that the pixels do not depend on.
    return problems


def _lost_depth(values: np.ndarray, mode: str, pixels: np.ndarray) -> str:
    """Describe what is lost in 8 bits; "" if nothing is."""
    low, high = values.min(), values.max()
    outside = float(np.mean((values < 0) | (values > 255)))
    blank = low < high and _is_blank(pixels)
    black = mode == "F" and low < high <= 1
    if not (outside or blank or black):
        return ""
    depth = _DEPTHS.get(mode, "16-bit").removesuffix("-bit")
    kind = f"has {depth} bits" if depth.isdigit() else f"has {depth} pixels"
    lost = f"{outside:.0%} of them are cut off"
    if blank or black:
        lost = "it is blank" if blank else "it is black"
    return f"{kind} and values from {low:,.6g} to {high:,.6g}; as 8-bit colors, {lost}"


def _in_eight_bits(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    scaled = (values - low) * (255 / (high - low) if high > low else 0)
    return np.repeat(scaled.astype("uint8")[..., None], 3, axis=2)


def _is_blank(pixels: np.ndarray) -> bool:
    return bool((pixels == pixels[:1, :1]).all())
