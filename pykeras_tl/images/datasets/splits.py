"""Random splits of a table of images: by fractions, into source and target sets, into folds.

A split is a column of the table, stratified by class. Rows are sorted by file name first, so
that the same file names and seed give the same split whatever the order of the table. What
rounding leaves over is assigned so that it does not add up over the classes (`_assign_rows`),
and groups are assigned greedily (`_assign_groups`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd


def split_fractions(
    table: pd.DataFrame,
    fractions: Mapping[str, float],
    by: str | None = "class",
    groups: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a table of images at random by fractions.

    Without groups, each split gets its fraction of each class to within one image. With
    groups, each group is assigned to one split, the large groups first, and the fractions are
    met as closely as that allows. The result depends on the seed and the rows' `filename`, not
    on the order of the rows.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        fractions: Name of each split and its fraction, above 0; the fractions sum to 1.
        by: Column to stratify by; None for a split that ignores classes.
        groups: Column whose equal values stay in one split (patient, slide, near-duplicates).
        seed: Seed of the random assignment.

    Returns:
        The table in its order, with the column `split` that has the name of each row's split.

    Raises:
        ValueError: When the fractions do not sum to 1, a column is missing or has missing
            values, or there are too few images or groups for the splits.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcdefghij"), "class": ["x"] * 5 + ["y"] * 5})
        >>> split = split_fractions(table, {"train": 0.6, "validation": 0.2, "test": 0.2})
        >>> split.groupby(["split", "class"]).size().to_dict()
        {('test', 'x'): 1, ('test', 'y'): 1, ('train', 'x'): 3, ('train', 'y'): 3,
         ('validation', 'x'): 1, ('validation', 'y'): 1}
    """
    _validate_fractions(fractions)
    shares = np.array([fractions[name] for name in fractions], float)
    splits = _assign(table, shares / shares.sum(), list(fractions), by, groups, seed)
    return table.assign(split=np.array(list(fractions), dtype=object)[splits])


