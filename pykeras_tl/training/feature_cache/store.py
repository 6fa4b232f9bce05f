"""The frozen layers' output for each picture, on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ...storage.disk_cache import find_stores, make_room, new_store

_PICTURES = "pictures.npy"


class StoreTooLargeError(OSError):
    """The frozen layers' output is more than the cache may hold."""


class Features:
    """The frozen layers' output for a list of pictures.

    It lies in segments: each is a store of its own that holds the pictures which were missing
    when it was written, so that folds and growing folders find what is there.

    Args:
        key: What the output depends on beside the pictures.
        pictures: One digest a picture, in the order in which `gather` numbers them.
    """

    def __init__(self, key: str, pictures: Sequence[bytes]) -> None:
        self._key = key
        self._pictures = list(pictures)
        self._segment = np.full(len(self._pictures), -1)
        self._row = np.zeros(len(self._pictures), "int64")
        self._segments: list[list[np.ndarray]] = []
        for folder in find_stores("features", key):
            self._open(folder)

    @property
    def missing(self) -> np.ndarray:
        """The numbers of the pictures whose output is not there, ascending."""
        return np.flatnonzero(self._segment < 0)

    @property
    def bytes(self) -> int:
        """The size of one picture's output times the pictures."""
        first = self._segments[0] if self._segments else []
        return len(self._pictures) * sum(array[:1].nbytes for array in first)

    def gather(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Give the output for some pictures.

        Args:
            numbers: The pictures' numbers, in any order; all of them there.

        Returns:
            One float32 array a tensor, shape `(len(numbers), ...)`.
        """
        segments, rows = self._segment[numbers], self._row[numbers]
        first = segments[0]
        if (segments == first).all():
            return [_as_float32(array[rows]) for array in self._segments[first]]
        gathered = [
            np.empty((len(numbers), *array.shape[1:]), _as_float32(array[:0]).dtype)
            for array in self._segments[first]
        ]
        for segment in np.unique(segments):
            here = segments == segment
            for target, array in zip(gathered, self._segments[segment]):
                target[here] = array[rows[here]]
        return gathered

    def fill(
        self, chunks: Iterable[tuple[np.ndarray, list[np.ndarray]]], title: str, dtype: str
    ) -> None:
        """Write what is missing, as one segment, whole or not at all.

        Args:
            chunks: Numbers of missing pictures, and the output for them.
            title: What the store holds, for people.
            dtype: `"float32"` or `"float16"`, in which floating numbers are kept.

        Raises:
            StoreTooLargeError: When it does not fit in the cache.
            OSError: When the cache cannot be written.
        """
        missing = self.missing
        chunks = iter(chunks)
        numbers, arrays = next(chunks)
        kinds = [
            np.dtype(dtype) if array.dtype.kind == "f" or array.dtype == "bfloat16" else array.dtype
            for array in arrays
        ]
        needed = len(missing) * sum(
            int(np.prod(array.shape[1:])) * kind.itemsize for array, kind in zip(arrays, kinds)
        )
        if not make_room(needed):
            raise StoreTooLargeError(
                "the frozen layers' output "
                f"of {len(missing):,} pictures takes {needed / 1e9:.1f} GB"
            )
        digests = [self._pictures[number] for number in missing]
        name = f"{self._key}-{hashlib.blake2b(b''.join(digests), digest_size=8).hexdigest()}"
        with new_store("features", name, title) as folder:
            order = [numbers]
            files = [(folder / f"{part}.npy").open("wb") for part in range(len(arrays))]
            try:
                for file, array, kind in zip(files, arrays, kinds):
                    _write_header(file, (len(missing), *array.shape[1:]), kind)
                    array.astype(kind).tofile(file)
                for numbers, arrays in chunks:
                    order.append(numbers)
                    for file, array, kind in zip(files, arrays, kinds):
                        array.astype(kind).tofile(file)
            finally:
                for file in files:
                    file.close()
            pictures = [self._pictures[number] for number in np.concatenate(order)]
            np.save(folder / _PICTURES, np.array(pictures))
        self._open(find_stores("features", name)[0])

    def _open(self, folder: Path) -> None:
        rows = {picture: row for row, picture in enumerate(np.load(folder / _PICTURES).tolist())}
        mine = [rows.get(picture, -1) for picture in self._pictures]
        found = np.array(mine, "int64")
        new = (found >= 0) & (self._segment < 0)
        if not new.any():
            return
        self._segment[new] = len(self._segments)
        self._row[new] = found[new]
        parts = sorted(folder.glob("[0-9]*.npy"), key=lambda path: int(path.stem))
        self._segments.append([np.load(part, mmap_mode="r") for part in parts])


def _as_float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, "float32") if array.dtype == "float16" else np.asarray(array)


def _write_header(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    np.lib.format.write_array_header_1_0(
        file,
        {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        },
    )
