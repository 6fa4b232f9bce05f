"""Affine warps computed the way SciPy does, in double precision: exact, and slower."""

from __future__ import annotations

import numpy as np

_TAPS = {0: 1, 1: 2}


def warp_exactly(
    image: np.ndarray, matrix: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    """Warp a picture to the very numbers of `scipy.ndimage.affine_transform`.

    Args:
        image: Array of shape (height, width, channels).
        matrix: Map of shape (2, 3) from a (row, column) of the result to one of the source.
        fill_mode: What lies beyond the edge, as in `scipy.ndimage`.
        cval: The value beyond the edge for "constant".
        order: Order of the spline, 0 to 5.

    Returns:
        Array of the shape and dtype of `image`.

    Raises:
        RuntimeError: When SciPy knows no such order or fill mode.

    Example:
        >>> picture = np.arange(4.0).reshape(2, 2, 1)
        >>> warp_exactly(picture, np.array([[1, 0, 0], [0, 1, 0.5]]), "nearest", 0, 1)[..., 0]
        array([[0.5, 1. ],
               [2.5, 3. ]])

    Source:
        `NI_GeometricTransform` in SciPy's `ni_interpolation.c`.
    """
    plain = image.dtype in (np.float32, np.float64) and fill_mode in _MAPS and order in _TAPS
    if not plain:
        return _warp_with_scipy(image, matrix, fill_mode, cval, order)
    height, width = image.shape[:2]
    rows, columns = coordinates(matrix, height, width)
    beyond = None
    if fill_mode == "constant":
        beyond = outside(rows, columns, height, width)
    rows, columns = _MAPS[fill_mode](rows, height), _MAPS[fill_mode](columns, width)
    if order == 0:
        result = image[_nearest(rows, height), _nearest(columns, width)]
    else:
        result = _interpolate(image, rows, columns).astype(image.dtype)
    if beyond is not None:
        result[beyond] = cval
    return result


def coordinates(matrix: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Find where in the source each pixel of the result lies.

    Args:
        matrix: Map of shape (2, 3).
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        Rows and columns in the source, each float64 of shape (height, width), rounded as
        SciPy rounds them.

    Example:
        >>> rows, columns = coordinates(np.eye(2, 3), 2, 3)
        >>> columns[1]
        array([0., 1., 2.])
    """
    row, column = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    rows = (matrix[0, 2] + row * matrix[0, 0])[:, None] + column * matrix[0, 1]
    columns = (matrix[1, 2] + row * matrix[1, 0])[:, None] + column * matrix[1, 1]
    return rows, columns


def outside(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """Tell which coordinates lie beyond the centres of the outermost pixels.

    Args:
        rows: Rows in the source.
        columns: Columns in the source.
        height: Rows of the source.
        width: Columns of the source.

    Returns:
        Array of bool of the shape of `rows`.

    Example:
        >>> outside(np.array([0.0, 1.1]), np.array([0.0, 0.0]), 2, 2)
        array([False,  True])
    """
    return (rows < 0) | (rows > height - 1) | (columns < 0) | (columns > width - 1)


def _clamped(where: np.ndarray, length: int) -> np.ndarray:
    return np.clip(where, 0, length - 1)


def _reflected(where: np.ndarray, length: int) -> np.ndarray:
    period = 2.0 * length
    below = np.where(where < -period, period * np.trunc(-where / period) + where, where)
    below = np.where(below < -length, below + period, -below - 1)
    above = where - period * np.trunc(where / period)
    above = np.where(above >= length, period - above - 1, above)
    folded = np.where(where < 0, below, np.where(where > length - 1, above, where))
    return folded if length > 1 else np.zeros_like(where)


def _wrapped(where: np.ndarray, length: int) -> np.ndarray:
    # SciPy's period is one short of the length: the first pixel comes to lie on the last.
    if length == 1:
        return np.zeros_like(where)
    period = length - 1
    below = where + period * (np.trunc(-where / period) + 1)
    above = where - period * np.trunc(where / period)
    return np.where(where < 0, below, np.where(where > period, above, where))


_MAPS = {"nearest": _clamped, "constant": _clamped, "reflect": _reflected, "wrap": _wrapped}


def _nearest(where: np.ndarray, length: int) -> np.ndarray:
    return np.clip(np.floor(where + 0.5).astype(np.intp), 0, length - 1)


def _interpolate(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    top, left = np.floor(rows), np.floor(columns)
    below, right = rows - top, columns - left
    row0, column0 = top.astype(np.intp), left.astype(np.intp)
    row1, column1 = np.minimum(row0 + 1, height - 1), np.minimum(column0 + 1, width - 1)
    row0, column0 = np.maximum(row0, 0), np.maximum(column0, 0)
    pixels = image.reshape(-1, channels).astype(np.float64)
    total = np.zeros((*rows.shape, channels))
    for row, row_weight in ((row0, 1 - below), (row1, below)):
        for column, column_weight in ((column0, 1 - right), (column1, right)):
            part = pixels[row * width + column]
            part *= row_weight[..., None]
            part *= column_weight[..., None]
            total += part
    return total


def _warp_with_scipy(
    image: np.ndarray, matrix: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    from scipy import ndimage

    channels = [
        ndimage.affine_transform(
            image[..., channel], matrix[:, :2], matrix[:, 2], order=order, mode=fill_mode, cval=cval
        )
        for channel in range(image.shape[2])
    ]
    return np.stack(channels, axis=2)
