"""The columns that tell, in a table of predictions, when not to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .prediction_sets import PredictionSets, join_names

PREDICTION_SET, NONE_OF_THESE, NOVELTY = "prediction_set", "none_of_these", "novelty"
# A class may have one of these names too, so those that stand together are looked for together.
LAYOUTS = (
    (PREDICTION_SET, NONE_OF_THESE, NOVELTY),
    (NONE_OF_THESE, NOVELTY),
    (PREDICTION_SET,),
)


def uncertainty_columns(
    probabilities: np.ndarray,
    names: Sequence[str],
    sets: PredictionSets | None,
    coverage: float | None,
    by_class: bool,
    novelty: np.ndarray | None,
) -> pd.DataFrame:
    """Build the columns `prediction_set`, `none_of_these` and `novelty`.

    Args:
        probabilities: Shape (images, classes); NaN for images that could not be read.
        names: The classes.
        sets: The prediction sets, or None for no such column.
        coverage: The coverage of the sets.
        by_class: Whether it holds for each class.
        novelty: The distance of each image as a multiple of the threshold, or None for no such
            columns.

    Returns:
        One row per image; None in rows of images that could not be read.

    Example:
        >>> values = np.array([[0.9, 0.1], [0.4, 0.6]])
        >>> uncertainty_columns(values, ["a", "b"], None, None, False, np.array([0.5, 2.0]))
          none_of_these  novelty
        0         False      0.5
        1          True      2.0
    """
    columns: dict[str, Any] = {}
    read = np.isfinite(probabilities).all(axis=1)
    if sets is not None and coverage is not None:
        texts = np.full(len(probabilities), None, dtype=object)
        if read.any():
            inside = sets.contains(probabilities[read], coverage, by_class)
            texts[read] = join_names(inside, probabilities[read], names)
        columns[PREDICTION_SET] = pd.Series(texts, dtype=object)
    if novelty is not None:
        known = [bool(score > 1) if good else None for score, good in zip(novelty, read)]
        columns[NONE_OF_THESE] = pd.Series(known, dtype=bool if read.all() else object)
        columns[NOVELTY] = novelty
    return pd.DataFrame(columns, index=range(len(probabilities)))
