"""Cache of decoded, resized images for later epochs and, on disk, for later runs.

Decoding takes most of the time of an epoch over image files, and gives the same pixels each
time. The cache holds them before augmentation, as uint8: in memory up to `MEMORY_BUDGET`, else
in a memory-mapped file in the cache directory. It is found by a digest of the paths, sizes and
modification times of the files and of the options that determine the pixels, and disk entries
have checksums. So an image from the cache is the image that decoding would give, and a changed
file or option, or a damaged cache, only costs time.
"""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH100
from __future__ import annotations

import errno
import hashlib
import io
import math
import os
import threading
import warnings
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Protocol

import numpy as np

from ...storage.disk_cache import create_entry, evict, find_entries
from ...storage.shards.index import is_url
from ...storage.shards.reading import file_status

# For all pixel caches in this process's memory together, in bytes.
MEMORY_BUDGET = 1 << 30
_KIND, _PIXELS, _SUMS = "images", "pixels", "sums.npy"


class PixelCache(Protocol):
    """Images by index, as far as they have been put in."""

    def get(self, index: int) -> np.ndarray | None:
        """Return an image, or None when it is not cached."""

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Cache an image; one of another shape or dtype is ignored."""


class MemoryCache:
    """Images in memory.

    Args:
        count: Number of images.
        shape: Height, width and channels of each image.

    Example:
        >>> cache = MemoryCache(2, (1, 1, 3))
        >>> cache.put(1, np.array([[[1, 2, 3]]], np.uint8))
        >>> cache.get(0), cache.get(1)
        (None, array([[[1, 2, 3]]], dtype=uint8))
    """

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        # The operating system allocates the memory only as images are put in.
        self.pixels = np.empty((count, *shape), np.uint8)
        self.filled = np.zeros(count, bool)

    def get(self, index: int) -> np.ndarray | None:
        """Return an image, or None when it is not cached.

        Args:
            index: Index of the image.

        Returns:
            uint8 array of shape (height, width, channels).
        """
        return self.pixels[index] if self.filled[index] else None

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Cache an image; one of another shape or dtype is ignored.

        Args:
            index: Index of the image.
            pixels: uint8 array of shape (height, width, channels).
        """
        if pixels.dtype == np.uint8 and pixels.shape == self.pixels.shape[1:]:
            self.pixels[index] = pixels
            self.filled[index] = True


