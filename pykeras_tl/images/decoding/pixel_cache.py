"""Decoded, resized images kept for later epochs and, on disk, for later runs."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH116, PTH100
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
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np

from ...storage.disk_cache import create_entry, evict, find_entries

# All pixel caches in this process's memory together.
MEMORY_BUDGET = 1 << 30
_KIND, _PIXELS, _SUMS = "images", "pixels", "sums.npy"


class PixelCache(Protocol):
    """Images by their number, as far as they have been put in."""

    def get(self, number: int) -> np.ndarray | None:
        """Return an image, or None when it is not there."""

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Keep an image; one of other shape or type is passed over."""


class MemoryCache:
    """Images in memory.

    Args:
        count: How many there can be.
        shape: Height, width and channels of each.

    Example:
        >>> cache = MemoryCache(2, (1, 1, 3))
        >>> cache.put(1, np.array([[[1, 2, 3]]], np.uint8))
        >>> cache.get(0), cache.get(1)
        (None, array([[[1, 2, 3]]], dtype=uint8))
    """

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        # The system gives the memory only as images are put in.
        self.pixels = np.empty((count, *shape), np.uint8)
        self.filled = np.zeros(count, bool)

    def get(self, number: int) -> np.ndarray | None:
        """Return an image, or None when it is not there.

        Args:
            number: The image's number.

        Returns:
            uint8 array of shape (height, width, channels).
        """
        return self.pixels[number] if self.filled[number] else None

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Keep an image; one of other shape or type is passed over.

        Args:
            number: The image's number.
            pixels: uint8 array of shape (height, width, channels).
        """
        if pixels.dtype == np.uint8 and pixels.shape == self.pixels.shape[1:]:
            self.pixels[number] = pixels
            self.filled[number] = True


class DiskCache:
    """Images in a memory-mapped file, which other runs share once it is complete.

    Images are written to a file of this process's own. When the last one is in, their
    checksums are added and the file becomes a store, in one step. An image is only taken
    from another run's store when its checksum is right.

    Args:
        digest: Digest of the files and settings; the store's name.
        count: How many images there are.
        shape: Height, width and channels of each.

    Raises:
        OSError: When the file cannot be made.
    """

    def __init__(self, digest: str, count: int, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._size = math.prod(shape)
        self._filled = np.zeros(count, bool)
        self._lock = threading.Lock()
        found = _open_store(digest, count, self._size)
        # Whether images are taken from a store, and whether more are to be put in.
        self._whole, self._open = found is not None, found is None
        if found is not None:
            self._map, self._sums = found
            return
        self._sums = np.zeros(count, np.uint32)
        self._store = ExitStack()
        title = f"{count:,} images of {' × '.join(map(str, shape))}"
        self._folder = self._store.enter_context(create_entry(_KIND, digest, title))
        self._file = (self._folder / _PIXELS).open("w+b", buffering=0)
        self._file.truncate(count * self._size)
        self._map = np.memmap(self._file, np.uint8, "r")
        self._end = weakref.finalize(self, _abandon, self._store, self._file)

    def get(self, number: int) -> np.ndarray | None:
        """Return an image, or None when it is not there.

        Args:
            number: The image's number.

        Returns:
            uint8 array of shape (height, width, channels).
        """
        if not self._filled[number] and not self._whole:
            return None
        start = number * self._size
        pixels = self._map[start : start + self._size]
        if not self._filled[number]:
            if zlib.crc32(pixels.data) != self._sums[number]:
                return None
            self._filled[number] = True
        return pixels.reshape(self._shape)

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Keep an image; one of other shape or type is passed over.

        Args:
            number: The image's number.
            pixels: uint8 array of shape (height, width, channels).
        """
        if not self._open or pixels.dtype != np.uint8 or pixels.shape != self._shape:
            return
        data = np.ascontiguousarray(pixels).data
        with self._lock:
            if not self._open or self._filled[number]:
                return
            try:
                self._file.seek(number * self._size)
                if self._file.write(data) != self._size:
                    raise OSError(errno.ENOSPC, "no space left", str(self._folder))
                self._sums[number] = zlib.crc32(data)
                self._filled[number] = True
                if self._filled.all():
                    self._finish()
            except OSError as error:
                self._open = False
                warnings.warn(f"Images are no longer cached on disk: {error}", stacklevel=2)

    def _finish(self) -> None:
        self._open = False
        np.save(self._folder / _SUMS, self._sums, allow_pickle=False)
        self._end.detach()
        self._store.close()


_known: OrderedDict[str, PixelCache] = OrderedDict()
_in_memory: weakref.WeakSet[MemoryCache] = weakref.WeakSet()
_opening = threading.Lock()


def open_cache(digest: str, count: int, shape: tuple[int, int, int]) -> PixelCache | None:
    """Give the cache of these images, in memory when it fits the budget, else on disk.

    Args:
        digest: Digest of the files and settings, as `files_digest` gives it.
        count: How many images there are.
        shape: Height, width and channels of each.

    Returns:
        The cache, the same for all flows over the same files; None when there is no room
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


def forget_caches() -> None:
    """Let go of the caches in memory; flows in use keep theirs.

    Example:
        >>> forget_caches()
    """
    with _opening:
        _known.clear()


def files_digest(paths: Sequence[str], settings: str) -> str:
    """Give a digest of files, by path, size and time of change, and of settings.

    Args:
        paths: The files.
        settings: Whatever else the content depends on.

    Returns:
        Hexadecimal digits.

    Raises:
        FileNotFoundError: When a file does not exist.

    Example:
        >>> files_digest([__file__], "") == files_digest([__file__], "rgb")
        False
    """
    digest = hashlib.blake2b(settings.encode(), digest_size=16)
    for path in paths:
        about = os.stat(path)
        name = os.fsencode(os.path.abspath(path))
        digest.update(b"%s\0%d\0%d\0" % (name, about.st_size, about.st_mtime_ns))
    return digest.hexdigest()


def _fits_memory(size: int) -> bool:
    """Tell whether a cache fits the budget, letting go of others when that makes room."""
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


def _open_store(digest: str, count: int, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Open the pixels and checksums of a store, when there is one of the right size."""
    for folder in find_entries(_KIND, digest):
        try:
            sums = np.load(folder / _SUMS, allow_pickle=False)
            pixels = np.memmap(folder / _PIXELS, np.uint8, "r")
        except (OSError, ValueError):
            continue
        if pixels.shape == (count * size,) and sums.shape == (count,) and sums.dtype == np.uint32:
            return pixels, sums
    return None


def _abandon(store: ExitStack, file: io.FileIO) -> None:
    """Close the file of a cache that was not completed and remove it."""
    file.close()
    reason = InterruptedError("not all images were read")
    store.__exit__(InterruptedError, reason, None)
