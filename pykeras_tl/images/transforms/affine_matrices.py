"""Affine matrices of sampled transforms, for all images of a batch at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def transform_matrices(
    parameters: Mapping[str, np.ndarray | None], height: int, width: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compose rotation, shift, shear and zoom about the images' center.

    Args:
        parameters: Arrays of shape (images,) named theta, tx, ty, shear, zx and zy, in the
            units of `apply_affine_transform`; None or a missing name means no change.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        count: Number of images.

    Returns:
        The matrices, float64 of shape (images, 2, 3), from a (row, column) of the result to a
        (row, column) of the source; and a bool for each image, False where the image stays
        unchanged.

    Example:
        >>> matrices, moved = transform_matrices({"tx": np.array([0.0, 2.0])}, 8, 8, 2)
        >>> matrices[1, :, 2], moved
        (array([0., 2.]), array([False,  True]))

    Source:
        `apply_affine_transform`. As in Keras, the axes are swapped at the end, so that `tx`,
        which is scaled by the height, shifts an image along its columns, and the center of an
        image that is not square is that of its transpose.
    """

    def values(name: str, neutral: float) -> np.ndarray:
        array = parameters.get(name)
        return np.full(count, neutral) if array is None else np.asarray(array, np.float64)

    degrees, shear_degrees = values("theta", 0), values("shear", 0)
    tx, ty, zx, zy = values("tx", 0), values("ty", 0), values("zx", 1), values("zy", 1)
    moved = (degrees != 0) | (tx != 0) | (ty != 0) | (shear_degrees != 0) | (zx != 1) | (zy != 1)
    theta, shear = np.deg2rad(degrees), np.deg2rad(shear_degrees)

    rotation, shift, shearing, zoom = (_identities(count) for _ in range(4))
    rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(theta)
    rotation[:, 0, 1], rotation[:, 1, 0] = -np.sin(theta), np.sin(theta)
    shift[:, 0, 2], shift[:, 1, 2] = tx, ty
    shearing[:, 0, 1], shearing[:, 1, 1] = -np.sin(shear), np.cos(shear)
    zoom[:, 0, 0], zoom[:, 1, 1] = zx, zy
    to_center, back = np.eye(3), np.eye(3)
    to_center[:2, 2] = height / 2 - 0.5, width / 2 - 0.5
    back[:2, 2] = -to_center[:2, 2]
    composed = to_center @ (rotation @ shift @ shearing @ zoom) @ back
    return np.ascontiguousarray(composed[:, [1, 0]][:, :, [1, 0, 2]]), moved


def compose_flip(
    matrix: np.ndarray, height: int, width: int, vertical: bool, horizontal: bool
) -> np.ndarray:
    """Compose an affine map with a flip of its result.

    Args:
        matrix: The map, shape (2, 3).
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        vertical: Whether to reverse the rows.
        horizontal: Whether to reverse the columns.

    Returns:
        The composed map, shape (2, 3).

    Example:
        >>> compose_flip(np.eye(2, 3), 4, 5, False, True)
        array([[ 1., -0.,  0.],
               [ 0., -1.,  4.]])
    """
    flipped = matrix.copy()
    if vertical:
        flipped[:, 2] += flipped[:, 0] * (height - 1)
        flipped[:, 0] *= -1
    if horizontal:
        flipped[:, 2] += flipped[:, 1] * (width - 1)
        flipped[:, 1] *= -1
    return flipped


def _identities(count: int) -> np.ndarray:
    matrices = np.zeros((count, 3, 3))
    matrices[:, [0, 1, 2], [0, 1, 2]] = 1
    return matrices
