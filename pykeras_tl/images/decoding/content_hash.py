"""Content hashes of files, independent of path and modification time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache, partial

from ...storage.shards.index import is_url
from ...storage.shards.reading import file_status, is_file, open_file
from ..threads import default_workers, parallel_for

# Reading more files takes minutes.
_MOST = 300_000


def content_hashes(paths: Sequence[str]) -> list[str]:
    """Return a hash of each file's content, read once as long as the file is not modified.

    Args:
        paths: The files.

    Returns:
        32 hexadecimal digits for each file, in the order of `paths`.

    Raises:
        FileNotFoundError: When a file does not exist.

    Example:
        >>> for name, content in [("a", b"cell"), ("copy", b"cell"), ("b", b"other")]:
        ...     with open(name, "wb") as file:
        ...         _ = file.write(content)
        >>> hashes = content_hashes(["a", "copy", "b"])
        >>> hashes[0] == hashes[1], hashes[0] == hashes[2]
        (True, False)
    """
    hashes = [""] * len(paths)

    def hash_file(number: int) -> None:
        hashes[number] = _content_hash(paths[number], *file_status(paths[number]))

    parallel_for(hash_file, len(paths), default_workers())
    return hashes


def hashes_of_local_files(paths: Sequence[str]) -> list[str]:
    """Return the hashes of files that can be read in little time.

    Args:
        paths: The files.

    Returns:
        Their `content_hashes`; none if one is not a file of this machine or cannot be read, or if
        there are more than 300,000.

    Example:
        >>> with open("cell.png", "wb") as file:
        ...     _ = file.write(b"cell")
        >>> len(hashes_of_local_files(["cell.png", "cell.png"]))
        2
        >>> hashes_of_local_files(["cell.png", "s3://cells/1.png"])
        []
    """
    if len(paths) > _MOST or not all(not is_url(path) and is_file(path) for path in paths):
        return []
    try:
        return content_hashes(paths)
    except OSError:
        return []


@lru_cache(maxsize=1 << 20)
def _content_hash(path: str, size: int, modified: int) -> str:
    digest = partial(hashlib.blake2b, digest_size=16)
    with open_file(path) as file:
        return hashlib.file_digest(file, digest).hexdigest()
