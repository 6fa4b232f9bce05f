"""Copies of images, classified by the harm they do."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

RELATIONS = ("across splits", "across classes", "within class")


def find_copies(files: pd.DataFrame) -> pd.DataFrame:
    """List the images that have copies, once for each relation to a copy.

    Args:
        files: A table with the columns `filename`, `class`, `split`, `group` and `digest`.

    Returns:
        A table with the columns `filename`, `class`, `split`, `group`, `relation` ("across
        splits", or within one split "across classes" or "within class"), `copy` (an image with
        this relation, from training if possible), `copy_class`, `copy_split` and `exact`
        (whether the pixels are equal).

    Example:
        >>> files = pd.DataFrame({"filename": ["a", "b"], "class": "x", "split": ["train", "test"],
        ...     "group": 0, "digest": ["1", "2"]})
        >>> find_copies(files)[["filename", "relation", "copy", "exact"]].values.tolist()
        [['a', 'across splits', 'b', False], ['b', 'across splits', 'a', False]]
    """
    rows: list[tuple[object, ...]] = []
    copied = files[files["group"].duplicated(keep=False)]
    for _, group in copied.groupby("group", sort=False):
        rows += list(_of_group(group))
    columns = ["filename", "class", "split", "group", "relation"]
    columns += ["copy", "copy_class", "copy_split", "exact"]
    copies = pd.DataFrame(rows, columns=columns)
    order = copies["relation"].map(RELATIONS.index)
    return copies.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def leaked_shares(files: pd.DataFrame) -> pd.DataFrame:
    """Count the images of each other split that have a copy in training.

    Args:
        files: A table with the columns `split` and `group`.

    Returns:
        A table with the columns `split`, `images`, `in_training` and `share` (0 to 1). It is
        empty if there is no training split, or no other split.

    Example:
        >>> files = pd.DataFrame({"split": ["train", "test", "test"], "group": [0, 0, 1]})
        >>> leaked_shares(files).values.tolist()
        [['test', 2, 1, 0.5]]
    """
    training = set(files.loc[files["split"].map(is_training), "group"])
    others = files[~files["split"].map(is_training)] if training else files[:0]
    leaked = others.assign(leaked=others["group"].isin(training)).groupby("split")["leaked"]
    table = leaked.agg(images="size", in_training="sum", share="mean").reset_index()
    return table.astype({"in_training": int})


def is_training(split: str) -> bool:
    """Return whether a split is for training: whether its name begins with "train".

    Args:
        split: The name, in upper or lower case.

    Returns:
        True if it is for training.

    Example:
        >>> is_training("TRAIN"), is_training("test")
        (True, False)
    """
    return split.lower().startswith("train")


def _of_group(group: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    # Training images first. Two images represent each split and class, so that the work grows
    # with the number of images in a group and not with the number of pairs.
    ordered = group.iloc[(~group["split"].map(is_training)).argsort(kind="stable")]
    keys = ["split", "class"]
    representatives = ordered.groupby(keys, sort=False).head(2).to_dict("records")
    equal = ordered.groupby([*keys, "digest"], sort=False).head(2).groupby("digest")
    same = {digest: rows.to_dict("records") for digest, rows in equal}
    for image in group.to_dict("records"):
        others = same[image["digest"]] + representatives
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