class DiskCache:
    """Images in a memory-mapped file, which other runs share once it is complete.

    Images are written to a temporary file of this process. After the last one their checksums
    are added and the file becomes a cache entry, atomically. An image from another run's entry
    is only used when its checksum is right.

    Args:
        digest: Digest of the files and settings; the name of the entry.
        count: Number of images.
        shape: Height, width and channels of each image.

    Raises:
        OSError: When the file cannot be created.
    """

    def __init__(self, digest: str, count: int, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._size = math.prod(shape)
        self._filled = np.zeros(count, bool)
        self._lock = threading.Lock()
        entry = _open_entry(digest, count, self._size)
        # Whether the images come from an entry of another run, and whether more can be put in.
        self._complete, self._open = entry is not None, entry is None
        if entry is not None:
            self._map, self._sums = entry
            return
        self._sums = np.zeros(count, np.uint32)
        self._creating = ExitStack()
        title = f"{count:,} images of {' × '.join(map(str, shape))}"
        self._folder = self._creating.enter_context(create_entry(_KIND, digest, title))
        self._file = (self._folder / _PIXELS).open("w+b", buffering=0)
        self._file.truncate(count * self._size)
        self._map = np.memmap(self._file, np.uint8, "r")
        self._end = weakref.finalize(self, _abandon, self._creating, self._file)

    def get(self, index: int) -> np.ndarray | None:
        """Return an image, or None when it is not cached.

        Args:
            index: Index of the image.

        Returns:
            uint8 array of shape (height, width, channels).
        """
        if not self._filled[index] and not self._complete:
            return None
        start = index * self._size
        pixels = self._map[start : start + self._size]
        if not self._filled[index]:
            if zlib.crc32(pixels.data) != self._sums[index]:
                return None
            self._filled[index] = True
        return pixels.reshape(self._shape)

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Cache an image; one of another shape or dtype is ignored.

        Args:
            index: Index of the image.
            pixels: uint8 array of shape (height, width, channels).
        """
        if not self._open or pixels.dtype != np.uint8 or pixels.shape != self._shape:
            return
        data = np.ascontiguousarray(pixels).data
        with self._lock:
            if not self._open or self._filled[index]:
                return
            try:
                self._file.seek(index * self._size)
                if self._file.write(data) != self._size:
                    raise OSError(errno.ENOSPC, "no space left", str(self._folder))
                self._sums[index] = zlib.crc32(data)
                self._filled[index] = True
                if self._filled.all():
                    self._finish()
            except OSError as error:
                self._open = False
                warnings.warn(f"Images are no longer cached on disk: {error}", stacklevel=2)

    def _finish(self) -> None:
        self._open = False
        np.save(self._folder / _SUMS, self._sums, allow_pickle=False)
        self._end.detach()
        self._creating.close()


_known: OrderedDict[str, PixelCache] = OrderedDict()
_in_memory: weakref.WeakSet[MemoryCache] = weakref.WeakSet()
_opening = threading.Lock()


def open_cache(digest: str, count: int, shape: tuple[int, int, int]) -> PixelCache | None:
    """Return the cache of some images, in memory if it fits the budget, else on disk.

    Args:
        digest: Digest of the files and settings, as `files_digest` returns it.
        count: Number of images.
        shape: Height, width and channels of each image.

    Returns:
        The cache, shared by all iterators over the same files; None when there is no space
        for it in memory or on disk.

    Example:
        >>> open_cache("a0", 2, (4, 4, 3)) is open_cache("a0", 2, (4, 4, 3))
        True
    """
    with _opening:
        if digest in _known:
            _known.move_to_end(digest)
            return _known[digest]
        size = count * math.prod(shape)
        cache: PixelCache | None = None
        if _fits_memory(size):
            cache = MemoryCache(count, shape)
            _in_memory.add(cache)
        else:
            cache = _open_disk_cache(digest, count, shape, size)
        if cache is not None:
            _known[digest] = cache
        return cache


def files_digest(paths: Iterable[str], settings: str) -> str:
    """Return a digest of files, by path, size and modification time, and of settings.

    Args:
        paths: The files.
        settings: Text with all options that the pixels depend on.

    Returns:
        Hexadecimal digits.

    Raises:
        FileNotFoundError: When a file does not exist.

    Example:
        >>> digest = files_digest([__file__], "rgb")
        >>> digest == files_digest([__file__], "rgb"), digest == files_digest([__file__], "rgba")
        (True, False)
    """
    digest = hashlib.blake2b(settings.encode(), digest_size=16)
    for path in paths:
        name = os.fsencode(path if is_url(path) else os.path.abspath(path))
        digest.update(b"%s\0%d\0%d\0" % (name, *file_status(path)))
    return digest.hexdigest()


def _fits_memory(size: int) -> bool:
    """Return whether a cache fits the budget, dropping the least recently used others for it."""
    while sum(cache.pixels.nbytes for cache in _in_memory) + size > MEMORY_BUDGET:
        oldest = next((key for key, value in _known.items() if isinstance(value, MemoryCache)), "")
        if size > MEMORY_BUDGET or not oldest:
            return False
        del _known[oldest]
    return True


def _open_disk_cache(
    digest: str, count: int, shape: tuple[int, int, int], size: int
) -> DiskCache | None:
    try:
        if find_entries(_KIND, digest) or evict(size):
            return DiskCache(digest, count, shape)
    except OSError as error:
        warnings.warn(f"Images are not cached on disk: {error}", stacklevel=2)
    return None


def _open_entry(digest: str, count: int, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Open the pixels and checksums of a cache entry, if there is one of the right size."""
    for folder in find_entries(_KIND, digest):
        try:
            sums = np.load(folder / _SUMS, allow_pickle=False)
            pixels = np.memmap(folder / _PIXELS, np.uint8, "r")
        except (OSError, ValueError):
            continue
        if pixels.shape == (count * size,) and sums.shape == (count,) and sums.dtype == np.uint32:
            return pixels, sums
    return None


def _abandon(creating: ExitStack, file: io.FileIO) -> None:
    """Close and remove the file of a cache that was not completed."""
    file.close()
    reason = InterruptedError("not all images were read")
    creating.__exit__(InterruptedError, reason, None)
