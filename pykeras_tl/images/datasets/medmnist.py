"""MedMNIST's files: one `.npz`, or a folder of `.npy`, with the images of every part."""

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

_PARTS = {"train": "train", "val": "validation", "test": "test"}


def read_medmnist(
    path: str | os.PathLike[str], class_names: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """List the images of a MedMNIST data set.

    Nothing is resized or held in memory here: a `ArrayFileIterator` reads what each batch needs.
    From an `.npz` file the arrays are copied once into the cache directory, where they can be
    read piece by piece.

    Args:
        path: An `.npz` file, or a folder of `.npy` files, with the arrays `train_images`,
            `train_labels`, `val_images`, `val_labels`, `test_images` and `test_labels`.
        class_names: The classes' names in the order of their numbers; the numbers when None.

    Returns:
        A table with `filename`, `class` and `row` for each of `train`, `validation` and `test`.

    Raises:
        FileNotFoundError: When the file, or an array, is missing.
        ValueError: When an array is none of images or of single labels, holds objects, which
            are never loaded, or there are labels without a name.

    Source:
        https://medmnist.com
    """
    place = Path(path).expanduser().absolute()
    folder = place if place.is_dir() else _unpacked(place)
    tables = {}
    for name, part in _PARTS.items():
        images, labels = (folder / f"{name}_{kind}.npy" for kind in ("images", "labels"))
        for file in (images, labels):
            if not file.is_file():
                raise FileNotFoundError(f"{place} has no array {file.stem}.")
        numbers = _labels(labels, len(open_array_file(images)))
        tables[part] = array_file_table(images, _named(numbers, class_names, place))
    return tables


def _unpacked(file: Path) -> Path:
    state = file.stat()
    key = f"{file} {state.st_size} {state.st_mtime_ns}".encode()
    name = f"{file.stem}-{hashlib.blake2b(key, digest_size=16).hexdigest()}"
    if not find_entries("images", name):
        try:
            with (
                zipfile.ZipFile(file) as archive,
                create_entry("images", name, f"images of {file}") as folder,
            ):
                _copy(archive, folder)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{file} is no .npz file: {error}") from error
    return find_entries("images", name)[0]


def _copy(archive: zipfile.ZipFile, folder: Path) -> None:
    arrays = [f"{part}_{kind}.npy" for part in _PARTS for kind in ("images", "labels")]
    for name in set(arrays) & set(archive.namelist()):
        with archive.open(name) as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def _labels(file: Path, images: int) -> np.ndarray:
    labels = np.load(file, allow_pickle=False)
    if labels.dtype.kind not in "iu" or labels.size != images or labels.min(initial=0) < 0:
        raise ValueError(
            f"{file.stem} has {labels.dtype} of shape {labels.shape}; expected one class number "
            f"for each of {images} images."
        )
    return labels.reshape(-1)


def _named(numbers: np.ndarray, names: Sequence[str] | None, place: Path) -> list[str]:
    if names is None:
        width = len(str(numbers.max()))
        return [f"{number:0{width}}" for number in numbers]
    if numbers.max() >= len(names):
        raise ValueError(f"{place} has class {numbers.max()}; class_names has {len(names)} names.")
    return [names[number] for number in numbers]
