"""The folder of pixel caches on disk: how much may lie there, what does, and clearing it."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..files import cache_directory

# All pixel caches on disk together; the one used longest ago goes first.
DISK_BUDGET = 20 << 30
_ENDING = ".pixels"
_UNFINISHED = ".part"
# An unfinished file that nobody has written to for so long belongs to a run that was killed.
_ABANDONED = 24 * 3600.0


def pixel_directory() -> Path:
    """Return the folder that pixel caches lie in.

    Returns:
        The path; it need not exist yet.

    Example:
        >>> pixel_directory().name
        'pixels'
    """
    return cache_directory() / "pixels"


def finished_file(digest: str) -> Path:
    """Return where the finished cache with that digest lies.

    Args:
        digest: Digest of files and settings.

    Returns:
        The path; it need not exist.

    Example:
        >>> finished_file("a0").name
        'a0.pixels'
    """
    return pixel_directory() / f"{digest}{_ENDING}"


def unfinished_file(digest: str) -> Path:
    """Return a new name for a cache that is being written.

    Args:
        digest: Digest of files and settings.

    Returns:
        The path, another one each time.

    Example:
        >>> unfinished_file("a0") == unfinished_file("a0")
        False
    """
    return pixel_directory() / f"{digest}-{secrets.token_hex(4)}{_UNFINISHED}"


def make_room(size: int) -> bool:
    """Remove the caches used longest ago until another one fits into the budget.

    Args:
        size: Bytes of the new one.

    Returns:
        Whether it fits: into the budget, and into half of what is free on the disk.

    Raises:
        OSError: When the folder cannot be made.

    Example:
        >>> make_room(DISK_BUDGET + 1)
        False
    """
    if size > DISK_BUDGET:
        return False
    folder = pixel_directory()
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob(f"*{_UNFINISHED}"):
        if time.time() - file.stat().st_mtime > _ABANDONED:
            _remove(file)
    caches = sorted(_finished(), key=lambda cache: cache[2])
    total = sum(cache[1] for cache in caches)
    for file, held, _ in caches:
        if total + size <= DISK_BUDGET:
            break
        total -= _remove(file) and held
    return total + size <= DISK_BUDGET and size <= shutil.disk_usage(folder).free / 2


def list_pixel_caches() -> pd.DataFrame:
    """List the pixel caches on disk.

    Returns:
        Columns `file`, `bytes` and `last_used` (a time), the one used last first.

    Example:
        >>> list(list_pixel_caches().columns)
        ['file', 'bytes', 'last_used']
    """
    rows = [
        {"file": str(file), "bytes": size, "last_used": pd.Timestamp(used, unit="s")}
        for file, size, used in sorted(_finished(), key=lambda cache: -cache[2])
    ]
    return pd.DataFrame(rows, columns=["file", "bytes", "last_used"])


def clear_pixel_caches() -> int:
    """Remove all pixel caches from the disk, unfinished ones too.

    Returns:
        Bytes freed.

    Example:
        >>> clear_pixel_caches() >= 0
        True
    """
    freed = 0
    folder = pixel_directory()
    for file in [*folder.glob(f"*{_ENDING}"), *folder.glob(f"*{_UNFINISHED}")]:
        held = file.stat().st_blocks * 512 if hasattr(file.stat(), "st_blocks") else 0
        freed += _remove(file) and held
    return freed


def _finished() -> Iterator[tuple[Path, int, float]]:
    for file in pixel_directory().glob(f"*{_ENDING}"):
        about = file.stat()
        yield file, about.st_size, about.st_mtime


def _remove(file: Path) -> bool:
    try:
        file.unlink(missing_ok=True)
    except OSError:  # Where files in use cannot be removed, it stays for another time.
        return False
    return True
