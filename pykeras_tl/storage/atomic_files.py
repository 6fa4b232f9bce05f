"""Atomic writes of files and directories, and the user's cache directory.

Everything that a later run reads back (checkpoints, saved classifiers, results) is written
beside its final path and renamed when it is complete, so an interruption at any instant, even
`SIGKILL`, leaves either the old content or the new one.

One system call replaces a file, but only Linux and macOS can exchange two directories in one
step. Elsewhere the old directory is renamed to `.NAME-xxxxxxxx-replaced` first, and a process
that is killed between the two renames leaves no `NAME`. Therefore every reader calls
`recover_directory`, which puts the old directory back, and every writer removes what killed
writers left. A writer locks its unfinished directory, so that nobody else removes it.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import platformdirs

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LEFTOVER = re.compile(r"\.(.+)-([a-z0-9_]{8})-(partial|replaced)", re.DOTALL)
# Where locks do not work, an unfinished directory is abandoned when it is this old (seconds).
_DAY = 24 * 60 * 60
_ATTEMPTS = 5


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path that replaces `path` on success.

    The content is flushed to disk before the rename, so `path` always holds either its old
    content or all of the new one. If the block raises, the temporary file is removed.

    Args:
        path: The file to write. Missing parent directories are created.

    Yields:
        The path to write to, in the same directory and with the same extension.

    Raises:
        OSError: If the directory is not writable or the disk is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "history.csv"
        >>> with atomic_file(target) as path:
        ...     _ = path.write_text("epoch,value")
        ...     target.exists()
        False
        >>> target.read_text()
        'epoch,value'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        # The kernel applies the process's umask to this mode.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        yield temporary
        _flush(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a directory atomically: yield a temporary one that replaces `path` on success.

    An existing directory is replaced, not merged, and is unchanged if the block raises.
    Leftovers of killed writers of the same directory are repaired and removed first.

    Args:
        path: The directory to write. Missing parent directories are created.

    Yields:
        The empty directory to write into.

    Raises:
        FileExistsError: If `path` is a file.
        OSError: If the parent directory is not writable or the disk is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "classifier"
        >>> for name in ["old.json", "new.json"]:
        ...     with atomic_directory(target) as folder:
        ...         _ = (folder / name).write_text("{}")
        >>> [file.name for file in target.iterdir()]
        ['new.json']
    """
    # A symbolic link stays; the directory that it points to is replaced.
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"Expected a directory or a new path. Received the file {target}.")
    recover_directories(target.parent, target.name)
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}-partial")
    replaced = _sibling(temporary, "replaced")
    lock = None
    try:
        lock = _make_locked(temporary)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        _publish(temporary, target, replaced)
    finally:
        try:
            # After an interruption between two renames, the old directory may be the only one.
            recover_directory(target)
            shutil.rmtree(temporary, ignore_errors=True)
            _remove_replaced(replaced, target)
        finally:
            if lock is not None:
                os.close(lock)


def recover_directory(path: str | os.PathLike[str]) -> Path:
    """Put back a directory whose replacement by `atomic_directory` was killed halfway.

    Every function that reads a directory written by `atomic_directory` calls this first. It
    does nothing if the directory exists, or if there is nothing to put back.

    Args:
        path: The directory, which may be missing.

    Returns:
        `path`.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "classifier"
        >>> target.with_name(".classifier-0f9a31c2-replaced").mkdir()
        >>> recover_directory(target).exists()
        True
    """
    target = Path(os.path.realpath(path))
    if not target.exists():
        leftovers = _leftovers(target.parent, target.name)
        replaced = [folder for folder, _ in leftovers if folder.name.endswith("-replaced")]
        # Another process may put it back first, and a read-only disk stays as it is.
        with suppress(OSError):
            for newest in sorted(replaced, key=lambda folder: folder.stat().st_ctime_ns)[-1:]:
                newest.rename(target)
    return Path(path)


def recover_directories(parent: str | os.PathLike[str], name: str | None = None) -> None:
    """Repair the directories inside `parent` that killed writers left, and remove leftovers.

    Directories that another process is writing are left alone.

    Args:
        parent: A directory.
        name: Only what belongs to this directory inside `parent`; everything by default.

    Example:
        >>> import tempfile
        >>> parent = Path(tempfile.mkdtemp())
        >>> (parent / ".epoch-1-0f9a31c2-replaced").mkdir()
        >>> (parent / ".epoch-2-77c01d5e-partial").mkdir()
        >>> recover_directories(parent)
        >>> [folder.name for folder in parent.iterdir()]
        ['epoch-1']
    """
    for leftover, target in _leftovers(Path(parent), name):
        recover_directory(target)
        with _claimed(_sibling(leftover, "partial")) as abandoned:
            if abandoned and leftover.name.endswith("-partial"):
                shutil.rmtree(leftover, ignore_errors=True)
            elif abandoned:
                _remove_replaced(leftover, target)


