"""Decoded, resized pictures kept for later epochs and runs."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH116, PTH100
from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence


def files_digest(paths: Sequence[str], settings: str) -> str:
    """Give a digest of files, by path, size and time of change, and of settings.

    Args:
        paths: The files.
        settings: Whatever else the content depends on.

    Returns:
        Hexadecimal digits.

    Raises:
        FileNotFoundError: When a file does not exist.

    Example:
        >>> files_digest([__file__], "") == files_digest([__file__], "rgb")
        False
    """
    digest = hashlib.blake2b(settings.encode(), digest_size=16)
    for path in paths:
        about = os.stat(path)
        absolute = os.path.abspath(path)
        digest.update(os.fsencode(f"{absolute}\0{about.st_size}\0{about.st_mtime_ns}\0"))
    return digest.hexdigest()
