"""Functions of Keras 2's `keras.preprocessing.image` that nothing here needs any more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..images.datasets.file_names import EXTENSIONS


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """Reverse an array along an axis.

    Args:
        x: An array of any shape, such as an image.
        axis: Number of the axis.

    Returns:
        The reversed array, of the same shape.

    Example:
        >>> flip_axis(np.array([[1, 2, 3]]), 1)
        array([[3, 2, 1]])
    """
    return np.flip(x, axis)


def transform_matrix_offset_center(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """Let an affine transform turn about the center of an image rather than its corner.

    Args:
        matrix: Transform of shape (3, 3).
        x: Height of the image in pixels.
        y: Width of the image in pixels.

    Returns:
        The transform about the center, of shape (3, 3).

    Example:
        >>> transform_matrix_offset_center(np.diag([2.0, 2.0, 1.0]), 5, 5)
        array([[ 2.,  0., -2.],
               [ 0.,  2., -2.],
               [ 0.,  0.,  1.]])

    Source:
        Keras 3, where the center of n pixels is (n - 1) / 2; keras-preprocessing took (n + 1) / 2.
    """
    to_center = np.eye(3)
    to_center[:2, 2] = (x - 1) / 2, (y - 1) / 2
    back = np.eye(3)
    back[:2, 2] = -to_center[:2, 2]
    centered: np.ndarray = to_center @ matrix @ back
    return centered


def validate_filename(filename: str, white_list_formats: str | tuple[str, ...]) -> bool:
    """Return whether a path is that of a file with one of some extensions.

    Args:
        filename: The path.
        white_list_formats: Extensions in lower case, without a dot.

    Returns:
        True where the file exists and its name has such an ending, in upper or lower case.

    Example:
        >>> open("cell.PNG", "wb").close()
        >>> validate_filename("cell.PNG", ("png", "jpg")), validate_filename("gone.png", ("png",))
        (True, False)
    """
    return filename.lower().endswith(white_list_formats) and Path(filename).is_file()


def list_pictures(
    directory: str | os.PathLike[str], ext: str | Sequence[str] = EXTENSIONS
) -> list[str]:
    """List the image files in a folder and those inside it.

    Args:
        directory: The folder.
        ext: An extension without a dot, or several.

    Returns:
        The paths, sorted.

    Example:
        >>> open("cell.png", "wb").close()
        >>> list_pictures(".", ext="png")
        ['cell.png']
    """
    endings = tuple(f".{each}" for each in ([ext] if isinstance(ext, str) else ext))
    return sorted(
        str(Path(folder, name))
        for folder, _, names in os.walk(directory)
        for name in names
        if name.lower().endswith(endings)
    )
