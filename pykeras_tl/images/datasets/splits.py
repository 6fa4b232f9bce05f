"""Splits of a table of files: by fractions, into source and target, into folds."""

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
    """Split a table of images at random into parts of given sizes.

    Without groups every part gets its share of each class to within one image. With groups
    each group goes whole to one part, the large groups first, and the shares are as near as
    that leaves them. The split depends on the seed and the rows' `filename`, not on the order
    of the rows.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        fractions: The share of each part by its name; above 0, and 1 together.
        by: Column in whose values the parts shall be alike; None to draw from all rows.
        groups: Column whose equal values stay in one part (patient, slide, near-duplicates).
        seed: Number that determines the draw.

    Returns:
        The table, its rows as they stood, with the column `split` that names each row's part.

    Raises:
        ValueError: When the fractions do not sum to 1, a column is missing or has gaps, or
            there are too few images or groups for the parts.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcdefghij"), "class": ["x"] * 5 + ["y"] * 5})
        >>> split = split_fractions(table, {"train": 0.6, "validation": 0.2, "test": 0.2})
        >>> split.groupby(["split", "class"]).size().to_dict()
        {('test', 'x'): 1, ('test', 'y'): 1, ('train', 'x'): 3, ('train', 'y'): 3,
         ('validation', 'x'): 1, ('validation', 'y'): 1}
    """
    _check_fractions(fractions)
    shares = np.array([fractions[name] for name in fractions], float)
    parts = _assign(table, shares / shares.sum(), list(fractions), by, groups, seed)
    return table.assign(split=np.array(list(fractions), dtype=object)[parts])


