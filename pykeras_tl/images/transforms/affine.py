"""Keras's functions that turn, move, shear and zoom a single image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .affine_matrices import transform_matrices
from .sampling import rng
from .scipy_warp import warp_like_scipy
from .warp import warp


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Turn, move, shear and zoom an image about its centre.

    Args:
        x: Array of three axes.
        theta: Turn, in degrees.
        tx: Shift, in pixels, along the columns.
        ty: Shift, in pixels, along the rows.
        shear: Shear, in degrees.
        zx: Zoom along the columns; above 1 shows more of the image.
        zy: Zoom along the rows.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels, the first or the last.
        fill_mode: What lies beyond the edge: "nearest", "constant", "reflect" or "wrap".
        cval: The value beyond the edge for "constant".
        order: Order of the interpolating spline, 0 (nearest pixel) to 5.

    Returns:
        Array of the shape and dtype of `x`; `x` itself when nothing changes.

    Raises:
        ValueError: When the axes are not three different ones, `x` has not three, or the
            channels stand in the middle.

    Example:
        >>> image = np.arange(4.0).reshape(1, 2, 2)
        >>> apply_affine_transform(image, tx=1)[0]
        array([[1., 1.],
               [3., 3.]])

    Source:
        `keras.src.legacy.preprocessing.image.apply_affine_transform`. As there, the axes are
        swapped at the end, so that `tx`, although drawn from the height, moves along the
        columns, and an image that is not square turns about the centre of its transpose.
    """
    parameters = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
    return transform(x, parameters, (row_axis, col_axis, channel_axis), fill_mode, cval, order)


def transform(
    x: np.ndarray,
    parameters: Mapping[str, Any],
    axes: tuple[int, int, int],
    fill_mode: str,
    cval: float,
    order: int,
    exact: bool = False,
) -> np.ndarray:
    """Turn, move, shear and zoom an image as `apply_affine_transform` does.

    Args:
        x: Array of three axes.
        parameters: Any of theta, tx, ty, shear, zx and zy; others are passed over.
        axes: Axes of the rows, the columns and the channels.
        fill_mode: What lies beyond the edge.
        cval: The value beyond the edge for "constant".
        order: Order of the interpolating spline, 0 to 5.
        exact: Whether to give SciPy's very numbers, which takes longer.

    Returns:
        Array of the shape and dtype of `x`; `x` itself when nothing changes.

    Raises:
        ValueError: When the axes or the shape are none of an image.

    Example:
        >>> image = np.arange(4.0).reshape(1, 2, 2)
        >>> transform(image, {"tx": 1}, (1, 2, 0), "nearest", 0, 1, exact=True)[0]
        array([[1., 1.],
               [3., 3.]])
    """
    row_axis, col_axis, channel_axis = axes
    _check_axes(x, row_axis, col_axis, channel_axis)
    given = {name: np.array([value]) for name, value in parameters.items()}
    matrices, moved = transform_matrices(given, x.shape[row_axis], x.shape[col_axis], 1)
    if not moved[0]:
        return x
    matrix = matrices[0]
    if col_axis < row_axis:
        matrix = np.ascontiguousarray(matrix[[1, 0]][:, [1, 0, 2]])
    # SciPy gets the two axes in the order in which they lie in the array.
    image = np.moveaxis(x, channel_axis, 2)
    if image.dtype == np.float32 and order == 1 and not exact:
        warped = warp(np.ascontiguousarray(image), matrix, fill_mode, cval)
    else:
        warped = warp_like_scipy(image, matrix, fill_mode, cval, order)
    return np.moveaxis(warped, 2, channel_axis)


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
    seed: int | None = None,
) -> np.ndarray:
    """Turn an image by a random angle.

    Args:
        x: Array of three axes.
        rg: The angle is drawn from -rg to rg degrees.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: What lies beyond the edge.
        cval: The value beyond the edge for "constant".
        interpolation_order: Order of the interpolating spline, 0 to 5.
        seed: Makes the draw repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_rotation(np.ones((1, 4, 4)), 20).shape
        (1, 4, 4)

    Source:
        `keras.src.legacy.preprocessing.image.random_rotation`.
    """
    theta = rng(seed).uniform(-rg, rg)
    where = _places(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta=theta, **where)


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
    seed: int | None = None,
) -> np.ndarray:
    """Move an image by random distances.

    Args:
        x: Array of three axes.
        wrg: Greatest shift as a fraction of the width.
        hrg: Greatest shift as a fraction of the height.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: What lies beyond the edge.
        cval: The value beyond the edge for "constant".
        interpolation_order: Order of the interpolating spline, 0 to 5.
        seed: Makes the draw repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_shift(np.ones((1, 4, 4)), 0.1, 0.1).shape
        (1, 4, 4)

    Source:
        `keras.src.legacy.preprocessing.image.random_shift`.
    """
    random = rng(seed)
    tx = random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = random.uniform(-wrg, wrg) * x.shape[col_axis]
    where = _places(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, tx=tx, ty=ty, **where)


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
    seed: int | None = None,
) -> np.ndarray:
    """Shear an image by a random angle.

    Args:
        x: Array of three axes.
        intensity: The angle is drawn from -intensity to intensity degrees.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: What lies beyond the edge.
        cval: The value beyond the edge for "constant".
        interpolation_order: Order of the interpolating spline, 0 to 5.
        seed: Makes the draw repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_shear(np.ones((1, 4, 4)), 20).shape
        (1, 4, 4)

    Source:
        `keras.src.legacy.preprocessing.image.random_shear`.
    """
    shear = rng(seed).uniform(-intensity, intensity)
    where = _places(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, shear=shear, **where)


def random_zoom(
    x: np.ndarray,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
    seed: int | None = None,
) -> np.ndarray:
    """Zoom an image by random factors, one for each axis.

    Args:
        x: Array of three axes.
        zoom_range: The least and the greatest factor; above 1 shows more of the image.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: What lies beyond the edge.
        cval: The value beyond the edge for "constant".
        interpolation_order: Order of the interpolating spline, 0 to 5.
        seed: Makes the draw repeatable.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: When `zoom_range` is not two numbers.

    Example:
        >>> random_zoom(np.ones((1, 4, 4)), (0.8, 1.2)).shape
        (1, 4, 4)

    Source:
        `keras.src.legacy.preprocessing.image.random_zoom`.
    """
    if len(zoom_range) != 2:
        raise ValueError(
            f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}"
        )
    low, high = zoom_range
    zx, zy = (1, 1) if low == 1 and high == 1 else rng(seed).uniform(low, high, 2)
    where = _places(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, zx=zx, zy=zy, **where)


def _places(
    row_axis: int, col_axis: int, channel_axis: int, fill_mode: str, cval: float, order: int
) -> dict[str, Any]:
    return {
        "row_axis": row_axis,
        "col_axis": col_axis,
        "channel_axis": channel_axis,
        "fill_mode": fill_mode,
        "cval": cval,
        "order": order,
    }


def _check_axes(x: np.ndarray, row_axis: int, col_axis: int, channel_axis: int) -> None:
    axes = [row_axis, col_axis, channel_axis]
    if len(set(axes)) != 3:
        raise ValueError(
            f"'row_axis', 'col_axis', and 'channel_axis' must be distinct. Received: {axes}"
        )
    if set(axes) != {0, 1, 2}:
        raise ValueError(f"Invalid axis' indices: {set(axes) - {0, 1, 2}}")
    if x.ndim != 3:
        raise ValueError(f"Input arrays must be multi-channel 2D images, not {x.ndim}-D.")
    if channel_axis == 1:
        raise ValueError("Channels are allowed at the first and last dimensions.")
