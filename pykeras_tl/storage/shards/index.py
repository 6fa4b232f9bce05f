"""The shards in a folder or below a URL, and the files in each by their index.

A shard is a tar file of images. Its index is the file beside it as NVIDIA DALI's `wds2idx` writes
it, `000000.idx` for `000000.tar`; without one, the shard's headers are read. `SHA256SUMS`, as
`sha256sum` writes it, lists the shards of a folder.
"""

# Plain text paths: URLs are none of `Path`'s.
# ruff: noqa: PTH100, PTH116, PTH208
from __future__ import annotations

import io
import logging
import os
import re
import tarfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

SUFFIX, SUMS = ".tar", "SHA256SUMS"
_VERSION = "v1.2"
_COMPONENT = re.compile(r"(\S*) (\d+) (\d+) (.+?)(?= \S* \d+ \d+ |$)")
_AT_ONCE = 16
_logger = logging.getLogger(__name__)

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, eq=False)
class Members:
    """The files in a shard, sorted by name.

    Attributes:
        names: Their names.
        offsets: Where their content begins in the shard, in bytes, int64 of shape (files,).
        sizes: Lengths in bytes, int64 of shape (files,).
    """

    names: list[str]
    offsets: np.ndarray
    sizes: np.ndarray


class ShardError(OSError):
    """Raised for a shard that is not what its index says."""


