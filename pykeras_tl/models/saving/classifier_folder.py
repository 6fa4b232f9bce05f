"""Reads the files of a saved classifier's folder, without following them out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..sharing.model_card import CARD
from ..uncertainty.novelty import ARRAYS, NoveltyDetector
from ..uncertainty.prediction_sets import PredictionSets
from .weight_files import check_weights_file

CONFIG, MODEL, WEIGHTS = "config.json", "model.json", "model.weights.h5"
CLASSIFIER = "pykeras-tl classifier"
MULTI_LABEL = "pykeras-tl multi-label classifier"
REGRESSOR = "pykeras-tl regressor"
FORMATS = (CLASSIFIER, MULTI_LABEL, REGRESSOR)
FORMAT_VERSION = 1
_LARGEST_TEXT = 1 << 26
# The arrays of prediction sets and novelty, and what they are called there and in config.json.
_UNCERTAINTY = "uncertainty.h5"
# The content hashes of the files that it was trained on, one on each line.
_TRAINED_ON = "trained_on.txt"
_HASH = re.compile("[0-9a-f]{32}")
# All that a classifier's folder may hold.
FILES = (CONFIG, MODEL, WEIGHTS, CARD, _UNCERTAINTY, _TRAINED_ON)
_SETS, _NOVELTY = "prediction_sets", "novelty"
_OF_SETS = ("scores", "classes", "groups")


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
    if not isinstance(config, dict) or config.get("format") not in FORMATS:
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


def write_uncertainty(
    folder: Path, sets: PredictionSets | None, novelty: NoveltyDetector | None
) -> dict[str, Any]:
    """Write what a classifier carries; no file if that is nothing.

    Args:
        folder: The folder.
        sets: Its prediction sets, or None.
        novelty: Its novelty detector, or None.

    Returns:
        What the classifier's configuration says about them.
    """
    config: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    if sets is not None:
        config[_SETS] = {"method": sets.method}
        arrays |= {f"{_SETS}/{name}": getattr(sets, name) for name in _OF_SETS}
    if novelty is not None:
        config[_NOVELTY] = {"method": novelty.method, "threshold": novelty.threshold}
        arrays |= {f"{_NOVELTY}/{name}": array for name, array in novelty.arrays.items()}
    if arrays:
        with h5py.File(folder / _UNCERTAINTY, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return config


def read_uncertainty(
    folder: Path, config: Mapping[str, Any], classes: int
) -> tuple[PredictionSets | None, NoveltyDetector | None]:
    """Read what `write_uncertainty` wrote.

    Args:
        folder: The classifier's folder.
        config: Its configuration; one that an older version wrote says nothing of this.
        classes: The number of its classes.

    Returns:
        Prediction sets and novelty detector, None where it has none.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged or unsafe, or does not fit the configuration.
    """
    sets, novelty = config.get(_SETS), config.get(_NOVELTY)
    if sets is None and novelty is None:
        return None, None
    path = inside(folder, _UNCERTAINTY)
    check_weights_file(path)
    with h5py.File(path, "r") as file:
        return (
            None if sets is None else _read_sets(file, sets, classes),
            None if novelty is None else _read_novelty(file, novelty),
        )


def _read_sets(file: h5py.File, config: Mapping[str, Any], classes: int) -> PredictionSets:
    arrays = {name: file[f"{_SETS}/{name}"][()] for name in _OF_SETS}
    known = arrays["classes"]
    if known.dtype.kind != "i" or not ((known >= 0) & (known < classes)).all():
        raise ValueError(
            f"Expected calibration images of classes 0 to {classes - 1}. Received: {known.min()} "
            f"to {known.max()}."
        )
    return PredictionSets(**arrays, method=str(config["method"]))


def _read_novelty(file: h5py.File, config: Mapping[str, Any]) -> NoveltyDetector:
    method = str(config["method"])
    arrays = {name: file[f"{_NOVELTY}/{name}"][()] for name in ARRAYS.get(method, ())}
    return NoveltyDetector(method, arrays, float(config["threshold"]))


def write_trained_on(folder: Path, hashes: Set[str]) -> dict[str, Any]:
    """Write which files a classifier was trained on; no file if that is not known.

    Args:
        folder: The classifier's folder.
        hashes: The `content_hashes` of the files.

    Returns:
        What the classifier's configuration says about them: their number.
    """
    if not hashes:
        return {}
    # Sorted, so that equal classifiers have equal folders.
    (folder / _TRAINED_ON).write_text("\n".join(sorted(hashes)) + "\n", "ascii")
    return {"trained_on": len(hashes)}


def read_trained_on(folder: Path, config: Mapping[str, Any]) -> frozenset[str]:
    """Read what `write_trained_on` wrote.

    Args:
        folder: The classifier's folder.
        config: Its configuration; one that an older version wrote says nothing of this.

    Returns:
        The hashes; none if they are not known.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged or leads out of the folder.
    """
    if "trained_on" not in config:
        return frozenset()
    lines = read_text(folder, _TRAINED_ON).splitlines()
    if len(lines) != config["trained_on"] or not all(map(_HASH.fullmatch, lines)):
        raise ValueError(
            f"Expected {config['trained_on']} hashes in {_TRAINED_ON}. Received: {len(lines)} "
            "lines that are not all hashes."
        )
    return frozenset(lines)
