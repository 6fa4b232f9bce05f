"""The splits of a folder of images: those on disk, and those that are split off."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..images.datasets.corrections import Corrections, apply_corrections
from ..images.datasets.directory_tree import class_folders, folder_or_url
from ..images.datasets.file_names import is_stray_name
from ..images.datasets.folders import check_classes, list_images, warn_of_other_folders
from ..images.datasets.split_folders import (
    TEST,
    TRAINING,
    VALIDATION,
    check_usable,
    find_splits,
)
from ..images.datasets.splits import split_fractions
from ..studies.data_splits import split_tables, without_bad_files
from ..studies.image_groups import add_groups

_logger = logging.getLogger(__name__)
_PARTS = ("train", "validation", "test")
_TEST = 0.2
# Where images are few for a class, each one that is trained on counts; to choose an epoch and fit a
# temperature, a hundred are enough.
_VALIDATION, _MOST_VALIDATION, _ENOUGH = 0.1, 0.2, 100
CALIBRATION = "calibration"
# With fewer distinct images for validation, or in one of their classes, half of them is too few.
_LEAST_TO_HALVE, _LEAST_OF_CLASS = 200, 6
# The largest share of a class's training images to leave out because their groups are shared.
_MOST_LEFT_OUT = 0.5


def read_splits(
    directory: str | os.PathLike[str], on_bad: str | None, corrections: Corrections | None
) -> dict[str, pd.DataFrame]:
    """List the images of a folder to train on, as corrected, and look for bad files.

    Args:
        directory: The folder, as for `train_classifier`.
        on_bad: As for `train_classifier`.
        corrections: As for `train_classifier`.

    Returns:
        A table for each split on disk.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If there is no such folder.
        ValueError: If the classes or the corrections do not fit.
    """
    root = folder_or_url(directory)
    given = without_bad_files(apply_corrections(tables_on_disk(root), corrections, root), on_bad)
    check_classes(given["train"])
    return given


def tables_on_disk(root: Path | str) -> dict[str, pd.DataFrame]:
    """Return the table of each split on disk, or of all images as `train` if there is none."""
    found = find_splits(root)
    if found is None:
        return {"train": list_images(root)}
    check_usable(found, root)
    if isinstance(root, Path):
        others = [name for name in class_folders(root) if name not in found.roles]
        warn_of_other_folders(root, [name for name in others if not is_stray_name(name)])
    names = {"train": found.of(TRAINING)[0]}
    if found.of(VALIDATION):
        names["validation"] = found.of(VALIDATION)[0]
    tests = found.of(TEST)
    main = next((name for name in tests if name.lower() in ("test", "testing")), None)
    for name in tests:
        names["test" if len(tests) == 1 or name == main else name.lower()] = name
    tables = split_tables(root, **names)
    used = [f"{names[split]} ({len(table):,} images)" for split, table in tables.items()]
    missing = [name for name in _PARTS if name not in tables]
    parts = f"; parts of {names['train']} for {' and '.join(missing)}" if missing else ""
    _logger.info(
        "Using the splits in %s: training on %s, evaluating on %s%s.",
        root, used[0], ", ".join(used[1:]) or "no other folder", parts,
    )  # fmt: skip
    return tables


def split_off(
    given: Mapping[str, pd.DataFrame], groups: str | None, seed: int
) -> dict[str, pd.DataFrame]:
    """Split off the images for validation and test that have no folder of their own."""
    everything = pd.concat([table.assign(split=name) for name, table in given.items()])
    everything, column = add_groups(everything.reset_index(drop=True), groups)
    tables = {name: everything[everything["split"] == name].drop(columns="split") for name in given}
    if column:
        tables["train"] = _without_shared_groups(tables, column)
    missing = [name for name in _PARTS if name not in given]
    if missing:
        distinct = len(tables["train"]) if column is None else tables["train"][column].nunique()
        shares = {"validation": validation_share(distinct), "test": _TEST}
        kept = {name: shares[name] for name in missing}
        fractions = {"train": 1 - sum(kept.values()), **kept}
        table = split_fractions(tables["train"], fractions, groups=column, seed=seed)
        tables |= {name: table[table["split"] == name].drop(columns="split") for name in fractions}
    tables |= _set_aside(tables["validation"], column, seed)
    return {name: tables[name] for name in (*_PARTS, *sorted(tables)) if name in tables}


def validation_share(distinct: int) -> float:
    """Return the share of images to validate on: a tenth, or a hundred, or a fifth of few.

    Args:
        distinct: The number of images that are no copies of each other, or of their groups.

    Returns:
        The share, 0.1..0.2.

    Example:
        >>> [validation_share(count) for count in (200, 800, 5000)]
        [0.2, 0.125, 0.1]
    """
    return min(_MOST_VALIDATION, max(_VALIDATION, _ENOUGH / distinct))


def _set_aside(validation: pd.DataFrame, column: str | None, seed: int) -> dict[str, pd.DataFrame]:
    """Halve a large validation part, so that one half chooses nothing and calibrates.

    Prediction sets hold what they promise for images like those that they are calibrated on, if
    nothing was chosen by these.
    """
    distinct = validation if column is None else validation.drop_duplicates(column)
    if len(distinct) < _LEAST_TO_HALVE or distinct["class"].value_counts().min() < _LEAST_OF_CLASS:
        return {}
    halves = {"validation": 0.5, CALIBRATION: 0.5}
    table = split_fractions(validation, halves, groups=column, seed=seed)
    return {name: table[table["split"] == name].drop(columns="split") for name in halves}


def _without_shared_groups(tables: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return the training images without those whose group is in another split too."""
    train = tables["train"]
    others = {group for name in tables if name != "train" for group in tables[name][column]}
    shared = train[column].isin(others)
    if not shared.any():
        return train
    if shared.groupby(train["class"]).mean().max() > _MOST_LEFT_OUT:
        training = set(train[column])
        for name, table in tables.items():
            count = int(table[column].isin(training).sum())
            if name != "train" and count:
                warnings.warn(
                    f"{count:,} of {len(table):,} images for {name} belong to groups that are in "
                    "the training folder too: the results on them will be too good.",
                    stacklevel=2,
                )
        return train
    _logger.info(
        f"{shared.sum():,} of {len(train):,} training images are left out: copies of images of "
        "other splits, or of their groups."
    )
    return train[~shared]