def require_free_space(folder: str | os.PathLike[str], size: int) -> None:
    """Raise an error if a disk lacks the space for what is going to be written.

    Args:
        folder: An existing directory on that disk.
        size: Number of bytes that will be written there.

    Raises:
        OSError: If less is free; the message says how much is needed.

    Example:
        >>> require_free_space(".", 10**18)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        OSError: Expected 1,000,000,000,000 MB of free space in ... Received: ... MB. Free some ...
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f"Expected {max(size // 10**6, 1):,} MB of free space in {folder}. Received: "
            f"{free // 10**6:,} MB. Free some space, or choose another directory."
        )


def cache_directory() -> Path:
    """Return the directory for caches: `$PYKERAS_TL_CACHE`, or the platform's default.

    Returns:
        The absolute path, which may not exist yet.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, PYKERAS_TL_CACHE="/scratch/cache"):
        ...     cache_directory().as_posix()
        '/scratch/cache'
    """
    chosen = os.environ.get("PYKERAS_TL_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("pykeras_tl", appauthor=False, opinion=False)


def _publish(temporary: Path, target: Path, replaced: Path) -> None:
    """Move `temporary` to `target`; a directory that is there ends up under another name."""
    if _exchange(temporary, target):
        return
    for attempt in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            target.rename(replaced)
        try:
            temporary.rename(target)
        except OSError:
            # A reader may have put the old directory back in between.
            if not target.exists() or attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two directories in one step; return False if that is not possible."""
    rename = _exchanging_rename()
    return rename is not None and rename(os.fsencode(one), os.fsencode(other)) == 0


@cache
def _exchanging_rename() -> Callable[[bytes, bytes], int] | None:
    """Return the system call that exchanges two paths, or None if the C library lacks it."""
    try:
        if sys.platform == "linux":
            at_cwd, rename_exchange = -100, 2
            renameat2 = ctypes.CDLL(None).renameat2
            return lambda one, other: renameat2(at_cwd, one, at_cwd, other, rename_exchange)
        if sys.platform == "darwin":
            rename_swap = 2
            renamex_np = ctypes.CDLL(None).renamex_np
            return lambda one, other: renamex_np(one, other, rename_swap)
    except (OSError, AttributeError):
        pass
    return None


def _leftovers(parent: Path, name: str | None) -> list[tuple[Path, Path]]:
    """List the directories that writers left in `parent`, each with the one it was meant for."""
    try:
        entries = sorted(entry.name for entry in parent.iterdir())
    except OSError:
        return []
    matches = [match for match in map(_LEFTOVER.fullmatch, entries) if match]
    return [(parent / match[0], parent / match[1]) for match in matches if name in (None, match[1])]


def _sibling(leftover: Path, kind: str) -> Path:
    return leftover.with_name(f"{leftover.name.rpartition('-')[0]}-{kind}")


def _remove_replaced(replaced: Path, target: Path) -> None:
    # While the target is missing, this is the only copy.
    if target.exists():
        shutil.rmtree(replaced, ignore_errors=True)


def _make_locked(partial: Path) -> int | None:
    """Create a directory and lock it; None where directories cannot be locked."""
    while True:
        # The kernel applies the process's umask to this mode.
        partial.mkdir(0o777, exist_ok=True)
        # Another writer may take it for abandoned before it is locked, and remove it.
        with suppress(FileNotFoundError):
            lock = _lock(partial, wait=True)
            if partial.exists():
                return lock
            if lock is not None:
                os.close(lock)


@contextmanager
def _claimed(partial: Path) -> Iterator[bool]:
    """Yield whether an unfinished directory is abandoned, and if so, lock it."""
    try:
        lock = _lock(partial, wait=False)
        abandoned = lock is not None or time.time() - partial.stat().st_mtime > _DAY
    except FileNotFoundError:
        lock, abandoned = None, True
    try:
        yield abandoned
    finally:
        if lock is not None:
            os.close(lock)


def _lock(folder: Path, wait: bool) -> int | None:
    """Lock a directory until the handle that is returned is closed, or the process ends.

    Returns None if another process holds the lock, or where directories cannot be locked.
    """
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
