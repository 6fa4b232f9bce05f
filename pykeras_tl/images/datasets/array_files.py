"""Images stored together in one array file: the table that lists them, and opening the file.

A data set of many small images is faster to copy and read as one `.npy` or HDF5 file than as
many image files. Its table has a row for each image, as one of image files has, and a column
`index` with the image's position in the file that `filename` names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .file_names import is_readable_name

INDEX_COLUMN = "index"
# What tables of older versions call it.
_OLD_INDEX_COLUMN = "row"


def array_file_table(
    path: str | os.PathLike[str],
    classes: Sequence[Any] | np.ndarray,
    indices: Sequence[int] | np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the table of the images in an array file.

    Args:
        path: A file that `open_array_file` opens.
        classes: Class name of each image, shape (images,).
        indices: Index of each image in the file, shape (images,); 0, 1, 2, … when None.

    Returns:
        A table with the columns `filename` (the file, in every row), `class` and `index`, for
        `split_fractions`, `k_folds` and `ImageDataGenerator.flow_from_array_files`.

    Example:
        >>> array_file_table("images.npy", ["cat", "dog"])
             filename class  index
        0  images.npy   cat      0
        1  images.npy   dog      1
    """
    names = [str(name) for name in classes]
    indices = np.arange(len(names)) if indices is None else np.asarray(indices, dtype="int64")
    table = pd.DataFrame({"class": names, INDEX_COLUMN: indices})
    table.insert(0, "filename", os.fspath(path))
    return table


def index_column(table: pd.DataFrame) -> str | None:
    """Return the column with each image's index in its array file.

    Args:
        table: A table of images with the column `filename`.

    Returns:
        "index", or "row" in a table of an older version; None for a table of image files, also
        of one that `reset_index` added a column `index` to.

    Example:
        >>> index_column(array_file_table("images.npy", ["cat"]))
        'index'
        >>> index_column(pd.DataFrame({"filename": ["1.png"], "index": [7]})) is None
        True
    """
    if any(is_readable_name(str(name)) for name in table["filename"].iloc[:1]):
        return None
    for name in (INDEX_COLUMN, _OLD_INDEX_COLUMN):
        if name in table:
            return name
    return None


def open_array_file(path: str | os.PathLike[str]) -> Any:
    """Open an array file without reading its images.

    Args:
        path: A `.npy` file with a uint8 array of shape (images, height, width) or (images,
            height, width, channels), or an HDF5 file with such a data set `images`.

    Returns:
        A memory map or HDF5 data set; indexing it reads one image from the disk.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When the file holds no such array, or Python objects, which are never
            loaded.

    Example:
        >>> np.save("two.npy", np.zeros((2, 8, 8, 3), "uint8"))
        >>> open_array_file("two.npy")[1].shape
        (8, 8, 3)
    """
    # The modification time, so that a file that was replaced is opened again.
    file = Path(path)
    return _opened(str(file.absolute()), file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: str, modified: int) -> Any:
    if path.endswith(".npy"):
        images: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    else:
        import h5py

        file = h5py.File(path, "r")
        if "images" not in file:
            raise ValueError(
                f"Expected {path} to have the data set `images`. Received: {list(file)}"
            )
        images = file["images"]
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            f"Expected {path} to hold uint8 of shape (images, height, width) or (images, height, "
            f"width, channels). Received: {images.dtype} of shape {images.shape}."
        )
    return images
