"""Pillow's resizing with filters, to the last bit, as matrix multiplications.

Pillow resizes an 8-bit image along its rows and then along its columns. Each value is a sum of
values times weights, whole multiples of 2^-22, which is rounded half up and cut off to 0..255. In
double precision such a sum is exact in any order, so BLAS can compute it, without the
interpreter's lock and in a third to three quarters of the time. The weights are those that
Pillow shows when it resizes single bright pixels. Tests compare with Pillow.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

# Half of the width of each filter, in pixels of the larger image.
_SUPPORT = {
    Image.Resampling.BOX: 0.5,
    Image.Resampling.BILINEAR: 1.0,
    Image.Resampling.HAMMING: 1.0,
    Image.Resampling.BICUBIC: 2.0,
    Image.Resampling.LANCZOS: 3.0,
}
_UNIT = 1 << 22
# Results whose weights are one small matrix: more of them waste products with zero.
_BLOCK = 4
# Values that are doubles at once, 4 MiB: images of usual size are resized in one step.
_MOST_VALUES = 1 << 19
# With more products in a block, Pillow is as fast; with twice as many, OpenBLAS starts threads.
_MOST_PRODUCTS = 1 << 17


class _Pass(NamedTuple):
    """Weighted sums along one axis.

    Attributes:
        start: First pixel that has a weight.
        stop: Pixel after the last one.
        pixels: Pixels of each block's window, counted from `start`, shape (blocks, window).
        weights: Their weights, shape (blocks, _BLOCK, window).
        length: Number of results; the last block may have more.
        overshoots: Whether sums can be outside 0..255, because some weights are negative.
    """

    start: int
    stop: int
    pixels: np.ndarray
    weights: np.ndarray
    length: int
    overshoots: bool


def resample(
    image: np.ndarray,
    target_size: tuple[int, int],
    method: Image.Resampling,
    box: tuple[int, int, int, int],
) -> np.ndarray | None:
    """Resize an image with a filter.

    Args:
        image: uint8 of shape (height, width) or (height, width, 3).
        target_size: Height and width to resize to, in pixels.
        method: Any filter of Pillow but NEAREST.
        box: Left, top, right and bottom of the part to resize, in pixels.

    Returns:
        uint8 array with the height and width of `target_size`; None for an image that should be
        resized by Pillow.

    Example:
        >>> image = np.array([[0, 100, 200, 240]], np.uint8)
        >>> resample(image, (1, 2), Image.Resampling.BILINEAR, (0, 0, 4, 1))
        array([[ 71, 203]], dtype=uint8)

    Source:
        `ImagingResample` in Pillow's `Resample.c`.
    """
    (height, width), channels = image.shape[:2], image.shape[2:]
    # Newer versions of Pillow resize such an image along its columns first.
    if height > target_size[0] and height - target_size[0] > 2 * (width - target_size[1]):
        return None
    left, top, right, bottom = box
    if left == right or top == bottom:
        return None
    down = _weights(method, height, top, bottom, target_size[0])
    across = _weights(method, width, left, right, target_size[1])
    used_height = down.stop - down.start
    if _BLOCK * across.pixels.shape[1] * used_height * math.prod(channels) > _MOST_PRODUCTS:
        return None
    # Sums are over the first axis, so that each weight belongs to a row in one piece of memory.
    columns = cv2.transpose(image[down.start : down.stop, across.start : across.stop])
    sums = _sum_rows(columns.reshape(columns.shape[0], -1), across)
    rows = cv2.transpose(sums.reshape(target_size[1], used_height, *channels))
    return _sum_rows(rows.reshape(used_height, -1), down).reshape(*target_size, *channels)


def _sum_rows(rows: np.ndarray, along: _Pass) -> np.ndarray:
    blocks, window = along.pixels.shape
    values = rows.shape[1]
    result = np.empty((blocks * _BLOCK, values), np.uint8)
    step = max(1, _MOST_VALUES // (window * values))
    for first in range(0, blocks, step):
        windows = rows.take(along.pixels[first : first + step], axis=0).astype(np.float64)
        sums = (along.weights[first : first + step] @ windows).reshape(-1, values)
        sums += 0.5
        if along.overshoots:
            np.clip(sums, 0, 255, out=sums)
        result[first * _BLOCK : first * _BLOCK + len(sums)] = sums
    return result[: along.length]


@lru_cache(maxsize=512)
def _weights(method: Image.Resampling, length: int, start: int, stop: int, target: int) -> _Pass:
    """Return the weights of a filter along an axis, as Pillow computes them."""
    scale = (stop - start) / target
    support = _SUPPORT[method] * max(scale, 1.0)
    # A window of this many pixels has room for every pixel with a weight.
    window = 2 * math.ceil(support) + 4
    pixel = np.arange(length)
    # Every row has one bright pixel in each window, so that its weight alone is in the result.
    bright = np.zeros((window, length), np.int32)
    bright[pixel % window, pixel] = _UNIT
    resized = Image.fromarray(bright).resize((target, window), method, (start, 0, stop, window))
    centers = start + (np.arange(target) + 0.5) * scale
    lowest = np.floor(centers - support).astype(np.intp)[:, None] - 1
    pixels = lowest + (np.arange(window) - lowest) % window
    table = np.asarray(resized).T
    result, column = np.nonzero(table)
    used = pixels[result, column]

    blocks = -(-target // _BLOCK)
    block = result // _BLOCK
    first, last = np.full(blocks, length), np.zeros(blocks, np.intp)
    np.minimum.at(first, block, used)
    np.maximum.at(last, block, used)
    width = int((last - first).max()) + 1
    first = np.minimum(first, length - width)
    weights = np.zeros((blocks, _BLOCK, width))
    weights[block, result % _BLOCK, used - first[block]] = table[result, column] / _UNIT
    lowest_used = int(first.min())
    windows = first[:, None] - lowest_used + np.arange(width)
    overshoots = bool(table.min() < 0)
    return _Pass(lowest_used, int(first.max()) + width, windows, weights, target, overshoots)
