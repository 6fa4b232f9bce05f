"""Reading files in shards, from any place in them, from a disk or through fsspec.

A file in a shard has the path `SHARD.tar/NAME`, such as `cells/000000.tar/EOSINOPHIL/1.jpeg` or
`s3://bucket/cells/000000.tar/EOSINOPHIL/1.jpeg`.
"""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH113, PTH116, PTH123
from __future__ import annotations

import hashlib
import io
import os
import tarfile
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from .index import SUFFIX, ShardError, filesystem, is_url, members_of, shard_version

_BLOCK = tarfile.BLOCKSIZE
# Of longer names, the header has a part.
_LONGEST_NAME = 100


def in_shard(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is that of a file in a shard, judged by the path alone.

    Args:
        path: The path.

    Returns:
        True for `SHARD.tar/NAME`.

    Example:
        >>> in_shard("cells/000000.tar/EOSINOPHIL/1.jpeg"), in_shard("cells/1.jpeg")
        (True, False)
    """
    return f"{SUFFIX}/" in os.fspath(path)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file exists, be it in a shard or not.

    Args:
        path: A path, or `SHARD.tar/NAME`.

    Returns:
        True if it does.

    Example:
        >>> is_file("cells/000000.tar/EOSINOPHIL/1.jpeg")
        False
    """
    if os.path.isfile(path) or not in_shard(path):
        return os.path.isfile(path)
    try:
        _locate(os.fspath(path))
    except FileNotFoundError:
        return False
    return True


def open_file(path: str | os.PathLike[str]) -> io.BufferedReader | io.BytesIO:
    """Open a file to read it, be it in a shard or not.

    Args:
        path: A path, or `SHARD.tar/NAME`.

    Returns:
        The open file.

    Raises:
        OSError: When it cannot be opened.

    Example:
        >>> with open("cell.png", "wb") as file:
        ...     _ = file.write(b"1234")
        >>> with open_file("cell.png") as file:
        ...     file.read()
        b'1234'
    """
    try:
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError):
        if in_shard(path):
            return io.BytesIO(read_member(os.fspath(path)))
        raise


def read_member(path: str) -> bytes:
    """Read a file in a shard, found by its path.

    Args:
        path: `SHARD.tar/NAME`.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: When there is no such shard, or no such file in it.
        ShardError: When the shard is damaged or does not fit its index.
    """
    return _recent(path) if is_url(path) else read_at(*_locate(path))


# Who looks at an image's header and then at its pixels asks the server once.
@lru_cache(maxsize=32)
def _recent(path: str) -> bytes:
    return read_at(*_locate(path))


def read_at(shard: str, name: str, offset: int, size: int) -> bytes:
    """Read a file in a shard whose place is known.

    Args:
        shard: Path or URL.
        name: Its name.
        offset: Where its content begins.
        size: Its length.

    Returns:
        Its content.

    Raises:
        ShardError: When there is another file at this place, or the shard is cut off.
    """
    # The header comes along, so that a shard that was exchanged is never read as something else.
    start, length = offset - _BLOCK, size + _BLOCK
    if is_url(shard):
        system, path = filesystem(shard)
        return _checked(system.cat_file(path, start=start, end=start + length), shard, name, size)
    handle = os.open(shard, os.O_RDONLY)
    try:
        data = os.pread(handle, length, start)
        while len(data) < length and (
            more := os.pread(handle, length - len(data), start + len(data))
        ):
            data += more
    finally:
        os.close(handle)
    return _checked(data, shard, name, size)


def read_many(places: Sequence[tuple[str, str, int, int]]) -> list[bytes]:
    """Read files in shards on one server at once, so that the server's delay counts once.

    Args:
        places: Shard, name, offset and size of each, as for `read_at`.

    Returns:
        Their contents.

    Raises:
        ShardError: As for `read_at`.
    """
    if not places:
        return []
    system, _ = filesystem(places[0][0])
    paths = [filesystem(shard)[1] for shard, *_ in places]
    starts = [offset - _BLOCK for _, _, offset, _ in places]
    ends = [offset + size for _, _, offset, size in places]
    contents = system.cat_ranges(paths, starts, ends, on_error="raise")
    return [
        _checked(data, shard, name, size)
        for data, (shard, name, _, size) in zip(contents, places, strict=True)
    ]


def _member_status(path: str) -> tuple[int, int]:
    shard, _, _, size = _locate(path)
    version = hashlib.blake2b(shard_version(shard).encode(), digest_size=7).digest()
    return size, int.from_bytes(version, "big")


def file_status(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return what tells that a file has changed, be it in a shard or not.

    Args:
        path: A path, or `SHARD.tar/NAME`.

    Returns:
        Its size in bytes, and its modification time in nanoseconds or what stands for it.

    Raises:
        FileNotFoundError: When there is no such file.

    Example:
        >>> with open("cell.png", "wb") as file:
        ...     _ = file.write(b"1234")
        >>> file_status("cell.png")[0]
        4
    """
    try:
        status = os.stat(path)
    except OSError:
        if in_shard(path):
            return _member_status(os.fspath(path))
        raise
    return status.st_size, status.st_mtime_ns


def _locate(path: str) -> tuple[str, str, int, int]:
    stem, _, name = path.partition(f"{SUFFIX}/")
    shard = stem + SUFFIX
    members = members_of(shard, shard_version(shard))
    row = bisect_left(members.names, name)
    if row == len(members.names) or members.names[row] != name:
        raise FileNotFoundError(f"There is no {name} in {shard}.")
    return shard, name, int(members.offsets[row]), int(members.sizes[row])


def _checked(data: bytes, shard: str, name: str, size: int) -> bytes:
    content = data[_BLOCK:]
    try:
        header = tarfile.TarInfo.frombuf(data[:_BLOCK], "utf-8", "surrogateescape")
        known = header.name.removeprefix("./") == name or len(os.fsencode(name)) > _LONGEST_NAME
        fits = known and header.size == len(content) == size
    except tarfile.HeaderError:
        fits = False
    if not fits:
        raise ShardError(
            f"Expected {name} with {size:,} bytes in {shard}, as its index says. Received: "
            "something else. The shard is cut off or was exchanged: make both again."
        )
    return content
