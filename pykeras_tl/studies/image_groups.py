"""What belongs together among the images of a study: given groups, or copies that were found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from ..images.datasets.array_files import index_column
from ..images.datasets.splits import groups_from_names
from ..images.duplicates import find_originals
from .trial import TRAINED_ON

if TYPE_CHECKING:
    from ..evaluation import Evaluation
    from ..models.saving.classifier import Classifier

_GROUP, _ORIGINAL = "group", "original"
_COPIES = "copies"
_logger = logging.getLogger(__name__)


def add_groups(table: pd.DataFrame, groups: str | None) -> tuple[pd.DataFrame, str | None]:
    """Find what belongs together, as the setting `groups` of a split says.

    Args:
        table: Images, with the column `filename`.
        groups: `"copies"`, which searches for copies of one image, a pattern for
            `groups_from_names`, or None.

    Returns:
        The table with the column `original` or `group`, and the name of that column; the table
        itself and None without groups.

    Example:
        >>> table, column = add_groups(pd.DataFrame({"filename": ["P1_a.png", "P1_b.png"]}), r"P1")
        >>> column, table["group"].tolist()
        ('group', ['P1', 'P1'])
    """
    if groups is None:
        return table, None
    if groups != _COPIES:
        return groups_from_names(table, groups), _GROUP
    originals = find_originals(table)
    return (table, None) if originals is None else (table.assign(original=originals), _ORIGINAL)


def with_originals(
    splits: Mapping[str, Mapping[str, pd.DataFrame]],
) -> dict[str, dict[str, pd.DataFrame]]:
    """Search the images of all splits for copies of each other, once.

    Args:
        splits: The tables of images of each split of each set of splits. Sets with the column
            `group` stay as they are.

    Returns:
        The tables, with the column `original`: the name of the image that each is a copy of. No
        such column if an image cannot be read.

    Example:
        >>> from pykeras_tl.images.synthetic import generate_blood_cells
        >>> from pykeras_tl.studies.data_splits import split_tables
        >>> folder = generate_blood_cells("cells", 1, 1, 0, size=(60, 80))
        >>> tables = split_tables(folder, train="TRAIN", test="TEST")
        >>> searched = with_originals({"published": tables})
        >>> searched["published"]["test"]["original"].nunique()
        4
    """
    sets = {name: dict(tables) for name, tables in splits.items()}
    to_search = [
        name for name, tables in sets.items() if not any(map(_grouped_by, tables.values()))
    ]
    if not to_search:
        return sets
    everything = pd.concat([table for name in to_search for table in sets[name].values()])
    column = index_column(everything)
    keys = ["filename", *([column] if column else [])]
    images = everything[keys].drop_duplicates().reset_index(drop=True)
    try:
        originals = find_originals(images)
    except OSError as error:
        # A trial of few steps may never read the bad image; its results are valid.
        _logger.info("Copies are not searched for: %s", error)
        return sets
    if originals is not None:
        images = images.assign(**{_ORIGINAL: originals})
        for name in to_search:
            sets[name] = {
                split: table.merge(images, on=keys, how="left", validate="many_to_one")
                for split, table in sets[name].items()
            }
    return sets


def _grouped_by(table: pd.DataFrame) -> str | None:
    return next((name for name in (_GROUP, _ORIGINAL) if name in table), None)


def groups_of(table: pd.DataFrame) -> tuple[list[str] | None, bool]:
    """Return the group of each image, and whether the groups are those of copies.

    Args:
        table: The images of a split, with the column `group` or `original` if there are groups.

    Returns:
        The groups in the table's order, None if the images are independent; and whether they
        are copies.

    Example:
        >>> groups_of(pd.DataFrame({"filename": ["a.png"], "group": [7]}))
        (['7'], False)
    """
    column = _grouped_by(table)
    return None if column is None else table[column].astype(str).tolist(), column == _ORIGINAL


def evaluate_by_groups(classifier: Classifier, table: pd.DataFrame) -> Evaluation:
    """Evaluate a classifier on a split whose groups are known.

    Args:
        classifier: The classifier.
        table: The images, as for `groups_of`, with the column `class`.

    Returns:
        The evaluation, whose intervals are by group.
    """
    from ..evaluation import evaluate_classifier

    groups, copies = groups_of(table)
    evaluation = evaluate_classifier(classifier, table, groups=None)
    return replace(evaluation, groups=groups, groups_are_copies=copies)


def split_sizes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the images and the groups of each split, and those that are in training too.

    Args:
        tables: A table of images for each split, `train` among them.

    Returns:
        The columns `split`, `images`, `distinct` (or `groups`, if they are not copies) and `in
        training` (images that have a copy, or others of their group, there).

    Example:
        >>> train = pd.DataFrame({"filename": ["a", "b"], "original": ["a", "a"]})
        >>> test = pd.DataFrame({"filename": ["c", "d"], "original": ["a", "d"]})
        >>> split_sizes({"train": train, "test": test})
           split  images  distinct  in training
        0  train       2         1            0
        1   test       2         2            1
    """
    groups = {split: groups_of(table)[0] for split, table in tables.items()}
    training = {group for split in TRAINED_ON for group in groups.get(split) or ()}
    copies = any(groups_of(table)[1] for table in tables.values())
    counts = [
        (split, len(table), len(set(found)), 0 if split in TRAINED_ON else _among(found, training))
        for split, table in tables.items()
        for found in [groups[split] or [*map(str, range(len(table)))]]
    ]
    columns = ["split", "images", "distinct" if copies else "groups", "in training"]
    return pd.DataFrame(counts, columns=columns)


def describe_images(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Count the images of each split and class for the model card.

    Args:
        tables: A table of images for each split, with the columns `filename` and `class`.

    Returns:
        Tables by caption: what `split_sizes` returns, and the images by class and split.

    Example:
        >>> train = pd.DataFrame({"filename": ["a", "b"], "class": ["cat", "dog"]})
        >>> describe_images({"train": train})["Images of each class"]
          class  train
        0   cat      1
        1   dog      1
    """
    counts = {split: table["class"].value_counts() for split, table in tables.items()}
    by_class = pd.DataFrame(counts).fillna(0).astype(int).sort_index()
    by_class = by_class.rename_axis("class").reset_index()
    return {"Images of each split": split_sizes(tables), "Images of each class": by_class}


def _among(groups: list[str], training: set[str]) -> int:
    return sum(group in training for group in groups)
