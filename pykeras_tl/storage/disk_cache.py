"""The books of what is cached on disk: decoded images and frozen layers' output.

A store is a folder `<cache directory>/<kind>/<name>`, whole or not there at all. The oldest
are removed when a new one needs room.
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

KINDS = ("images", "features")

_LABEL = "store.json"
_DAY = 24 * 60 * 60


def max_bytes() -> int:
    """Return how many bytes all stores together may take.

    Returns:
        `$PYKERAS_TL_CACHE_GB` in bytes; by default half of what the stores take now and
        the disk has free.

    Raises:
        ValueError: When the variable is no number of 0 or above.

    Example:
        >>> max_bytes() >= 0
        True
    """
    chosen = os.environ.get("PYKERAS_TL_CACHE_GB")
    if chosen is None:
        return (_taken() + _free()) // 2
    try:
        gigabytes = float(chosen)
    except ValueError:
        gigabytes = -1
    if not gigabytes >= 0:
        raise ValueError(f"PYKERAS_TL_CACHE_GB must be a number of gigabytes; it is {chosen!r}.")
    return int(gigabytes * 1e9)


def evict(needed: int) -> bool:
    """Remove the stores that were used longest ago until `needed` bytes fit in.

    Args:
        needed: Bytes that a new store will take.

    Returns:
        False when it does not fit even without the others; then none is removed.
    """
    _remove_leftovers()
    if needed > max_bytes():
        return False
    limit = max_bytes() - needed
    for row in list_cache().sort_values("last_used").itertuples():
        if _taken() <= limit:
            break
        shutil.rmtree(str(row.path), ignore_errors=True)
    return needed <= _free()


@contextmanager
def create_entry(kind: str, name: str, title: str) -> Iterator[Path]:
    """Give an empty folder that becomes the store when the block ends well.

    Args:
        kind: One of `KINDS`.
        name: The store's name, which should tell all that its content depends on.
        title: What it holds, for people.

    Yields:
        The folder to write into.

    Raises:
        OSError: When the folder cannot be written or the disk is full.
    """
    with atomic_directory(_folder(kind) / name) as folder:
        yield folder
        (folder / _LABEL).write_text(json.dumps({"title": title}), encoding="utf-8")


def find_entries(kind: str, prefix: str) -> list[Path]:
    """Find the whole stores whose name begins with `prefix`, and mark them as used now.

    Args:
        kind: One of `KINDS`.
        prefix: The beginning of their names, or a whole name.

    Returns:
        Their folders, sorted by name.
    """
    found = [label.parent for label in sorted(_folder(kind).glob(f"{prefix}*/{_LABEL}"))]
    for folder in found:
        # A read-only cache can still be read.
        if os.access(folder / _LABEL, os.W_OK):
            os.utime(folder / _LABEL)
    return found


def list_cache() -> pd.DataFrame:
    """List what is cached.

    Returns:
        One row a store: `kind`, `title`, `bytes`, `last_used`, `path`.
    """
    rows = []
    for kind in KINDS:
        for label in sorted(_folder(kind).glob(f"*/{_LABEL}")):
            used = pd.Timestamp(label.stat().st_mtime, unit="s")
            title = json.loads(label.read_text(encoding="utf-8"))["title"]
            rows.append((kind, title, _size(label.parent), used, label.parent))
    return pd.DataFrame(rows, columns=["kind", "title", "bytes", "last_used", "path"])


def clear_cache(kind: str | None = None) -> int:
    """Remove what is cached.

    Args:
        kind: One of `KINDS`; all by default.

    Returns:
        The number of bytes that became free.

    Raises:
        ValueError: When there is no such kind.
    """
    freed = 0
    for chosen in KINDS if kind is None else (kind,):
        freed += _size(_folder(chosen))
        shutil.rmtree(_folder(chosen), ignore_errors=True)
    return freed


def _folder(kind: str) -> Path:
    if kind not in KINDS:
        raise ValueError(f"There is no kind of store {kind!r}; there are {', '.join(KINDS)}.")
    return cache_directory() / kind


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _taken() -> int:
    return sum(_size(_folder(kind)) for kind in KINDS)


def _free() -> int:
    folder = cache_directory()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _remove_leftovers() -> None:
    """Remove the unfinished folders of runs that were killed a day ago or earlier."""
    for kind in KINDS:
        for folder in _folder(kind).glob(".*"):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > _DAY:
                shutil.rmtree(folder, ignore_errors=True)
