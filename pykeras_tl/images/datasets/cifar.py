"""CIFAR-100's binary form, read without unpacking it into files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from ...storage.disk_cache import create_entry, find_entries
from .array_files import array_file_table

_SIDE = 32
_IMAGES = "images.npy"
# Coarse class, fine class, and the three planes of the image.
_RECORD = 2 + 3 * _SIDE * _SIDE


def read_cifar100(path: str | os.PathLike[str], classes: int = 100) -> pd.DataFrame:
    """List the images of one of CIFAR-100's binary files.

    The images are kept as a `.npy` file in the cache directory, from which a `ArrayFileIterator`
    reads them. The classes are called by their names where `fine_label_names.txt` lies beside
    the file, and by their numbers else.

    Args:
        path: `train.bin` or `test.bin`.
        classes: How many of the fine classes to take, from the first.

    Returns:
        A table with `filename` (the `.npy` file), `class` and `row`.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no such file, or has fewer classes.

    Example:
        >>> np.zeros((2, 3074), "uint8").tofile("test.bin")
        >>> read_cifar100("test.bin", classes=1)["class"].tolist()
        ['0', '0']

    Source:
        https://www.cs.toronto.edu/~kriz/cifar.html
    """
    file = Path(path).absolute()
    size = file.stat().st_size
    if size == 0 or size % _RECORD:
        raise ValueError(f"{file} has {size} bytes; CIFAR-100's have {_RECORD} for each image.")
    records = np.memmap(file, dtype="uint8", mode="r").reshape(-1, _RECORD)
    fine = np.asarray(records[:, 1])
    names = _names(file.with_name("fine_label_names.txt"), int(fine.max()) + 1)
    if not 1 <= classes <= len(names):
        raise ValueError(f"classes={classes}; {file} has {len(names)} classes.")
    rows = np.flatnonzero(fine < classes)
    return array_file_table(_pixels(file, records), [names[fine[row]] for row in rows], rows)


def _names(file: Path, needed: int) -> list[str]:
    if not file.is_file():
        width = len(str(needed - 1))
        return [f"{number:0{width}}" for number in range(needed)]
    names = file.read_text(encoding="utf-8").split()
    if len(names) < needed:
        raise ValueError(f"{file} names {len(names)} classes; the images have {needed}.")
    return names


def _pixels(file: Path, records: np.ndarray) -> Path:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(records.tobytes())
    name = f"cifar100-{digest.hexdigest()}"
    if not find_entries("images", name):
        planes = records[:, 2:].reshape(-1, 3, _SIDE, _SIDE)
        with create_entry("images", name, f"images of {file}") as folder:
            np.save(folder / _IMAGES, planes.transpose(0, 2, 3, 1), allow_pickle=False)
    return find_entries("images", name)[0] / _IMAGES
