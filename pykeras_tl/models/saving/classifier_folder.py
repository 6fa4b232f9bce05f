"""The folder of a saved classifier: what stands in it, and what does not belong to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONFIG = "config.json"
FORMAT = "pykeras-tl classifier"
FORMAT_VERSION = 1
_LARGEST_TEXT = 1 << 26


def check_replaceable(target: Path) -> None:
    """See that a folder may be written as a classifier.

    Args:
        target: The folder.

    Raises:
        FileExistsError: When it holds something else than a classifier.

    Example:
        >>> check_replaceable(Path("not-there-yet"))
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        read_config(target)
    except (OSError, ValueError) as error:
        raise FileExistsError(
            f"{target} holds something else than a classifier; choose another folder"
        ) from error


def read_config(place: Path) -> dict[str, Any]:
    """Read what a classifier's folder says of it.

    Args:
        place: The folder.

    Returns:
        The content of its config.json.

    Raises:
        FileNotFoundError: When there is none.
        ValueError: When it is damaged, of something else, or of another version.
    """
    try:
        config = json.loads(read_text(place, CONFIG))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place / CONFIG} is no whole JSON file: {error}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(f"{place / CONFIG} does not describe a classifier")
    if config.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{place} has format {config.get('format_version')!r}, and this version reads "
            f"{FORMAT_VERSION}; install the pykeras-tl that wrote it: {config.get('versions')}"
        )
    return config


def read_text(place: Path, name: str) -> str:
    """Read a text file of a classifier's folder.

    Args:
        place: The folder.
        name: The file's name.

    Returns:
        The text.

    Raises:
        FileNotFoundError: When there is none.
        ValueError: When it leads out of the folder, is too large, or is no text.
    """
    path = inside(place, name)
    if path.stat().st_size > _LARGEST_TEXT:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes, too many to be read")
    return path.read_text("utf-8")


def inside(place: Path, name: str) -> Path:
    """Find a file of a classifier's folder, and in no other place.

    Args:
        place: The folder.
        name: The file's name.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: When there is none.
        ValueError: When it is a link that leads out of the folder.
    """
    path = place / name
    if path.resolve().parent != place.resolve():
        raise ValueError(f"{path} leads out of the folder; it is not read")
    if not path.is_file():
        raise FileNotFoundError(f"{place} lacks {name}; it is no whole classifier folder")
    return path