def split_source_target(
    table: pd.DataFrame,
    source: float = 0.6,
    train: float = 0.7,
    by: str | None = "class",
    groups: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a table into a source set and a target set, and the latter into training and test.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        source: Share of the images that go to the source set, between 0 and 1.
        train: Share of the target set to train on, between 0 and 1; the rest is its test.
        by: Column in whose values the parts shall be alike; None to draw from all rows.
        groups: Column whose equal values stay in one part.
        seed: Number that determines the draw.

    Returns:
        The table with the column `split`: "source", "train" or "test".

    Raises:
        ValueError: When a share is not between 0 and 1, and as `split_fractions` does.

    Example:
        >>> table = pd.DataFrame({"filename": range(100), "class": "x"})
        >>> split_source_target(table)["split"].value_counts().to_dict()
        {'source': 60, 'train': 28, 'test': 12}
    """
    for name, share in {"source": source, "train": train}.items():
        if not 0 < share < 1:
            raise ValueError(f"{name}={share} must be above 0 and below 1.")
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
    """Cut a table at random into k folds of equal size, for cross-validation.

    scikit-learn's `StratifiedGroupKFold` is not used because its folds hardly depend on the
    seed, so that repeats over seeds would repeat the same folds.

    Args:
        table: Rows with the column `class`, as `list_images` returns them.
        k: Number of folds, 2 or more.
        by: Column in whose values the folds shall be alike; None to draw from all rows.
        groups: Column whose equal values stay in one fold.
        seed: Number that determines the draw.

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
        raise ValueError(f"k={k} folds; expected 2 or more.")
    names = [f"fold {number}" for number in range(1, k + 1)]
    return table.assign(fold=1 + _assign(table, np.full(k, 1 / k), names, by, groups, seed))


def groups_from_names(table: pd.DataFrame, pattern: str) -> pd.DataFrame:
    r"""Read each image's group (patient, slide) from its file's name.

    Args:
        table: Rows with the column `filename`.
        pattern: Regular expression to look for in the name without its folders. What its first
            parentheses match, or the whole match without parentheses, is the group.

    Returns:
        The table with the column `group`.

    Raises:
        ValueError: When the pattern is no regular expression or some name does not match.

    Example:
        >>> table = pd.DataFrame({"filename": ["x/C33P1_a.png", "x/C33P1_b.png", "y/C4P2_a.png"]})
        >>> groups_from_names(table, r"^C\d+P\d+")["group"].tolist()
        ['C33P1', 'C33P1', 'C4P2']
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}.") from error
    names = [Path(name).name for name in _column(table, "filename")]
    found = [expression.search(name) for name in names]
    groups = [match and match.group(1 if expression.groups else 0) for match in found]
    unmatched = [name for name, group in zip(names, groups) if group is None]
    if unmatched:
        raise ValueError(
            f"{pattern!r} matches no part of {len(unmatched)} of {len(names)} file names, "
            f"for example {unmatched[0]!r}."
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
    """Return the number of the part of each row."""
    if len(table) < len(names):
        raise ValueError(f"{len(table)} images cannot be split into {len(names)} parts: {names}.")
    order = np.arange(len(table))
    if "filename" in table:
        # Sorted by name, so that the same files give the same split in whatever order they come.
        order = table["filename"].astype(str).to_numpy().argsort(kind="stable")
    labels = np.full(len(table), "table") if by is None else _column(table, by).to_numpy()[order]
    strata = pd.factorize(labels)[0]
    random = np.random.default_rng(seed)
    if groups is None:
        sorted_parts = _deal_rows(strata, shares, random)
        _check_every_stratum(labels, _absent(strata, sorted_parts, len(names)), names)
    else:
        groups_of_rows = pd.factorize(_column(table, groups).to_numpy()[order])[0]
        sorted_parts = _deal_groups(strata, groups_of_rows, shares, random)
        _warn_of_missing(labels, _absent(strata, sorted_parts, len(names)), names)
    parts = np.empty(len(table), int)
    parts[order] = sorted_parts
    return parts


def _deal_rows(strata: np.ndarray, shares: np.ndarray, random: np.random.Generator) -> np.ndarray:
    parts = np.empty(len(strata), int)
    lacking = np.zeros(len(shares))
    for stratum in range(strata.max() + 1):
        rows = random.permutation(np.flatnonzero(strata == stratum))
        wanted = shares * len(rows)
        counts = np.floor(np.round(wanted, 9)).astype(int)
        # What rounding leaves goes one by one to parts that have none yet, then to those that
        # got least of the strata before, so that rounding does not add up.
        remainders = np.round(wanted - counts, 9)
        owed = np.round(lacking + remainders, 9)
        first = np.lexsort((-owed, counts > 0, remainders == 0))
        counts[first[: len(rows) - counts.sum()]] += 1
        lacking += wanted - counts
        parts[rows] = np.repeat(np.arange(len(shares)), counts)
    return parts


def _deal_groups(
    strata: np.ndarray, groups: np.ndarray, shares: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    contents = np.zeros((groups.max() + 1, strata.max() + 1))
    np.add.at(contents, (groups, strata), 1)
    if len(contents) < len(shares):
        raise ValueError(
            f"{len(contents)} groups cannot be split into {len(shares)} parts, each group whole."
        )
    totals = contents.sum(axis=0)
    lacking = shares[:, None] * totals
    empty = set(range(len(shares)))
    dealt = np.empty(len(contents), int)
    # Large groups first, since small ones can mend the shares; within sizes of like magnitude
    # at random, since the seed would else decide little.
    magnitude = np.floor(np.log2(contents.sum(axis=1)))
    for done, group in enumerate(np.lexsort((random.random(len(contents)), -magnitude))):
        # By how much the squared distance from the wanted counts, relative to them, would fall.
        brought = contents[group] / totals
        need = (((2 * lacking / totals - brought) @ brought) / shares).round(12)
        if len(contents) - done == len(empty):
            need[[part for part in range(len(shares)) if part not in empty]] = -np.inf
        part = int(need.argmax())
        dealt[group] = part
        lacking[part] -= contents[group]
        empty.discard(part)
    return dealt[groups]


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        raise ValueError(f"The table has no column {name!r}; it has {list(table.columns)}.")
    gaps = int(table[name].isna().sum())
    if gaps:
        raise ValueError(f"The column {name!r} has no value in {gaps} of {len(table)} rows.")
    return table[name]


def _check_fractions(fractions: Mapping[str, float]) -> None:
    if len(fractions) < 2:
        raise ValueError(f"fractions={dict(fractions)} names fewer than two parts.")
    if any(share <= 0 for share in fractions.values()):
        raise ValueError(f"fractions={dict(fractions)}: every share must be above 0.")
    total = sum(fractions.values())
    if abs(total - 1) > 1e-6:
        raise ValueError(f"fractions={dict(fractions)} sum to {total:g}; expected 1.")


def _check_every_stratum(labels: np.ndarray, absent: np.ndarray, names: list[str]) -> None:
    if len(absent):
        stratum, part = absent[0]
        label = pd.unique(labels)[stratum]
        raise ValueError(
            f"{label!r} has {(labels == label).sum()} images, too few to leave one for "
            f"{names[part]!r}. Add images, leave it out, or take fewer or larger parts."
        )


def _warn_of_missing(labels: np.ndarray, absent: np.ndarray, names: list[str]) -> None:
    for stratum, part in absent:
        warnings.warn(
            f"{names[part]!r} has no image of {pd.unique(labels)[stratum]!r}: "
            "its groups are too few or too large.",
            stacklevel=4,
        )


def _absent(strata: np.ndarray, parts: np.ndarray, count: int) -> np.ndarray:
    """Return the pairs of a stratum and a part that has nothing of it."""
    there = np.zeros((strata.max() + 1, count), bool)
    there[strata, parts] = True
    return np.argwhere(~there)
