"""The sizes in which a backbone may see the images of a set."""

from __future__ import annotations

import math

# Sides of the squares whose areas are tried, in pixels; networks halve their maps five times.
_SIDES = (128, 160, 208, 256)
# Small images are enlarged: the networks were trained on objects of a hundred pixels and more.
_ENLARGED = 1.5
_SMALLEST = 128
_MULTIPLE = 16
# Height to width, or the inverse, up to which images are made square.
_SQUARE = 1.15


def image_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes in which to try images, from small to large.

    Args:
        height: Usual height of the images in pixels.
        width: Usual width of the images in pixels.

    Returns:
        Heights and widths that are multiples of 16 and keep the proportions; about square
        images become square. Images are enlarged by half at most, but to 128 × 128 always.

    Example:
        >>> image_sizes(240, 320)
        [(112, 144), (144, 192), (176, 240), (224, 288)]
        >>> image_sizes(32, 32)
        [(128, 128)]
    """
    ratio = width / height
    if 1 / _SQUARE < ratio < _SQUARE:
        ratio = 1.0
    ratio = min(max(ratio, 1 / 3), 3.0)
    limit = max(_SMALLEST, _ENLARGED * math.sqrt(height * width))
    sizes = []
    for side in _SIDES:
        if side <= limit:
            size = (_round(side / math.sqrt(ratio)), _round(side * math.sqrt(ratio)))
            sizes.append(size)
    return sizes


def _round(pixels: float) -> int:
    return max(_MULTIPLE, round(pixels / _MULTIPLE) * _MULTIPLE)
