"""Affine warps with the very numbers of SciPy, in double precision: exact, and slower."""

from __future__ import annotations

import numpy as np


def warp_like_scipy(
    image: np.ndarray, matrix: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    """Warp an image with SciPy.

    Args:
        image: Array of shape (height, width, channels).
        matrix: Map of shape (2, 3) from a (row, column) of the result to one of the source.
        fill_mode: What lies beyond the edge, as in `scipy.ndimage`.
        cval: The value beyond the edge for "constant".
        order: Order of the spline, 0 to 5.

    Returns:
        Array of the shape and dtype of `image`.

    Raises:
        RuntimeError: When SciPy knows no such order or fill mode, or not this dtype.

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
    """Find where in the source pixels of the result lie.

    Args:
        matrix: Map of shape (2, 3).
        rows: Rows in the result, float64.
        columns: Columns in the result, of a shape that goes with that of `rows`.

    Returns:
        Rows and columns in the source, rounded as SciPy rounds them.

    Example:
        >>> coordinates(np.array([[1, 0, 0], [0, 2, 0.5]]), np.array([3.0]), np.array([1.0]))
        (array([3.]), array([2.5]))
    """
    return (
        (matrix[0, 2] + rows * matrix[0, 0]) + columns * matrix[0, 1],
        (matrix[1, 2] + rows * matrix[1, 0]) + columns * matrix[1, 1],
    )


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the rows and columns of all pixels of an image.

    Args:
        height: Its rows.
        width: Its columns.

    Returns:
        float64 arrays of shape (height, 1) and (1, width).

    Example:
        >>> grid(2, 3)[1]
        array([[0., 1., 2.]])
    """
    return np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)[None]


def out_of_bounds(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """Tell which coordinates lie beyond the centres of the outermost pixels.

    Args:
        rows: Rows in the source.
        columns: Columns in the source.
        height: Rows of the source.
        width: Columns of the source.

    Returns:
        Array of bool of the shape of `rows`.

    Example:
        >>> out_of_bounds(np.array([0.0, 1.1]), np.array([0.0, 0.0]), 2, 2)
        array([False,  True])
    """
    return (rows < 0) | (rows > height - 1) | (columns < 0) | (columns > width - 1)


def sample_bilinear(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill_mode: str, cval: float
) -> np.ndarray:
    """Interpolate linearly at single places, to the numbers that SciPy gives.

    Args:
        image: Array of shape (height, width, channels).
        rows: Rows, shape (places,).
        columns: Columns, shape (places,).
        fill_mode: "nearest", "reflect", "constant" or "wrap".
        cval: The value beyond the edge for "constant".

    Returns:
        float64 array of shape (places, channels).

    Example:
        >>> image = np.arange(4.0).reshape(2, 2, 1)
        >>> sample_bilinear(image, np.array([0.0]), np.array([0.5]), "nearest", 0)
        array([[0.5]])

    Source:
        `NI_GeometricTransform` in SciPy's `ni_interpolation.c`.
    """
    height, width = image.shape[:2]
    beyond = out_of_bounds(rows, columns, height, width) if fill_mode == "constant" else None
    inside = {"reflect": reflected, "wrap": wrapped}.get(fill_mode, _clamped)
    rows, columns = inside(rows, height), inside(columns, width)
    top, left = np.floor(rows), np.floor(columns)
    below, right = (rows - top)[:, None], (columns - left)[:, None]
    row, column = top.astype(np.intp), left.astype(np.intp)
    row0, row1 = np.maximum(row, 0), np.minimum(row + 1, height - 1)
    column0, column1 = np.maximum(column, 0), np.minimum(column + 1, width - 1)
    total = image[row0, column0] * (1 - below) * (1 - right)
    total += image[row0, column1] * (1 - below) * right
    total += image[row1, column0] * below * (1 - right)
    total += image[row1, column1] * below * right
    if beyond is not None:
        total[beyond] = cval
    return total


def reflected(where: np.ndarray, length: int) -> np.ndarray:
    """Fold coordinates back into an image whose edges are mirrors.

    Args:
        where: Coordinates along one axis.
        length: Pixels along it.

    Returns:
        Coordinates from -1 to `length`, where the interpolation does the rest.

    Example:
        >>> reflected(np.array([-1.0, 4.25]), 4)
        array([0.  , 2.75])
    """
    if length == 1:
        return np.zeros_like(where)
    period = 2.0 * length
    below = np.where(where < -period, period * np.trunc(-where / period) + where, where)
    below = np.where(below < -length, below + period, -below - 1)
    above = where - period * np.trunc(where / period)
    above = np.where(above >= length, period - above - 1, above)
    return np.where(where < 0, below, np.where(where > length - 1, above, where))


def wrapped(where: np.ndarray, length: int) -> np.ndarray:
    """Fold coordinates back into an image that repeats itself.

    Args:
        where: Coordinates along one axis.
        length: Pixels along it.

    Returns:
        Coordinates from 0 to `length` - 1. SciPy's period is one short of the length: the
        first pixel comes to lie on the last.

    Example:
        >>> wrapped(np.array([-1.0, 4.0]), 4)
        array([2., 1.])
    """
    if length == 1:
        return np.zeros_like(where)
    period = length - 1
    below = where + period * (np.trunc(-where / period) + 1)
    above = where - period * np.trunc(where / period)
    return np.where(where < 0, below, np.where(where > period, above, where))


def _clamped(where: np.ndarray, length: int) -> np.ndarray:
    return np.clip(where, 0, length - 1)
