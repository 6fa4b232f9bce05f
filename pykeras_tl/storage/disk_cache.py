"""Bookkeeping of the disk cache: decoded images, outputs of frozen layers, groups of copies.

An entry is a directory `<cache directory>/<kind>/<name>` that is written atomically. There is
no index beside the entries that could disagree with them: each holds a small label, whose
modification time tells when the entry was used last. The entries that were used longest ago
are removed when a new one needs their space.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from .atomic_files import atomic_directory, cache_directory

KINDS = ("images", "features", "groups")

_LABEL = "store.json"
_DAY = 24 * 60 * 60


def max_bytes() -> int:
    """Return how many bytes all entries together may take.

    Returns:
        `$PYKERAS_TL_CACHE_GB` in bytes. If it is not set, half of the sum of what the entries
        take and what is free on the disk.

    Raises:
        ValueError: If the variable is not a number that is 0 or larger.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, PYKERAS_TL_CACHE_GB="1.5"):
        ...     max_bytes()
        1500000000
    """
    chosen = os.environ.get("PYKERAS_TL_CACHE_GB")
    if chosen is None:
        return (_used_bytes() + _free_bytes()) // 2
    try:
        gigabytes = float(chosen)
    except ValueError:
        gigabytes = -1
    if not gigabytes >= 0:
        raise ValueError(
            "Expected the environment variable PYKERAS_TL_CACHE_GB to be a number of gigabytes, "
            f"0 or larger. Received: {chosen!r}."
        )
    return int(gigabytes * 1e9)


def evict(needed: int) -> bool:
    """Remove the least recently used entries until `needed` bytes fit.

    Args:
        needed: Size of a new entry in bytes.

    Returns:
        Whether it fits. If it would not fit into an empty cache either, nothing is removed.
    """
    _remove_leftovers()
    if needed > max_bytes():
        return False
    limit = max_bytes() - needed
    for row in list_cache().sort_values("last_used").itertuples():
        if _used_bytes() <= limit:
            break
        shutil.rmtree(str(row.path), ignore_errors=True)
    return needed <= _free_bytes()


@contextmanager
def create_entry(kind: str, name: str, title: str) -> Iterator[Path]:
    """Create an entry: yield an empty directory that becomes the entry on success.

    Args:
        kind: One of `KINDS`.
        name: The name of the entry, which identifies everything that its content depends on.
        title: A description for people, which `list_cache` shows.

    Yields:
        The directory to write into.

    Raises:
        OSError: If the directory is not writable or the disk is full.

    Example:
        >>> with create_entry("images", "5f0c", "two images") as folder:
        ...     _ = (folder / "pixels").write_bytes(bytes(24))
        >>> [entry.name for entry in find_entries("images", "5f")]
        ['5f0c']
    """
    with atomic_directory(_kind_directory(kind) / name) as folder:
        yield folder
        (folder / _LABEL).write_text(json.dumps({"title": title}), encoding="utf-8")


def find_entries(kind: str, prefix: str) -> list[Path]:
    """Find the entries whose names begin with `prefix`, and mark them as just used.

    Args:
        kind: One of `KINDS`.
        prefix: The beginning of the names, or a complete name.

    Returns:
        The entries' directories, sorted by name.
    """
    entries = [label.parent for label in _labels(kind, prefix)]
    for entry in entries:
        # A read-only cache can still be read.
        if os.access(entry / _LABEL, os.W_OK):
            os.utime(entry / _LABEL)
    return entries


def list_cache() -> pd.DataFrame:
    """List the entries of the cache.

    Returns:
        One row per entry, with the columns `kind`, `title`, `bytes`, `last_used` and `path`.

    Example:
        >>> with create_entry("images", "5f0c", "two images") as folder:
        ...     _ = (folder / "pixels").write_bytes(bytes(24))
        >>> list_cache()["title"].tolist()
        ['two images']
    """
    rows = []
    for kind in KINDS:
        for label in _labels(kind):
            last_used = pd.Timestamp(label.stat().st_mtime, unit="s")
            title = json.loads(label.read_text(encoding="utf-8"))["title"]
            rows.append((kind, title, _size(label.parent), last_used, label.parent))
    return pd.DataFrame(rows, columns=["kind", "title", "bytes", "last_used", "path"])


def clear_cache(kind: str | None = None) -> int:
    """Remove all entries of the cache.

    Args:
        kind: Remove only entries of this kind, one of `KINDS`; all by default.

    Returns:
        The number of bytes that were freed.

    Raises:
        ValueError: If `kind` is unknown.

    Example:
        >>> with create_entry("images", "5f0c", "two images") as folder:
        ...     _ = (folder / "pixels").write_bytes(bytes(24))
        >>> clear_cache("images") > 24
        True
        >>> len(list_cache())
        0
    """
    freed = 0
    for chosen in KINDS if kind is None else (kind,):
        freed += _size(_kind_directory(chosen))
        shutil.rmtree(_kind_directory(chosen), ignore_errors=True)
    return freed


def _kind_directory(kind: str) -> Path:
    if kind not in KINDS:
        raise ValueError(f"Expected `kind` to be one of {', '.join(KINDS)}. Received: {kind!r}.")
    return cache_directory() / kind


def _labels(kind: str, prefix: str = "") -> list[Path]:
    labels = sorted(_kind_directory(kind).glob(f"{prefix}*/{_LABEL}"))
    # Hidden directories are unfinished entries.
    return [label for label in labels if not label.parent.name.startswith(".")]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _used_bytes() -> int:
    return sum(_size(_kind_directory(kind)) for kind in KINDS)


def _free_bytes() -> int:
    folder = cache_directory()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _remove_leftovers() -> None:
    """Remove the unfinished entries of processes that were killed at least a day ago."""
    for kind in KINDS:
        for folder in _kind_directory(kind).glob(".*"):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > _DAY:
                shutil.rmtree(folder, ignore_errors=True)
