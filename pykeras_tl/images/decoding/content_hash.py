"""Digests of what files hold, wherever they lie and whenever they were written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache, partial

from ..threads import default_workers, parallel_for


def content_hashes(paths: Sequence[str]) -> list[str]:
    """Digest what each file holds; one that has not changed meanwhile is read once.

    Args:
        paths: The files.

    Returns:
        32 hexadecimal digits a file, in the same order; the same for a copy elsewhere.

    Raises:
        FileNotFoundError: When a file does not exist.

    Example:
        >>> len(content_hashes([__file__])[0])
        32
    """
    digests = [""] * len(paths)

    def look_at(number: int) -> None:
        state = os.stat(paths[number])  # noqa: PTH116
        digests[number] = _content(paths[number], state.st_size, state.st_mtime_ns)

    parallel_for(look_at, len(paths), default_workers())
    return digests


@lru_cache(maxsize=1 << 20)
def _content(path: str, size: int, time: int) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()
