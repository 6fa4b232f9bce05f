"""Reads the files of a saved classifier's folder, without following them out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..sharing.model_card import CARD

CONFIG, MODEL, WEIGHTS = "config.json", "model.json", "model.weights.h5"
# All that a classifier's folder may hold.
FILES = (CONFIG, MODEL, WEIGHTS, CARD)
FORMAT = "pykeras-tl classifier"
FORMAT_VERSION = 1
_LARGEST_TEXT = 1 << 26


def check_replaceable(target: Path) -> None:
    """Check that a folder may be replaced by a classifier.

    Args:
        target: The folder.

    Raises:
        FileExistsError: If it holds anything other than a classifier.

    Example:
        >>> Path("thesis").mkdir()
        >>> _ = Path("thesis/chapter.txt").write_text("mine")
        >>> check_replaceable(Path("thesis"))
        Traceback (most recent call last):
            ...
        FileExistsError: thesis holds something else than a classifier. Choose another folder.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        read_config(target)
    except (OSError, ValueError) as error:
        raise FileExistsError(
            f"{target} holds something else than a classifier. Choose another folder."
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a classifier.

    Args:
        folder: The folder.

    Returns:
        The content of config.json.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, describes something else, or has another version.
    """
    try:
        config = json.loads(read_text(folder, CONFIG))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / CONFIG} is not a complete JSON file: {error}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(f"{folder / CONFIG} does not describe a classifier.")
    if config.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{folder} has format {config.get('format_version')!r}, and this version reads "
            f"{FORMAT_VERSION}. Install the pykeras-tl that wrote it: {config.get('versions')}."
        )
    return config


def read_text(folder: Path, name: str) -> str:
    """Read a text file in a classifier's folder.

    Args:
        folder: The folder.
        name: The file's name.

    Returns:
        The text.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it leads out of the folder, is too large, or is not text.
    """
    path = inside(folder, name)
    if path.stat().st_size > _LARGEST_TEXT:
        raise ValueError(f"{path} is too large to read: {path.stat().st_size:,} bytes.")
    return path.read_text("utf-8")


def inside(folder: Path, name: str) -> Path:
    """Find a file in a classifier's folder, and nowhere else.

    Args:
        folder: The folder.
        name: The file's name.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is a link that leads out of the folder.
    """
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise ValueError(f"{path} leads out of the folder and is not read.")
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} lacks {name}, so it is not a complete classifier folder."
        )
    return path


def class_names_in(config: Mapping[str, Any]) -> list[str]:
    """Return the class names in a classifier's configuration.

    Args:
        config: The configuration.

    Returns:
        The names.

    Raises:
        ValueError: If they are not a list.
    """
    names = config["class_names"]
    if not isinstance(names, list):
        raise ValueError(f"Expected class_names to be a list of names. Received: {names!r}.")
    return names


def as_plain(value: Any) -> Any:
    """Convert a number or array of NumPy's to what JSON can represent.

    Args:
        value: What `json.dumps` asks about.

    Returns:
        The number or the nested lists.

    Raises:
        TypeError: If it is something else.
    """
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(
        f"Expected metrics of numbers, text, and lists of these. Received: {type(value).__name__}."
    )


def check_class_names(names: Sequence[str]) -> None:
    """Check the names of a classifier's classes.

    Args:
        names: The names.

    Raises:
        ValueError: If one is not text or is empty, two are equal, or there are fewer than two.

    Example:
        >>> check_class_names(["cat", "dog"])
    """
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"Expected class names to be non-empty text. Received: {list(names)[:5]}.")
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"Expected at least two distinct class names. Received: {names[:10]}.")
