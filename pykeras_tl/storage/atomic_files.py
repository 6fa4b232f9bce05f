"""Files written whole or not at all, and the user's cache directory."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path` when the block ends well.

    The content is flushed to disk before the rename, so `path` is at every instant either
    what it was or complete. When the block raises, the temporary file is removed.

    Args:
        path: The file to write. Its folder is made when missing.

    Yields:
        The path to write to, in the same folder and with the same extension.

    Raises:
        OSError: When the folder cannot be written or the disk is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "history.csv"
        >>> with atomic_file(target) as path:
        ...     _ = path.write_text("epoch,value")
        >>> target.read_text()
        'epoch,value'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder beside `path` that becomes `path` when the block ends well.

    A folder that stood at `path` is moved aside first and removed last.

    Args:
        path: The folder to write. Its parent is made when missing.

    Yields:
        The empty folder to write into.

    Raises:
        OSError: When the parent cannot be written or the disk is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "classifier"
        >>> with atomic_directory(target) as folder:
        ...     _ = (folder / "config.json").write_text("{}")
        >>> [file.name for file in target.iterdir()]
        ['config.json']
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    replaced = temporary.with_name(f"{temporary.name}-replaced")
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            target.rename(replaced)
        try:
            temporary.rename(target)
        except OSError:
            if replaced.exists():
                replaced.rename(target)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def require_free_space(folder: str | os.PathLike[str], size: int) -> None:
    """Refuse to start what the disk has no room for.

    Args:
        folder: An existing folder on the disk to look at.
        size: Bytes that will be written there.

    Raises:
        OSError: When less is free; the message says how much is needed.

    Example:
        >>> require_free_space(".", 10**18)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        OSError: ... MB are free in ..., and 1,000,000,000,000 MB are needed: make room, ...
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f"{free // 10**6:,} MB are free in {folder}, and {max(size // 10**6, 1):,} MB are "
            "needed: make room, or choose another folder."
        )


def cache_directory() -> Path:
    """Return the folder for caches: `$PYKERAS_TL_CACHE`, else the platform's own place.

    Returns:
        The path; it need not exist yet.

    Example:
        >>> cache_directory().is_absolute()
        True
    """
    chosen = os.environ.get("PYKERAS_TL_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "pykeras_tl"


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
