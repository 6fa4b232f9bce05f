"""Disk cache of the frozen layers' output for each image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ...storage.disk_cache import create_entry, evict, find_entries

_IMAGES = "images.npy"


class StoreTooLargeError(OSError):
    """Raised when the frozen layers' output exceeds the size of the cache."""


class FeatureStore:
    """The frozen layers' output for a list of images.

    It consists of segments: each is a cache entry with the images that were missing when it was
    written, so that folds and growing folders reuse what is there.

    Args:
        key: Digest of what the output depends on besides the images.
        images: One digest for each image, in the order of the indices that `gather` takes.
    """

    def __init__(self, key: str, images: Sequence[bytes]) -> None:
        self._key = key
        self._images = list(images)
        self._segment = np.full(len(self._images), -1)
        self._row = np.zeros(len(self._images), "int64")
        self._segments: list[list[np.ndarray]] = []
        for folder in find_entries("features", key):
            self._open(folder)

    @property
    def missing(self) -> np.ndarray:
        """Indices of the images whose output is not cached, ascending."""
        return np.flatnonzero(self._segment < 0)

    @property
    def bytes(self) -> int:
        """Size of the output of all images."""
        first = self._segments[0] if self._segments else []
        return len(self._images) * sum(array[:1].nbytes for array in first)

    def gather(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Return the output for some images.

        Args:
            numbers: Indices of the images, in any order; all of them cached.

        Returns:
            One float32 array for each tensor, shape `(len(numbers), ...)`.
        """
        segments, rows = self._segment[numbers], self._row[numbers]
        first = segments[0]
        if (segments == first).all():
            return [_as_float32(array[rows]) for array in self._segments[first]]
        outputs = [
            np.empty((len(numbers), *array.shape[1:]), _as_float32(array[:0]).dtype)
            for array in self._segments[first]
        ]
        for segment in np.unique(segments):
            here = segments == segment
            for target, array in zip(outputs, self._segments[segment]):
                target[here] = array[rows[here]]
        return outputs

    def fill(
        self,
        chunks: Iterable[tuple[np.ndarray, list[np.ndarray]]],
        missing: np.ndarray,
        title: str,
        dtype: str,
    ) -> None:
        """Write what is missing, or a part of it, as one segment, atomically.

        Args:
            chunks: Indices of missing images, and the output for them.
            missing: All of these indices.
            title: What the entry contains, for people.
            dtype: "float32" or "float16", in which floating-point numbers are stored.

        Raises:
            StoreTooLargeError: When it does not fit in the cache.
            OSError: When the cache cannot be written.
        """
        chunks = iter(chunks)
        numbers, arrays = next(chunks)
        kinds = [
            np.dtype(dtype) if array.dtype.kind == "f" or array.dtype == "bfloat16" else array.dtype
            for array in arrays
        ]
        # The parts to come must fit too, or they would replace this one.
        count = len(self.missing)
        needed = count * sum(
            int(np.prod(array.shape[1:])) * kind.itemsize for array, kind in zip(arrays, kinds)
        )
        if not evict(needed):
            raise StoreTooLargeError(
                f"the frozen layers' output for {count:,} images needs {needed / 1e9:.1f} GB"
            )
        digests = [self._images[number] for number in missing]
        name = f"{self._key}-{hashlib.blake2b(b''.join(digests), digest_size=8).hexdigest()}"
        with create_entry("features", name, title) as folder:
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
            images = [self._images[number] for number in np.concatenate(order)]
            np.save(folder / _IMAGES, np.array(images))
        self._open(find_entries("features", name)[0])

    def _open(self, folder: Path) -> None:
        rows = {image: row for row, image in enumerate(np.load(folder / _IMAGES).tolist())}
        mine = [rows.get(image, -1) for image in self._images]
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
