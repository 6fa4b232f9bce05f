"""Keras's functions that rotate, shift, shear and zoom a single image."""

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
    """Rotate, shift, shear and zoom an image about its center.

    Args:
        x: Image, an array of rank 3.
        theta: Rotation angle in degrees.
        tx: Shift along the columns in pixels.
        ty: Shift along the rows in pixels.
        shear: Shear angle in degrees.
        zx: Zoom factor along the columns; below 1 magnifies.
        zy: Zoom factor along the rows.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels, the first or the last.
        fill_mode: How points outside the image are filled: "nearest", "constant", "reflect" or
            "wrap", as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        order: Order of the spline interpolation, 0 (nearest pixel) to 5.

    Returns:
        Array of the shape and dtype of `x`; `x` itself when nothing changes.

    Raises:
        ValueError: When the axes are not 0, 1 and 2, `x` has another rank, or the channels are
            on axis 1.

    Example:
        >>> image = np.arange(4.0).reshape(1, 2, 2)
        >>> apply_affine_transform(image, tx=1)[0]
        array([[1., 1.],
               [3., 3.]])

    Source:
        `keras.src.legacy.preprocessing.image.apply_affine_transform`. As there, the axes are
        swapped at the end, so that `tx`, although scaled by the height, shifts along the
        columns, and an image that is not square rotates about the center of its transpose.
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
    """Transform an image as `apply_affine_transform` does.

    Args:
        x: Image, an array of rank 3.
        parameters: Any of theta, tx, ty, shear, zx and zy; others are ignored.
        axes: Axes of the rows, the columns and the channels.
        fill_mode: How points outside the image are filled, as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        order: Order of the spline interpolation, 0 to 5.
        exact: Whether to compute exactly SciPy's values, which takes longer.

    Returns:
        Array of the shape and dtype of `x`; `x` itself when nothing changes.

    Raises:
        ValueError: When the axes or the shape are not those of an image.

    Example:
        >>> image = np.arange(4.0).reshape(1, 2, 2)
        >>> transform(image, {"tx": 1}, (1, 2, 0), "nearest", 0, 1, exact=True)[0]
        array([[1., 1.],
               [3., 3.]])
    """
    row_axis, col_axis, channel_axis = axes
    _validate_axes(x, row_axis, col_axis, channel_axis)
    arrays = {name: np.array([value]) for name, value in parameters.items()}
    matrices, moved = transform_matrices(arrays, x.shape[row_axis], x.shape[col_axis], 1)
    if not moved[0]:
        return x
    matrix = matrices[0]
    if col_axis < row_axis:
        matrix = np.ascontiguousarray(matrix[[1, 0]][:, [1, 0, 2]])
    # SciPy gets the two axes in their order in memory.
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
    """Rotate an image by a random angle.

    Args:
        x: Image, an array of rank 3.
        rg: The angle is between -rg and rg degrees.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: How points outside the image are filled, as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        interpolation_order: Order of the spline interpolation, 0 to 5.
        seed: Makes the result repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_rotation(np.arange(4.0).reshape(1, 2, 2), 20, seed=0).round(2)
        array([[[0.02, 1.03],
                [1.97, 2.98]]])

    Source:
        `keras.src.legacy.preprocessing.image.random_rotation`.
    """
    theta = rng(seed).uniform(-rg, rg)
    options = _warp_options(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta=theta, **options)


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
    """Shift an image by random distances.

    Args:
        x: Image, an array of rank 3.
        wrg: Maximum shift, either way, as a fraction of the width.
        hrg: Maximum shift, either way, as a fraction of the height.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: How points outside the image are filled, as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        interpolation_order: Order of the spline interpolation, 0 to 5.
        seed: Makes the result repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_shift(np.arange(4.0).reshape(1, 2, 2), 0.2, 0.2, seed=0).round(2)
        array([[[0.38, 1.34],
                [2.04, 3.  ]]])

    Source:
        `keras.src.legacy.preprocessing.image.random_shift`.
    """
    random = rng(seed)
    tx = random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = random.uniform(-wrg, wrg) * x.shape[col_axis]
    options = _warp_options(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, tx=tx, ty=ty, **options)


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
        x: Image, an array of rank 3.
        intensity: The angle is between -intensity and intensity degrees.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: How points outside the image are filled, as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        interpolation_order: Order of the spline interpolation, 0 to 5.
        seed: Makes the result repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_shear(np.arange(4.0).reshape(1, 2, 2), 20, seed=0).round(2)
        array([[[0.02, 1.  ],
                [2.  , 2.98]]])

    Source:
        `keras.src.legacy.preprocessing.image.random_shear`.
    """
    shear = rng(seed).uniform(-intensity, intensity)
    options = _warp_options(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, shear=shear, **options)


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
        x: Image, an array of rank 3.
        zoom_range: Smallest and largest factor; below 1 magnifies.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: How points outside the image are filled, as in `ImageDataGenerator`.
        cval: Value of points outside the image for "constant".
        interpolation_order: Order of the spline interpolation, 0 to 5.
        seed: Makes the result repeatable.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: When `zoom_range` does not have two numbers.

    Example:
        >>> random_zoom(np.arange(4.0).reshape(1, 2, 2), (0.5, 0.5)).round(2)
        array([[[0.75, 1.25],
                [1.75, 2.25]]])

    Source:
        `keras.src.legacy.preprocessing.image.random_zoom`.
    """
    if len(zoom_range) != 2:
        raise ValueError(
            f"Expected zoom_range to be a tuple or list of two floats. Received: {zoom_range}"
        )
    low, high = zoom_range
    zx, zy = (1, 1) if low == 1 and high == 1 else rng(seed).uniform(low, high, 2)
    options = _warp_options(row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, zx=zx, zy=zy, **options)


def _warp_options(
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


def _validate_axes(x: np.ndarray, row_axis: int, col_axis: int, channel_axis: int) -> None:
    axes = [row_axis, col_axis, channel_axis]
    if len(set(axes)) != 3:
        raise ValueError(
            f"Expected row_axis, col_axis and channel_axis to be distinct. Received: {axes}"
        )
    if set(axes) != {0, 1, 2}:
        raise ValueError(f"Expected row_axis, col_axis and channel_axis below 3. Received: {axes}")
    if x.ndim != 3:
        raise ValueError(f"Expected an image of rank 3. Received: shape {x.shape}.")
    if channel_axis == 1:
        raise ValueError("Expected channel_axis to be 0 or 2. Received: 1")
