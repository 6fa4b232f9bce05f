"""CIFAR-100 from its binary files, without extracting image files."""

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
# Coarse class, fine class, and the red, green and blue planes of the image.
_RECORD = 2 + 3 * _SIDE * _SIDE


def read_cifar100(path: str | os.PathLike[str], classes: int = 100) -> pd.DataFrame:
    """List the images of one of CIFAR-100's binary files.

    The images are copied to a `.npy` file in the cache directory. Classes have their names when
    `fine_label_names.txt` is in the same folder, and their numbers otherwise.

    Args:
        path: `train.bin` or `test.bin`.
        classes: Number of fine classes to list, from the first; 1 to 100.

    Returns:
        A table with `filename` (the `.npy` file), `class` and `index`, for
        `ImageDataGenerator.flow_from_array_files`.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not a CIFAR-100 file, or has fewer classes.

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
        raise ValueError(
            f"Expected a CIFAR-100 file, with {_RECORD} bytes for each image. "
            f"Received: {file} with {size} bytes."
        )
    records = np.memmap(file, dtype="uint8", mode="r").reshape(-1, _RECORD)
    fine = np.asarray(records[:, 1])
    names = _names(file.with_name("fine_label_names.txt"), int(fine.max()) + 1)
    if not 1 <= classes <= len(names):
        raise ValueError(
            f"Expected classes to be 1 to {len(names)}, the classes in {file}. Received: {classes}"
        )
    indices = np.flatnonzero(fine < classes)
    labels = [names[fine[index]] for index in indices]
    return array_file_table(_cached_images(file, records), labels, indices)


def _names(file: Path, needed: int) -> list[str]:
    """Return the class names in a file, or zero-padded numbers without one."""
    if not file.is_file():
        width = len(str(needed - 1))
        return [f"{number:0{width}}" for number in range(needed)]
    names = file.read_text(encoding="utf-8").split()
    if len(names) < needed:
        raise ValueError(f"Expected {needed} class names in {file}. Received: {len(names)}")
    return names


def _cached_images(file: Path, records: np.ndarray) -> Path:
    """Return the path of the cached `.npy` file, written if this content was never read."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(records.tobytes())
    name = f"cifar100-{digest.hexdigest()}"
    if not find_entries("images", name):
        planes = records[:, 2:].reshape(-1, 3, _SIDE, _SIDE)
        with create_entry("images", name, f"images of {file}") as folder:
            np.save(folder / _IMAGES, planes.transpose(0, 2, 3, 1), allow_pickle=False)
    return find_entries("images", name)[0] / _IMAGES
