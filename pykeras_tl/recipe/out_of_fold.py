"""Probabilities of each image by linear probes that did not learn from it, nor from its group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..images.datasets.splits import k_folds
from ..training.linear_probe import REGULARIZATION, Probe, ProbeData

FOLDS = 5
# Chosen by no set of images: the middle of those that are tried where there are enough.
STRENGTH = sorted(REGULARIZATION)[len(REGULARIZATION) // 2]


def out_of_fold_probabilities(
    table: pd.DataFrame, column: str | None, data: ProbeData, classes: int, seed: int, repeats: int
) -> np.ndarray:
    """Cross-validate a linear probe.

    Args:
        table: The images, with the columns `filename` and `class`.
        column: The column whose equal values stay in one fold, or None.
        data: Features and classes of the images, in the table's order.
        classes: Number of classes.
        seed: Seeds the folds.
        repeats: How often to do it, each time with other folds.

    Returns:
        The mean probabilities, shape (images, classes).

    Raises:
        ValueError: If a class has fewer than two distinct images.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcdefgh"), "class": list("xyxyxyxy")})
        >>> data = ProbeData(np.array([[1.0], [5.0]] * 4), np.array([0, 1] * 4))
        >>> out_of_fold_probabilities(table, None, data, 2, 0, 1).argmax(axis=1)
        array([0, 1, 0, 1, 0, 1, 0, 1])
    """
    folds = min(FOLDS, smallest_class(table, column))
    if folds < 2:
        raise ValueError(
            "Expected at least two distinct images of each class. Received: a class with one."
        )
    total = np.zeros((len(table), classes))
    for repeat in range(repeats):
        split = k_folds(table, folds, groups=column, seed=seed + repeat)["fold"].to_numpy()
        for fold in range(1, folds + 1):
            rest = split != fold
            probe = Probe(ProbeData(data.features[rest], data.classes[rest]), STRENGTH, classes)
            total[~rest] += probe.predict(data.features[~rest])
    return total / repeats


def smallest_class(table: pd.DataFrame, column: str | None) -> int:
    """Return how many distinct images the smallest class has.

    Args:
        table: The images, with the column `class`.
        column: The column of groups, or None.

    Returns:
        The number.

    Example:
        >>> smallest_class(pd.DataFrame({"class": list("xxy"), "group": [1, 1, 2]}), "group")
        1
    """
    rows = table.drop_duplicates(["class", column]) if column else table
    return int(rows["class"].value_counts().min())
