"""Copies of images, sorted by what they spoil."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

RELATIONS = ("across splits", "across classes", "within class")


def find_copies(files: pd.DataFrame) -> pd.DataFrame:
    """List each image that has a copy, once for each way in which the two are related.

    Args:
        files: Rows with `filename`, `class`, `split`, `group` and `digest`.

    Returns:
        A table with the columns `filename`, `class`, `split`, `group`, `relation` ("across
        splits", "across classes" in one split, "within class" in one split), `copy` (another
        image so related; a training image where there is one), `copy_class`, `copy_split`
        and `exact` (whether the pixels are equal).

    Example:
        >>> files = pd.DataFrame({"filename": ["a", "b"], "class": "x", "split": ["train", "test"],
        ...     "group": 0, "digest": ["1", "2"]})
        >>> find_copies(files)[["filename", "relation", "copy", "exact"]].values.tolist()
        [['a', 'across splits', 'b', False], ['b', 'across splits', 'a', False]]
    """
    rows: list[tuple[object, ...]] = []
    for _, group in files.groupby("group", sort=False):
        if len(group) > 1:
            rows += list(_of_group(group))
    columns = ["filename", "class", "split", "group", "relation"]
    columns += ["copy", "copy_class", "copy_split", "exact"]
    copies = pd.DataFrame(rows, columns=columns)
    order = copies["relation"].map(RELATIONS.index)
    return copies.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def leaked_shares(files: pd.DataFrame) -> pd.DataFrame:
    """Count for each other split how many of its images stand in training in some shape.

    Args:
        files: Rows with `split` and `group`.

    Returns:
        A table with the columns `split`, `images`, `in_training` and `share` (0 to 1); empty
        when there is no training split or no other.

    Example:
        >>> files = pd.DataFrame({"split": ["train", "test", "test"], "group": [0, 0, 1]})
        >>> leaked_shares(files).values.tolist()
        [['test', 2, 1, 0.5]]
    """
    training = set(files.loc[files["split"].map(is_training), "group"])
    others = files[~files["split"].map(is_training)] if training else files[:0]
    found = others.assign(found=others["group"].isin(training)).groupby("split")["found"]
    table = found.agg(images="size", in_training="sum", share="mean").reset_index()
    return table.astype({"in_training": int})


def is_training(split: str) -> bool:
    """Tell whether a split is for training, by its name.

    Args:
        split: The name.

    Returns:
        True when it begins with "train" in any case of letters.

    Example:
        >>> is_training("TRAIN"), is_training("test")
        (True, False)
    """
    return split.lower().startswith("train")


def _of_group(group: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    # Training images first; two of each split and class stand for the rest, so that the work
    # grows with the images of a group and not with their pairs.
    ordered = group.iloc[(~group["split"].map(is_training)).argsort(kind="stable")]
    keys = ["split", "class"]
    stand_ins = ordered.groupby(keys, sort=False).head(2).to_dict("records")
    equal = ordered.groupby([*keys, "digest"], sort=False).head(2).groupby("digest")
    same = {digest: rows.to_dict("records") for digest, rows in equal}
    for image in group.to_dict("records"):
        others = same[image["digest"]] + stand_ins
        for relation in RELATIONS:
            for other in others:
                if _relation(image, other) == relation:
                    yield (
                        *(image[name] for name in ("filename", "class", "split", "group")),
                        relation,
                        *(other[name] for name in ("filename", "class", "split")),
                        image["digest"] == other["digest"],
                    )
                    break


def _relation(one: dict[Hashable, Any], other: dict[Hashable, Any]) -> str | None:
    if one["filename"] == other["filename"]:
        return None
    if one["split"] != other["split"]:
        return "across splits"
    return "across classes" if one["class"] != other["class"] else "within class"
