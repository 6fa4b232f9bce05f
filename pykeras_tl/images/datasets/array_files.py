"""Images in one file rather than many: what they are called, and how they are opened."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# The column that tells an image's place in the file that `filename` names.
INDEX_COLUMN = "row"


def array_file_table(path: str | os.PathLike[str], classes: Any, rows: Any = None) -> pd.DataFrame:
    """Make the table of the images in one file.

    Args:
        path: A file that `open_array_file` opens.
        classes: The name of each image's class.
        rows: Their places in the file, from 0; 0, 1, 2, … when None.

    Returns:
        A table with `filename` (the file, for all the same), `class` and `row`, for `k_folds`,
        `split_fractions` and `ArrayFileIterator`.

    Example:
        >>> array_file_table("images.npy", ["cat", "dog"])["row"].tolist()
        [0, 1]
    """
    names = [str(name) for name in classes]
    places = np.arange(len(names)) if rows is None else np.asarray(rows, dtype="int64")
    table = pd.DataFrame({"class": names, INDEX_COLUMN: places})
    table.insert(0, "filename", os.fspath(path))
    return table


def open_array_file(path: str | os.PathLike[str]) -> Any:
    """Open a file of images without reading them.

    Args:
        path: A `.npy` file with an array of shape (images, height, width) or (images,
            height, width, channels) in uint8; or an HDF5 file with such a data set `images`.

    Returns:
        What gives an image by its number, from the disk.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no such file, or holds objects, which are never loaded.

    Example:
        >>> np.save("two.npy", np.zeros((2, 8, 8, 3), "uint8"))
        >>> open_array_file("two.npy")[1].shape
        (8, 8, 3)
    """
    # The time of its last change stands for a file that was written anew.
    file = Path(path)
    return _opened(str(file.absolute()), file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: str, changed: int) -> Any:
    if path.endswith(".npy"):
        images: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    else:
        import h5py

        file = h5py.File(path, "r")
        if "images" not in file:
            raise ValueError(f"{path} has no data set `images`; it has {list(file)}.")
        images = file["images"]
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            f"{path} holds {images.dtype} of shape {images.shape}; expected uint8 of shape "
            "(images, height, width) or (images, height, width, channels)."
        )
    return images
