"""Sensitivity and specificity of one class at a threshold that was chosen on other images."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ..bootstrap import share_intervals
from .curves import class_against_others

MEASURES = ("sensitivity", "specificity", "ppv", "npv")
_ROUNDING = 1e-12


def choose_threshold(
    predictions: pd.DataFrame,
    class_name: str,
    sensitivity: float | None = None,
    specificity: float | None = None,
) -> float:
    """Choose from which probability on an image is taken for a class.

    Choose it on validation images and measure it on test images, with `at_threshold`: on the
    images that it was chosen on, it looks better than it is.

    Args:
        predictions: Predictions for validation images, with the true classes.
        class_name: The class of interest, which is told from all others.
        sensitivity: The share of its images that must be found, 0..1.
        specificity: The share of the other images that must not be taken for it, 0..1. With
            neither, the sum of both is made as large as possible (Youden's index).

    Returns:
        The threshold, 0..1. Of several, that with the best of the other measure, and the
        highest of these.

    Raises:
        ValueError: If both are given, one is out of range, or there is no such class or no image
            of it or of others.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> ill = np.array([0.9, 0.6, 0.3, 0.4, 0.2, 0.1])
        >>> true = ["ill"] * 3 + ["well"] * 3
        >>> values = np.stack([ill, 1 - ill], axis=1)
        >>> table = prediction_table(list("abcdef"), true, values, ["ill", "well"])
        >>> round(choose_threshold(table, "ill"), 2)
        0.6
        >>> round(choose_threshold(table, "ill", sensitivity=0.95), 2)
        0.3

    Source:
        Youden, Index for Rating Diagnostic Tests (1950).
    """
    if sensitivity is not None and specificity is not None:
        raise ValueError("Expected sensitivity or specificity. Received: both.")
    for name, value in (("sensitivity", sensitivity), ("specificity", specificity)):
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"Expected {name} to be from 0 to 1. Received: {value}.")
    positive, scores = class_against_others(predictions, class_name)
    # The first point is above all probabilities, where no image is found.
    false, true, thresholds = (
        points[1:] for points in sk.roc_curve(positive, scores, drop_intermediate=False)
    )
    if sensitivity is not None:
        reached = true >= sensitivity - _ROUNDING
        merit = np.where(reached, 1 - false, -1.0)
    elif specificity is not None:
        reached = 1 - false >= specificity - _ROUNDING
        # Where even the highest probability is that of another image, no image is found.
        if not reached.any():
            return float(np.nextafter(scores.max(), 2))
        merit = np.where(reached, true, -1.0)
    else:
        merit = true - false
    # Thresholds fall, so the first of the best is the highest.
    return float(thresholds[np.flatnonzero(merit >= merit.max() - _ROUNDING)[0]])


def at_threshold(
    predictions: pd.DataFrame,
    class_name: str,
    threshold: float,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure how a class is told from the others at a threshold.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        class_name: The class of interest.
        threshold: From this probability on an image is taken for the class, 0..1.
        groups: The group of each image, as for `confidence_intervals`.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        The columns `measure`, `value`, `low`, `high` and `images` (of how many images it is a
        share), with a row for `sensitivity` (of the images of the class, how many are found),
        `specificity` (of the others, how many are not taken for it), `ppv` and `npv` (positive and
        negative predictive value: of those taken for the class, or not, how many rightly; they
        depend on how frequent the class is among these images).

    Raises:
        ValueError: If there is no such class, or no image of it or of others.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> ill = np.array([0.9, 0.6, 0.3, 0.4, 0.2, 0.1])
        >>> values = np.stack([ill, 1 - ill], axis=1)
        >>> true = ["ill"] * 3 + ["well"] * 3
        >>> table = prediction_table(list("abcdef"), true, values, ["ill", "well"])
        >>> at_threshold(table, "ill", 0.35)[["measure", "value", "images"]].round(2)
               measure  value  images
        0  sensitivity   0.67       3
        1  specificity   0.67       3
        2          ppv   0.67       3
        3          npv   0.67       3
    """
    positive, scores = class_against_others(predictions, class_name)
    found = scores >= threshold
    shares = {
        "sensitivity": (positive & found, positive),
        "specificity": (~positive & ~found, ~positive),
        "ppv": (positive & found, found),
        "npv": (~positive & ~found, ~found),
    }
    numerators, denominators = (
        np.stack(each, axis=1).astype(float) for each in zip(*shares.values())
    )
    table = share_intervals(numerators, denominators, groups, level, repeats, seed)
    table.insert(0, "measure", list(shares))
    return table.assign(images=denominators.sum(axis=0).astype(int))
