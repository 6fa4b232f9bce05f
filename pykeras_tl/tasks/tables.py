"""From a table of images to the splits that a training uses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from ..images.datasets.split_folders import TEST, TRAINING, VALIDATION, split_role
from ..studies.data_splits import without_bad_files
from ..studies.image_groups import add_groups

_logger = logging.getLogger(__name__)
_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
_NAMES = {TRAINING: "train", VALIDATION: "validation", TEST: "test"}
_COPIES, _GROUP, _SPLIT = "copies", "group", "split"
# With fewer distinct images, the parts say next to nothing.
_FEWEST = 30

# Splits a table, whose groups are in a column, by fractions.
Split = Callable[[pd.DataFrame, Mapping[str, float], str | None], pd.DataFrame]


def group_and_split(
    table: pd.DataFrame, given: pd.DataFrame, groups: str | None, on_bad: str | None, split: Split
) -> dict[str, pd.DataFrame]:
    """Look the images through, find what belongs together, and split them.

    Args:
        table: The images, with the column `filename` and what they show.
        given: What the user gave, row by row: groups and splits are columns of it.
        groups: A column of it; `"copies"`, which takes the column `group` if there is one; a
            regular expression for the file names; or None.
        on_bad: As in `train_classifier`.
        split: Splits a table.

    Returns:
        The tables `train`, `validation` and `test`. A column `split` is used as it is, and what is
        missing there is split off the images for training.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is "raise".
        ValueError: If there are too few images, or the column `split` says something else.
    """
    wanted = _GROUP if groups == _COPIES and _GROUP in given else groups
    if wanted is not None and wanted in given:
        table = table.assign(group=given[wanted].astype(str).to_numpy())
    if _SPLIT in given:
        table = table.assign(split=[_name_of(value) for value in given[_SPLIT]])
    table = without_bad_files({"": table}, on_bad)[""].reset_index(drop=True)
    if _GROUP in table:
        column: str | None = _GROUP
    else:
        table, column = add_groups(table, groups)
    distinct = table[column].nunique() if column else len(table)
    if distinct < _FEWEST:
        raise ValueError(
            f"Expected at least {_FEWEST} images that are no copies of each other, nor of one "
            f"group. Received: {distinct}."
        )
    tables = {"train": table}
    if _SPLIT in table:
        tables = {
            name: table[table[_SPLIT] == name].drop(columns=_SPLIT)
            for name in _FRACTIONS
            if (table[_SPLIT] == name).any()
        }
        if "train" not in tables:
            raise ValueError('Expected images whose column split is "train". Received: none.')
        if column:
            tables["train"] = _without_shared_groups(tables, column)
    missing = {name: share for name, share in _FRACTIONS.items() if name not in tables}
    if missing:
        shares = {"train": 1 - sum(missing.values()), **missing}
        made = split(tables["train"], shares, column)
        tables |= {name: made[made[_SPLIT] == name].drop(columns=_SPLIT) for name in shares}
    return {name: tables[name].reset_index(drop=True) for name in _FRACTIONS}


def _name_of(value: object) -> str:
    role = split_role(str(value))
    if role is None:
        raise ValueError(
            'Expected "train", "validation" or "test" in the column split. Received: '
            f"{value!r}. Rename the column if it is something else."
        )
    return _NAMES[role]


def _without_shared_groups(tables: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    others = {group for name in tables if name != "train" for group in tables[name][column]}
    shared = tables["train"][column].isin(others)
    if shared.any():
        _logger.info(
            f"{shared.sum():,} of {len(shared):,} training images are left out: copies of images "
            "of other splits, or of their groups."
        )
    return tables["train"][~shared]


def rarest_label(labels: np.ndarray) -> list[str]:
    """Name for each image the rarest of its labels, so that samples hold some of each.

    Args:
        labels: Which image has which label, bool of shape (images, labels).

    Returns:
        The number of the label as text, "none" for images without labels.

    Example:
        >>> rarest_label(np.array([[True, True], [True, False], [False, False]]))
        ['1', '0', 'none']
    """
    order = np.argsort(labels.sum(axis=0), kind="stable")
    return [
        next((str(label) for label in order if has[label]), "none") for has in labels.astype(bool)
    ]


def quantile_bins(numbers: np.ndarray, most: int = 10) -> list[str]:
    """Name for each number one of several ranges with about as many numbers in each.

    Args:
        numbers: Shape (images,).
        most: The largest number of ranges; there are fewer with few numbers.

    Returns:
        The number of the range as text.

    Example:
        >>> quantile_bins(np.arange(20.0), most=2) == ["0"] * 10 + ["1"] * 10
        True
    """
    bins = max(1, min(most, len(numbers) // 10))
    places = pd.Series(numbers).rank(method="first")
    return pd.qcut(places, bins, labels=False).astype(str).tolist()