def split_by_labels(
    table: pd.DataFrame,
    labels: np.ndarray,
    fractions: Mapping[str, float],
    groups: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a table of images with several labels each at random by fractions.

    Each image, or group of images, goes to the split that lacks its labels the most, rare labels
    first, so that each split gets about its fraction of each label and of the images.

    Args:
        table: Rows with the column `filename`.
        labels: Which image has which label, bool of shape (images, labels).
        fractions: Name of each split and its fraction, above 0; the fractions sum to 1.
        groups: Column whose equal values stay in one split (patient, slide, near-duplicates).
        seed: Seed of the random assignment.

    Returns:
        The table in its order, with the column `split` that has the name of each row's split.

    Raises:
        ValueError: When the fractions do not sum to 1, or there are too few images or groups.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcdefghij")})
        >>> labels = np.array([[True, False], [True, True]] * 5)
        >>> split = split_by_labels(table, labels, {"train": 0.6, "test": 0.4})
        >>> split["split"].value_counts().to_dict(), labels[split["split"] == "test"].sum(axis=0)
        ({'train': 6, 'test': 4}, array([4, 2]))
    """
    _validate_fractions(fractions)
    order = table["filename"].astype(str).to_numpy().argsort(kind="stable")
    group_of = np.arange(len(table))
    if groups is not None:
        group_of = pd.factorize(_column(table, groups).to_numpy()[order])[0]
    present = labels[order][:, labels.any(axis=0)]
    # What is no label is a stratum too: that of all images.
    rows = np.column_stack([present, np.ones(len(table))]).astype(float)
    contents = pd.DataFrame(rows).groupby(group_of).sum().to_numpy()
    shares = np.array([*fractions.values()], float)
    assigned = _assign_contents(contents, shares / shares.sum(), np.random.default_rng(seed))
    splits = np.empty(len(table), int)
    splits[order] = assigned[group_of]
    return table.assign(split=np.array([*fractions], dtype=object)[splits])


def split_source_target(
    table: pd.DataFrame,
    source: float = 0.6,
    train: float = 0.7,
    by: str | None = "class",
    groups: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a table into a source set and a target set, and the latter into train and test.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        source: Fraction of the images in the source set, between 0 and 1.
        train: Fraction of the target set to train on, between 0 and 1; the rest is for testing.
        by: Column to stratify by; None for a split that ignores classes.
        groups: Column whose equal values stay in one split.
        seed: Seed of the random assignment.

    Returns:
        The table with the column `split`: "source", "train" or "test".

    Raises:
        ValueError: When a fraction is not between 0 and 1, and as in `split_fractions`.

    Example:
        >>> table = pd.DataFrame({"filename": range(100), "class": "x"})
        >>> split_source_target(table)["split"].value_counts().to_dict()
        {'source': 60, 'train': 28, 'test': 12}
    """
    for name, fraction in {"source": source, "train": train}.items():
        if not 0 < fraction < 1:
            raise ValueError(f"Expected {name} to be between 0 and 1. Received: {fraction}")
    target = 1 - source
    fractions = {"source": source, "train": target * train, "test": target * (1 - train)}
    return split_fractions(table, fractions, by, groups, seed)


def k_folds(
    table: pd.DataFrame,
    k: int,
    by: str | None = "class",
    groups: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a table at random into k folds of equal size, for cross-validation.

    scikit-learn's `StratifiedGroupKFold` is not used because its folds hardly depend on the
    seed, so that repeats over seeds would repeat the same folds.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        k: Number of folds, 2 or more.
        by: Column to stratify by; None for folds that ignore classes.
        groups: Column whose equal values stay in one fold.
        seed: Seed of the random assignment.

    Returns:
        The table with the column `fold`, from 1 to k.

    Raises:
        ValueError: When k is below 2, or a class has fewer images, or the table fewer groups,
            than there are folds.

    Example:
        >>> table = pd.DataFrame({"filename": range(9), "class": "x"})
        >>> sorted(k_folds(table, 3)["fold"])
        [1, 1, 1, 2, 2, 2, 3, 3, 3]
    """
    if k < 2:
        raise ValueError(f"Expected k to be 2 or more. Received: {k}")
    names = [f"fold {number}" for number in range(1, k + 1)]
    return table.assign(fold=1 + _assign(table, np.full(k, 1 / k), names, by, groups, seed))


def groups_from_names(table: pd.DataFrame, pattern: str) -> pd.DataFrame:
    r"""Extract each image's group (patient, slide) from its file name.

    Args:
        table: Rows with the column `filename`.
        pattern: Regular expression to search for in the name without its folders. The group is
            the first capturing group, or the complete match without one.

    Returns:
        The table with the column `group`.

    Raises:
        ValueError: When the pattern is not a regular expression or does not match a name.

    Example:
        >>> table = pd.DataFrame({"filename": ["x/C33P1_a.png", "x/C33P1_b.png", "y/C4P2_a.png"]})
        >>> groups_from_names(table, r"^C\d+P\d+")["group"].tolist()
        ['C33P1', 'C33P1', 'C4P2']
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"Expected pattern to be a regular expression. Received: {pattern!r} ({error})."
        ) from error
    names = [Path(name).name for name in _column(table, "filename")]
    matches = [expression.search(name) for name in names]
    groups = [match and match.group(1 if expression.groups else 0) for match in matches]
    unmatched = [name for name, group in zip(names, groups) if group is None]
    if unmatched:
        raise ValueError(
            f"Expected pattern to match each of the {len(names)} file names. Received: "
            f"{pattern!r}, which does not match {len(unmatched)}, for example {unmatched[0]!r}."
        )
    return table.assign(group=np.array(groups, dtype=object))


def _assign(
    table: pd.DataFrame,
    shares: np.ndarray,
    names: list[str],
    by: str | None,
    groups: str | None,
    seed: int,
) -> np.ndarray:
    """Return the number of each row's split, as an index into `names`."""
    if len(table) < len(names):
        raise ValueError(
            f"Expected at least {len(names)} images, one for each split. Received: {len(table)}"
        )
    order = np.arange(len(table))
    if "filename" in table:
        # The split must not depend on the order of the table.
        order = table["filename"].astype(str).to_numpy().argsort(kind="stable")
    labels = np.full(len(table), "table") if by is None else _column(table, by).to_numpy()[order]
    strata = pd.factorize(labels)[0]
    random = np.random.default_rng(seed)
    if groups is None:
        sorted_splits = _assign_rows(strata, shares, random)
        _validate_strata(labels, _missing_strata(strata, sorted_splits, len(names)), names)
    else:
        groups_of_rows = pd.factorize(_column(table, groups).to_numpy()[order])[0]
        sorted_splits = _assign_groups(strata, groups_of_rows, shares, random)
        _warn_missing_strata(labels, _missing_strata(strata, sorted_splits, len(names)), names)
    splits = np.empty(len(table), int)
    splits[order] = sorted_splits
    return splits


def _assign_rows(strata: np.ndarray, shares: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Assign each row to a split at random, with each split's share of each stratum.

    Args:
        strata: Stratum of each row, from 0.
        shares: Fraction of each split; they sum to 1.
        random: Source of the permutation within each stratum.

    Returns:
        Index of each row's split.
    """
    splits = np.empty(len(strata), int)
    # Rows that each split should have got so far and did not, because of rounding.
    deficit = np.zeros(len(shares))
    for stratum in range(strata.max() + 1):
        rows = random.permutation(np.flatnonzero(strata == stratum))
        targets = shares * len(rows)
        counts = np.floor(np.round(targets, 9)).astype(int)
        # Leftover rows go one by one to splits that have none of this stratum, then to those
        # with the largest deficit, so that rounding errors do not add up over the strata.
        remainders = np.round(targets - counts, 9)
        owed = np.round(deficit + remainders, 9)
        priority = np.lexsort((-owed, counts > 0, remainders == 0))
        counts[priority[: len(rows) - counts.sum()]] += 1
        deficit += targets - counts
        splits[rows] = np.repeat(np.arange(len(shares)), counts)
    return splits


def _assign_groups(
    strata: np.ndarray, groups: np.ndarray, shares: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Assign each group to a split greedily, the large groups first.

    A group goes to the split where it reduces the squared distance from the target counts of
    all strata the most, relative to the split's share.

    Args:
        strata: Stratum of each row, from 0.
        groups: Group of each row, from 0.
        shares: Fraction of each split; they sum to 1.
        random: Source of the order of groups of similar size.

    Returns:
        Index of each row's split.

    Raises:
        ValueError: When there are fewer groups than splits.
    """
    contents = np.zeros((groups.max() + 1, strata.max() + 1))
    np.add.at(contents, (groups, strata), 1)
    return _assign_contents(contents, shares, random)[groups]


def _assign_contents(
    contents: np.ndarray, shares: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Assign each group to a split, as `_assign_groups` does.

    Args:
        contents: How many rows of each stratum a group has, shape (groups, strata). With several
            labels a row, each label is a stratum.
        shares: Fraction of each split; they sum to 1.
        random: Source of the order of groups of similar size.

    Returns:
        Index of each group's split.

    Raises:
        ValueError: When there are fewer groups than splits.
    """
    if len(contents) < len(shares):
        raise ValueError(
            f"Expected at least {len(shares)} groups, one for each split. Received: "
            f"{len(contents)}. Images of one group (copies, one patient) are in one split."
        )
    totals = contents.sum(axis=0)
    # Rows of each stratum that each split still needs.
    deficit = shares[:, None] * totals
    empty = set(range(len(shares)))
    assigned = np.empty(len(contents), int)
    # Large groups first, since small ones can correct the counts later; groups within a factor
    # of two in random order, since otherwise the seed would decide little.
    magnitude = np.floor(np.log2(contents.sum(axis=1)))
    for done, group in enumerate(np.lexsort((random.random(len(contents)), -magnitude))):
        # By how much the squared distance from the target counts, relative to them, would fall.
        relative = contents[group] / totals
        gain = (((2 * deficit / totals - relative) @ relative) / shares).round(12)
        if len(contents) - done == len(empty):
            gain[[split for split in range(len(shares)) if split not in empty]] = -np.inf
        split = int(gain.argmax())
        assigned[group] = split
        deficit[split] -= contents[group]
        empty.discard(split)
    return assigned


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        raise ValueError(f"Expected a table with the column {name!r}. Received: {list(table)}")
    missing = int(table[name].isna().sum())
    if missing:
        raise ValueError(
            f"Expected a value in each row of the column {name!r}. Received: {missing} of "
            f"{len(table)} rows without one."
        )
    return table[name]


def _validate_fractions(fractions: Mapping[str, float]) -> None:
    if len(fractions) < 2:
        raise ValueError(f"Expected two or more fractions. Received: {dict(fractions)}")
    if any(share <= 0 for share in fractions.values()):
        raise ValueError(f"Expected fractions above 0. Received: {dict(fractions)}")
    total = sum(fractions.values())
    if abs(total - 1) > 1e-6:
        raise ValueError(
            f"Expected fractions that sum to 1. Received: {dict(fractions)} with sum {total:g}."
        )


def _validate_strata(labels: np.ndarray, missing: np.ndarray, names: list[str]) -> None:
    if len(missing):
        stratum, split = missing[0]
        label = pd.unique(labels)[stratum]
        raise ValueError(
            f"Expected enough images of {label!r} to have one in each of {names}. Received: "
            f"{(labels == label).sum()}, none for {names[split]!r}. Add images, remove the class, "
            "or use fewer or larger splits."
        )


def _warn_missing_strata(labels: np.ndarray, missing: np.ndarray, names: list[str]) -> None:
    for stratum, split in missing:
        warnings.warn(
            f"{names[split]!r} has no image of {pd.unique(labels)[stratum]!r}: "
            "its groups are too few or too large.",
            stacklevel=4,
        )


def _missing_strata(strata: np.ndarray, splits: np.ndarray, count: int) -> np.ndarray:
    """Return the pairs (stratum, split) where the split has no row of the stratum."""
    present = np.zeros((strata.max() + 1, count), bool)
    present[strata, splits] = True
    return np.argwhere(~present)
