"""Affine warps in double precision with exactly SciPy's values, slower than `warp`.

Keras transforms images with `scipy.ndimage.affine_transform`. This module calls it, and
reproduces its linear interpolation at single points, rounding by rounding, so that `warp` can
correct the few pixels where its single precision is not enough. Tests compare the values with
SciPy's, bit by bit.
"""

from __future__ import annotations

import numpy as np


def warp_like_scipy(
    image: np.ndarray, matrix: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    """Warp an image with SciPy.

    Args:
        image: Array of shape (height, width, channels).
        matrix: Map from a (row, column) of the result to one of the source, shape (2, 3).
        fill_mode: How points outside the image are filled, as in `scipy.ndimage`.
        cval: Value of points outside the image for "constant".
        order: Order of the spline interpolation, 0 to 5.

    Returns:
        Array of the shape and dtype of `image`.

    Raises:
        RuntimeError: When SciPy does not support the order, fill mode or dtype.

    Example:
        >>> image = np.arange(4.0).reshape(2, 2, 1)
        >>> warp_like_scipy(image, np.array([[1, 0, 0], [0, 1, 0.5]]), "nearest", 0, 1)[..., 0]
        array([[0.5, 1. ],
               [2.5, 3. ]])

    Source:
        `scipy.ndimage.affine_transform`.
    """
    from scipy import ndimage

    channels = [
        ndimage.affine_transform(
            image[..., channel], matrix[:, :2], matrix[:, 2], order=order, mode=fill_mode, cval=cval
        )
        for channel in range(image.shape[2])
    ]
    # Channel by channel in memory, as in Keras: sums over the result depend on it.
    return np.moveaxis(np.stack(channels), 0, 2)


def coordinates(
    matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Map pixels of the result to coordinates in the source.

    Args:
        matrix: The map, shape (2, 3).
        rows: Rows in the result, float64.
        columns: Columns in the result, float64, broadcastable with `rows`.

    Returns:
        Rows and columns in the source, with SciPy's rounding.

    Example:
        >>> coordinates(np.array([[1, 0, 0], [0, 2, 0.5]]), np.array([3.0]), np.array([1.0]))
        (array([3.]), array([2.5]))
    """
    return (
        (matrix[0, 2] + rows * matrix[0, 0]) + columns * matrix[0, 1],
        (matrix[1, 2] + rows * matrix[1, 0]) + columns * matrix[1, 1],
    )


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column indices of an image.

    Args:
        height: Height in pixels.
        width: Width in pixels.

    Returns:
        float64 arrays of shape (height, 1) and (1, width).

    Example:
        >>> grid(2, 3)[1]
        array([[0., 1., 2.]])
    """
    return np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)[None]


def out_of_bounds(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return which coordinates are outside the centers of the outermost pixels.

    Args:
        rows: Rows in the source.
        columns: Columns in the source.
        height: Height of the source in pixels.
        width: Width of the source in pixels.

    Returns:
        Array of bool, of the shape that `rows` and `columns` broadcast to.

    Example:
        >>> out_of_bounds(np.array([0.0, 1.1]), np.array([0.0, 0.0]), 2, 2)
        array([False,  True])
    """
    return (rows < 0) | (rows > height - 1) | (columns < 0) | (columns > width - 1)


def sample_bilinear(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill_mode: str, cval: float
) -> np.ndarray:
    """Interpolate linearly at single points, with exactly SciPy's values.

    Args:
        image: Array of shape (height, width, channels).
        rows: Row coordinates, shape (points,).
        columns: Column coordinates, shape (points,).
        fill_mode: "nearest", "reflect", "constant" or "wrap".
        cval: Value of points outside the image for "constant".

    Returns:
        float64 array of shape (points, channels).

    Example:
        >>> image = np.arange(4.0).reshape(2, 2, 1)
        >>> sample_bilinear(image, np.array([0.0]), np.array([0.5]), "nearest", 0)
        array([[0.5]])

    Source:
        `NI_GeometricTransform` in SciPy's `ni_interpolation.c`.
    """
    height, width = image.shape[:2]
    outside = out_of_bounds(rows, columns, height, width) if fill_mode == "constant" else None
    fold = {"reflect": reflected, "wrap": wrapped}.get(fill_mode, _clamped)
    rows, columns = fold(rows, height), fold(columns, width)
    top, left = np.floor(rows), np.floor(columns)
    below, right = rows - top, columns - left
    row, column = top.astype(np.intp), left.astype(np.intp)
    row0, row1 = np.maximum(row, 0) * width, np.minimum(row + 1, height - 1) * width
    column0, column1 = np.maximum(column, 0), np.minimum(column + 1, width - 1)
    pixels = image.reshape(height * width, -1)

    def weighted(index: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        # Channel by channel in memory, where NumPy multiplies many values at once.
        values = pixels.take(index, axis=0).T.astype(np.float64, order="C")
        values *= down
        values *= across
        return values

    total = weighted(row0 + column0, 1 - below, 1 - right)
    total += weighted(row0 + column1, 1 - below, right)
    total += weighted(row1 + column0, below, 1 - right)
    total += weighted(row1 + column1, below, right)
    if outside is not None:
        total[:, outside] = cval
    return total.T


def reflected(positions: np.ndarray, length: int) -> np.ndarray:
    """Fold coordinates back into an image that is reflected at its edges.

    Args:
        positions: Coordinates along one axis.
        length: Number of pixels along it.

    Returns:
        Coordinates from -1 to `length`; the interpolation clamps those outside the image.

    Example:
        >>> reflected(np.array([-1.0, 4.25]), 4)
        array([0.  , 2.75])
    """
    if length == 1:
        return np.zeros_like(positions)
    period = 2.0 * length
    below = np.where(
        positions < -period, period * np.trunc(-positions / period) + positions, positions
    )
    below = np.where(below < -length, below + period, -below - 1)
    above = positions - period * np.trunc(positions / period)
    above = np.where(above >= length, period - above - 1, above)
    return np.where(positions < 0, below, np.where(positions > length - 1, above, positions))


def wrapped(positions: np.ndarray, length: int) -> np.ndarray:
    """Fold coordinates back into an image that repeats itself.

    Args:
        positions: Coordinates along one axis.
        length: Number of pixels along it.

    Returns:
        Coordinates from 0 to `length` - 1. SciPy's period is `length` - 1: the first pixel of
        each copy replaces the last of the one before.

    Example:
        >>> wrapped(np.array([-1.0, 4.0]), 4)
        array([2., 1.])
    """
    if length == 1:
        return np.zeros_like(positions)
    period = length - 1
    below = positions + period * (np.trunc(-positions / period) + 1)
    above = positions - period * np.trunc(positions / period)
    return np.where(positions < 0, below, np.where(positions > period, above, positions))


def _clamped(positions: np.ndarray, length: int) -> np.ndarray:
    return np.clip(positions, 0, length - 1)
