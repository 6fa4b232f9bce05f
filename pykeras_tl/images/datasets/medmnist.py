"""MedMNIST data sets: an `.npz` file, or a folder of `.npy` files, with three splits."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...storage.disk_cache import create_entry, find_entries
from .array_files import array_file_table, open_array_file

_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def read_medmnist(
    path: str | os.PathLike[str], class_names: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """List the images of a MedMNIST data set.

    No image is loaded into memory. The arrays of an `.npz` file are copied once to the cache
    directory, from where iterators read the images of each batch.

    Args:
        path: An `.npz` file, or a folder of `.npy` files, with the arrays `train_images`,
            `train_labels`, `val_images`, `val_labels`, `test_images` and `test_labels`.
        class_names: Class names in the order of their numbers; the numbers when None.

    Returns:
        A table with `filename`, `class` and `index` for each of `train`, `validation` and
        `test`, for `ImageDataGenerator.flow_from_array_files`.

    Raises:
        FileNotFoundError: When the file, or an array, is missing.
        ValueError: When an array does not hold images or one label for each, or holds Python
            objects, which are never loaded; or when a class has no name.

    Example:
        >>> for split in ["train", "val", "test"]:
        ...     np.save(f"{split}_images.npy", np.zeros((2, 28, 28), "uint8"))
        ...     np.save(f"{split}_labels.npy", np.array([[0], [1]]))
        >>> read_medmnist(".", ["benign", "malignant"])["train"]["class"].tolist()
        ['benign', 'malignant']

    Source:
        https://medmnist.com
    """
    source = Path(path).expanduser().absolute()
    folder = source if source.is_dir() else _extracted(source)
    tables = {}
    for name, split in _SPLITS.items():
        images, labels = (folder / f"{name}_{kind}.npy" for kind in ("images", "labels"))
        for file in (images, labels):
            if not file.is_file():
                raise FileNotFoundError(
                    f"Expected a MedMNIST data set. Received: {source} without {file.stem}."
                )
        numbers = _labels(labels, len(open_array_file(images)))
        tables[split] = array_file_table(images, _class_names(numbers, class_names, source))
    return tables


def _extracted(file: Path) -> Path:
    """Return the cache entry with an `.npz` file's arrays, created when it is missing."""
    status = file.stat()
    key = f"{file} {status.st_size} {status.st_mtime_ns}".encode()
    name = f"{file.stem}-{hashlib.blake2b(key, digest_size=16).hexdigest()}"
    if not find_entries("images", name):
        try:
            with (
                zipfile.ZipFile(file) as archive,
                create_entry("images", name, f"images of {file}") as folder,
            ):
                _copy(archive, folder)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{file} is not an .npz file: {error}") from error
    return find_entries("images", name)[0]


def _copy(archive: zipfile.ZipFile, folder: Path) -> None:
    arrays = [f"{split}_{kind}.npy" for split in _SPLITS for kind in ("images", "labels")]
    for name in set(arrays) & set(archive.namelist()):
        with archive.open(name) as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def _labels(file: Path, images: int) -> np.ndarray:
    labels = np.load(file, allow_pickle=False)
    if labels.dtype.kind not in "iu" or labels.size != images or labels.min(initial=0) < 0:
        raise ValueError(
            f"Expected {file.stem} to have one class number for each of {images} images. "
            f"Received: {labels.dtype} of shape {labels.shape}."
        )
    return labels.reshape(-1)


def _class_names(numbers: np.ndarray, names: Sequence[str] | None, source: Path) -> list[str]:
    if names is None:
        width = len(str(numbers.max()))
        return [f"{number:0{width}}" for number in numbers]
    if numbers.max() >= len(names):
        raise ValueError(
            f"Expected class_names to have {numbers.max() + 1} names, one for each class of "
            f"{source}. Received: {len(names)}"
        )
    return [names[number] for number in numbers]
