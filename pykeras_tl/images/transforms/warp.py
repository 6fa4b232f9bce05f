"""Affine warps in single precision with OpenCV, within 0.01 of 255 gray levels of SciPy's.

SciPy's `affine_transform`, which Keras calls, takes most of the time of an augmented epoch;
OpenCV does the same much faster, but in float32 and with other fill modes. To
stay within the tolerance, `warp` limits the coordinates that OpenCV sees: large images are
warped in windows, each from a small part of the source, which is continued beyond the edges as
the fill mode requires. What OpenCV cannot do goes to `warp_like_scipy`. Where results are
truncated to integers afterwards, `warp_truncated` recomputes in double precision the
pixels that the tolerance could change. Tests compare all of it with SciPy.
"""

from __future__ import annotations

import math
import threading
from functools import reduce

import cv2
import numpy as np

from .scipy_warp import coordinates, grid, out_of_bounds, sample_bilinear, warp_like_scipy, wrapped

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_EDGES = {
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "constant": cv2.BORDER_REPLICATE,
}
_ERROR = np.float32(0.01)
# Up to this coordinate, float32 is accurate enough for the tolerance at the sharpest edge.
_MAX_REACH = 224
# With more windows, SciPy is faster.
_MAX_WINDOWS = 256

_scratch = threading.local()


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Warp an image with linear interpolation.

    Args:
        image: uint8 or float32 of shape (height, width, channels).
        matrix: Map from a (row, column) of the result to one of the source, shape (2, 3).
        fill_mode: "nearest", "reflect", "constant" or "wrap", as in `scipy.ndimage`.
        cval: Value of points outside the image for "constant".
        out: Array for the result, C-contiguous float32 of the shape of `image`.

    Returns:
        `out`, or a new float32 array of the shape of `image`. Values are within 0.01 of
        SciPy's for pixels in 0..255.

    Example:
        >>> image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
        >>> warp(image, np.array([[1, 0, 0], [0, 1, 0.5]]))[0, :, 0]
        array([0.5, 1.5, 2. ], dtype=float32)

    Source:
        `scipy.ndimage.affine_transform` of order 1.
    """
    if out is None:
        out = np.empty(image.shape, np.float32)
    height, width, channels = image.shape
    windows = _windows(matrix, height, width)
    small = max(height, width) <= _MAX_REACH
    supported = fill_mode in _EDGES or (fill_mode == "wrap" and small)
    if not (windows and supported and channels in (1, 3, 4)):
        out[:] = warp_like_scipy(image.astype(np.float32, copy=False), matrix, fill_mode, cval, 1)
        return out
    if fill_mode == "wrap":
        return _warp_wrapped(image, matrix, out)
    source, target = image, out
    if channels == 3:
        # OpenCV warps four channels faster than three.
        source = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    elif channels == 1:
        source, target = image[:, :, 0], out[:, :, 0]
    for top, bottom, left, right in windows:
        _warp_window(source, matrix, fill_mode, top, left, target[top:bottom, left:right])
    if fill_mode == "constant":
        outside = out_of_bounds(*coordinates(matrix, *grid(height, width)), height, width)
        cv2.copyTo(np.full(out.shape, cval, np.float32), outside.view(np.uint8), out)
    return out


def warp_truncated(
    image: np.ndarray,
    matrix: np.ndarray,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    shift: float | None = None,
) -> np.ndarray:
    """Warp an image, shift its channels, and truncate the values to exactly Keras's integers.

    Values so close to an integer that the error of `warp` could make a difference of one are
    recomputed in double precision; with a shift also those that could be the smallest or largest
    of the image, to which it is clipped.

    Args:
        image: uint8 of shape (height, width, channels).
        matrix: Map from a (row, column) of the result to one of the source, shape (2, 3).
        fill_mode: "nearest", "reflect", "constant" or "wrap".
        cval: Value of points outside the image for "constant", an integer in 0..255.
        shift: Value to add to all channels, as `apply_channel_shift` does; None for none.

    Returns:
        A uint8 array of the shape of `image`.

    Example:
        >>> image = np.array([[[7], [9], [10]]], np.uint8)
        >>> matrix = np.array([[1, 0, 0], [0, 1, 0.1]])
        >>> warp_truncated(image, matrix)[0, :, 0], warp_truncated(image, matrix, shift=1)[0, :, 0]
        (array([ 7,  9, 10], dtype=uint8), array([ 8, 10, 10], dtype=uint8))
    """
    values = warp(image, matrix, fill_mode, cval)
    # Between pixels, not at them.
    error = _ERROR * np.any(matrix != np.rint(matrix))
    if shift is None:
        upper, lower = values + error, values - error
    else:
        shifted = values + np.float32(shift)
        upper, lower = np.clip(shifted + error, 0, 255), np.clip(shifted - error, 0, 255)
    result, lowest = upper.astype(np.uint8), lower.astype(np.uint8)
    uncertain = result != lowest
    if shift is not None:
        uncertain |= (values <= values.min() + 2 * error) | (values >= values.max() - 2 * error)
    pixels = np.flatnonzero(reduce(np.logical_or, cv2.split(uncertain.view(np.uint8))))
    row, column = np.divmod(pixels, image.shape[1])
    rows, columns = coordinates(matrix, row.astype(np.float64), column.astype(np.float64))
    exact = sample_bilinear(image, rows, columns, fill_mode, cval).astype(np.float32)
    if shift is not None:
        bounds = exact.min(), exact.max()
        exact = np.clip(exact + np.float32(shift), *bounds)
        np.clip(result, *(bound.astype(np.uint8) for bound in bounds), out=result)
    result.reshape(-1, image.shape[2])[pixels] = exact.astype(np.uint8, order="C")
    return result


def _warp_wrapped(image: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Warp with fill mode "wrap", whose period of SciPy's OpenCV does not have."""
    height, width, channels = image.shape
    rows, columns = coordinates(matrix, *grid(height, width))
    result = cv2.remap(
        image.astype(np.float32),
        wrapped(columns, width).astype(np.float32),
        wrapped(rows, height).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    out[:] = result.reshape(height, width, channels)
    return out


def _windows(matrix: np.ndarray, height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Divide the result into windows (top, bottom, left, right) with small source coordinates.

    Returns an empty list when SciPy is faster.
    """
    (a, b, _), (c, d, _) = matrix.tolist()
    reach = max(abs(a) * height + abs(b) * width, abs(c) * height + abs(d) * width)
    if reach <= _MAX_REACH:
        return [(0, height, 0, width)]
    stretch = max(abs(a) + abs(b), abs(c) + abs(d))
    side = int(_MAX_REACH / stretch) if math.isfinite(stretch) else 0
    if side == 0 or math.ceil(height / side) * math.ceil(width / side) > _MAX_WINDOWS:
        return []
    return [
        (top, min(top + side, height), left, min(left + side, width))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def _warp_window(
    source: np.ndarray, matrix: np.ndarray, fill_mode: str, top: int, left: int, target: np.ndarray
) -> None:
    """Warp into `target`, the window of the result that begins at (top, left)."""
    height, width = target.shape[:2]
    (a, b, row), (c, d, column) = matrix.tolist()
    row, first_row, last_row = _span(
        row + top * a + left * b, a * (height - 1), b * (width - 1), source.shape[0], fill_mode
    )
    column, first_column, last_column = _span(
        column + top * c + left * d, c * (height - 1), d * (width - 1), source.shape[1], fill_mode
    )
    part = _padded_crop(source, first_row, last_row, first_column, last_column, _EDGES[fill_mode])
    # OpenCV's maps take (column, row).
    local = np.array([[d, c, column - first_column], [b, a, row - first_row]])
    # Points outside get `cval` later; until then, OpenCV is fastest with a constant border.
    border = cv2.BORDER_CONSTANT if fill_mode == "constant" else cv2.BORDER_REPLICATE
    if target.ndim == 3 and target.shape[2] == 3:
        warped = _buffer("warped", (height, width, 4))
        cv2.warpAffine(part, local, (width, height), warped, _FLAGS, border)
        cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB, target)
    else:
        cv2.warpAffine(part, local, (width, height), target, _FLAGS, border)


def _span(
    origin: float, down: float, across: float, length: int, fill_mode: str
) -> tuple[float, int, int]:
    """Return the source pixels that a window needs along an axis: origin, first and stop.

    The origin is the source coordinate of the window's first pixel, moved by whole periods of
    "reflect" so that the range is near the image.
    """
    low, high = min(0.0, down) + min(0.0, across), max(0.0, down) + max(0.0, across)
    if fill_mode == "reflect":
        # A reflected image repeats itself after twice its length.
        origin -= 2 * length * math.floor((origin + low) / (2 * length))
    first, last = math.floor(origin + low - 1e-3), math.floor(origin + high + 1e-3) + 2
    if fill_mode != "reflect":
        # Farther outside there are only copies of the edge.
        margin = 1 if fill_mode == "constant" else length
        first = min(max(first, -margin), length + margin - 1)
        last = max(min(last, length + margin), first + 1)
    return origin, first, last


def _padded_crop(
    source: np.ndarray, top: int, bottom: int, left: int, right: int, edge: int
) -> np.ndarray:
    """Return rows and columns of the image, padded where they are outside of it, as float32."""
    height, width = source.shape[:2]
    row, stop_row, above, below = _extent(top, bottom, height, edge)
    column, stop_column, before, after = _extent(left, right, width, edge)
    part = source[row:stop_row, column:stop_column]
    if above or below or before or after:
        part = cv2.copyMakeBorder(part, above, below, before, after, edge)
        row, column = row - above, column - before
    part = part[top - row : bottom - row, left - column : right - column]
    if part.dtype == np.float32:
        return part
    floating = _buffer("source", part.shape)
    np.copyto(floating, part)
    return floating


def _extent(first: int, last: int, length: int, edge: int) -> tuple[int, int, int, int]:
    """Return start and stop of the pixels to crop, and the padding before and after them."""
    start, stop = min(max(first, 0), length - 1), max(min(last, length), 1)
    if edge == cv2.BORDER_REFLECT:
        start = max(min(start, 2 * length - last), 0)
        stop = min(max(stop, -first), length)
    return start, max(stop, start + 1), max(-first, 0), max(last - length, 0)


def _buffer(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return uninitialized memory of this thread, reused by calls with the same name."""
    size = math.prod(shape)
    memory = getattr(_scratch, name, None)
    if memory is None or memory.size < size:
        memory = np.empty(size, np.float32)
        setattr(_scratch, name, memory)
    return memory[:size].reshape(shape)