def is_url(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a URL.

    Args:
        path: The path.

    Returns:
        True for `s3://…`, `https://…`, `memory://…` and the like.

    Example:
        >>> is_url("s3://bucket/cells"), is_url("/data/cells")
        (True, False)
    """
    return "://" in os.fspath(path)


def has_shards(source: Source) -> bool:
    """Return whether a path is that of shards: a URL, a tar file, or a folder of nothing else.

    Args:
        source: The path, or several.

    Returns:
        True if it is.

    Example:
        >>> has_shards("cells/000000.tar"), has_shards("no such folder")
        (True, False)
    """
    if not isinstance(source, str | os.PathLike):
        return True
    path = os.fspath(source)
    if is_url(path) or path.endswith(SUFFIX):
        return True
    folder = Path(path).expanduser()
    if not folder.is_dir() or not any(folder.glob(f"*{SUFFIX}")):
        return False
    # An archive may lie beside the folders of the classes.
    return not any(entry.is_dir() and entry.name[0] != "." for entry in folder.iterdir())


def find_shards(source: Source) -> list[str]:
    """List shards.

    Args:
        source: A folder or its URL, a shard, or several shards. Of a folder, `SHA256SUMS` says
            which shards are in it, where there is this file.

    Returns:
        Absolute paths, or URLs, of the shards of a folder sorted by name.

    Raises:
        FileNotFoundError: When there is none.

    Example:
        >>> for name in ["b.tar", "a.tar", "a.idx"]:
        ...     Path(name).touch()
        >>> [Path(shard).name for shard in find_shards(".")]
        ['a.tar', 'b.tar']
    """
    if not isinstance(source, str | os.PathLike):
        return [shard for each in source for shard in find_shards(each)]
    path = os.fspath(source)
    if not is_url(path):
        path = os.path.abspath(Path(path).expanduser())
    if path.endswith(SUFFIX):
        return [path]
    names: list[str] = list(shard_sums(path))
    if not names and is_url(path):
        system, root = filesystem(path)
        with suppress(FileNotFoundError, NotADirectoryError):
            names = [PurePosixPath(each).name for each in system.ls(root, detail=False)]
    elif not names and Path(path).is_dir():
        names = os.listdir(path)
    shards = [f"{path.rstrip('/')}/{name}" for name in sorted(names) if name.endswith(SUFFIX)]
    if not shards:
        raise FileNotFoundError(
            f"Expected a folder of shards, files that end in {SUFFIX}. Received: {path}. "
            "Make them with `pykeras-tl pack`."
        )
    return shards


def shard_sums(folder: str) -> dict[str, str]:
    """Read the checksums of the shards in a folder.

    Args:
        folder: Path or URL.

    Returns:
        SHA-256 of each shard by its name; nothing where there is no `SHA256SUMS`.

    Example:
        >>> shard_sums("no such folder")
        {}
    """
    try:
        text = _read_text(f"{folder.rstrip('/')}/{SUMS}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return {name.removeprefix("*"): digest for digest, name in lines}


def read_members(shards: Iterable[str]) -> list[Members]:
    """Read the indices of shards.

    Args:
        shards: Paths or URLs.

    Returns:
        The files in each.

    Raises:
        FileNotFoundError: When a shard does not exist.
        ShardError: When a shard is no tar file.
    """
    # Reading a file takes a server longer than finding the place of the next one.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda shard: members_of(shard, shard_version(shard)), shards))


def index_line(name: str, offset: int, size: int) -> str:
    """Return the line of an index for a file.

    Args:
        name: Name of the file.
        offset: Where its content begins in the shard.
        size: Its length.

    Returns:
        The line, without its end.

    Example:
        >>> index_line("cat/1.png", 512, 4096)
        'png 512 4096 cat/1.png'
    """
    return f"{name.rpartition('.')[2]} {offset} {size} {name}"


def index_text(lines: Sequence[str]) -> str:
    r"""Return an index as `wds2idx` writes it.

    Args:
        lines: What `index_line` returned for each file.

    Returns:
        The content of the file.

    Example:
        >>> index_text(["png 512 4096 cat/1.png"])
        'v1.2 1\npng 512 4096 cat/1.png\n'
    """
    return "\n".join([f"{_VERSION} {len(lines)}", *lines, ""])


def shard_version(shard: str) -> str:
    """Return what changes when a shard on a disk does; a URL's content is taken as fixed.

    Args:
        shard: Path or URL.

    Returns:
        Its size and modification time as text, or the URL.

    Raises:
        FileNotFoundError: When it does not exist.
    """
    if is_url(shard):
        return shard
    status = os.stat(shard)
    return f"{status.st_size} {status.st_mtime_ns}"


@lru_cache(maxsize=4096)
def members_of(shard: str, version: str) -> Members:
    """Return the files in a shard, whose index is read once.

    Args:
        shard: Path or URL.
        version: What `shard_version` returned for it.

    Returns:
        The files, sorted by name.

    Raises:
        ShardError: When it is no tar file.
    """
    rows = _indexed(shard)
    if rows is None:
        _logger.info("%s has no index: its headers are read.", shard)
        rows = _scanned(shard)
    rows.sort()
    columns = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
    return Members([row[0] for row in rows], columns[:, 0], columns[:, 1])


def _indexed(shard: str) -> list[tuple[str, int, int]] | None:
    try:
        text = _read_text(shard.removesuffix(SUFFIX) + ".idx")
    except FileNotFoundError:
        return None
    first, *lines = text.removesuffix("\n").split("\n")
    if not first.startswith(f"{_VERSION} "):
        raise ShardError(
            f"Expected the index of {shard} to be of version {_VERSION}. Received: {first!r}. "
            "Remove it, or write it again with wds2idx."
        )
    rows = []
    for line in lines:
        parts = line.split(" ")
        if len(parts) == 4:
            rows.append((parts[3], int(parts[1]), int(parts[2])))
        else:  # A name with spaces, or several files of one sample.
            rows += [(name, int(at), int(size)) for _, at, size, name in _COMPONENT.findall(line)]
    return rows


def _scanned(shard: str) -> list[tuple[str, int, int]]:
    try:
        with _open(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            return [
                (member.name.removeprefix("./"), member.offset_data, member.size)
                for member in tar
                if member.isreg()
            ]
    except tarfile.TarError as error:
        raise ShardError(f"{shard} is no tar file without compression: {error}.") from error


def _open(shard: str) -> IO[bytes]:
    if not is_url(shard):
        return Path(shard).open("rb")
    system, path = filesystem(shard)
    file: IO[bytes] = system.open(path, "rb")
    return file


def _read_text(path: str) -> str:
    if not is_url(path):
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    system, inner = filesystem(path)
    data: bytes = system.cat_file(inner)
    return io.TextIOWrapper(io.BytesIO(data), "utf-8", "surrogateescape").read()


def folders_at(url: str) -> list[str]:
    """List the folders at a URL.

    Args:
        url: The URL.

    Returns:
        Their names, sorted; none where the URL does not exist, or may not be listed.

    Raises:
        ImportError: As for `filesystem`.
    """
    system, path = filesystem(url)
    try:
        entries = system.ls(path, detail=True)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []  # Files may be read where they may not be listed.
    folders = [entry["name"] for entry in entries if entry["type"] == "directory"]
    return sorted(PurePosixPath(name).name for name in folders)


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL.

    Args:
        url: The URL.

    Returns:
        The file system, and the path in it.

    Raises:
        ImportError: When fsspec, or the package for this kind of URL, is not installed.
    """
    return _filesystem(url, os.getpid())


@lru_cache(maxsize=4096)
def _filesystem(url: str, process: int) -> tuple[Any, str]:
    # A forked process makes its own: the connections of its parent are of no use to it.
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(url)
    except ImportError as error:
        extra = "s3" if url.startswith(("s3:", "s3a:")) else "remote"
        raise ImportError(
            f'Reading {url} needs another package ({error}). Run pip install "pykeras-tl[{extra}]".'
        ) from error
    return system, path
