"""A folder as bytes, to send it from one machine to another."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from ...storage.atomic_files import atomic_directory

_ATTEMPTS = 5


def pack_folder(folder: Path) -> bytes:
    """Pack a folder's files, without hidden ones and locks.

    Args:
        folder: The folder. Another thread may be writing checkpoints into it, each atomically.

    Returns:
        An uncompressed tar archive.

    Raises:
        FileNotFoundError: If files vanish again and again while they are packed.

    Example:
        >>> folder = Path("a")
        >>> folder.mkdir()
        >>> _ = (folder / "b.txt").write_text("c")
        >>> unpack_folder(pack_folder(folder), Path("copy"))
        >>> Path("copy/b.txt").read_text()
        'c'
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _pack(folder)
        except FileNotFoundError:
            # An old checkpoint was removed meanwhile.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _pack(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in packable_files(folder):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return buffer.getvalue()


def packable_files(folder: Path) -> list[Path]:
    """List the files that are packed.

    Args:
        folder: The folder; it may be missing.

    Returns:
        Paths of files, sorted.
    """
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != "lock"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def unpack_folder(packed: bytes, folder: Path) -> None:
    """Unpack a folder atomically.

    Args:
        packed: What `pack_folder` returned.
        folder: The folder to create or replace.

    Raises:
        tarfile.TarError: If a name in the archive leads out of the folder.
    """
    with (
        atomic_directory(folder) as working,
        tarfile.open(fileobj=io.BytesIO(packed)) as archive,
    ):
        archive.extractall(working, filter="data")
