"""How often prediction sets hold the true class, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..models.uncertainty.prediction_sets import PredictionSets
from .bootstrap import share_intervals
from .prediction_table import class_names_of, probabilities_of, true_indices

if TYPE_CHECKING:
    from .evaluation import Evaluation

COVERAGES = (0.8, 0.9, 0.95)


def fit_sets(evaluation: Evaluation, method: str = "lac") -> PredictionSets:
    """Score the images of an evaluation, for prediction sets on others.

    Args:
        evaluation: Of images that nothing of the classifier was learned or chosen from.
        method: `"lac"` or `"aps"`, as in `PredictionSets`.

    Returns:
        The prediction sets.

    Raises:
        ValueError: If the true classes are unknown, or the method is.

    Example:
        >>> from pykeras_tl.evaluation import Evaluation, prediction_table
        >>> values = np.array([[0.75, 0.25], [0.5, 0.5]])
        >>> table = prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"])
        >>> fit_sets(Evaluation(table)).scores.tolist()
        [0.25, 0.5]
    """
    predictions = evaluation.predictions
    return PredictionSets.fit(
        probabilities_of(predictions), true_indices(predictions), evaluation.groups, method
    )


def coverage_table(
    evaluation: Evaluation,
    sets: PredictionSets,
    coverages: Sequence[float] = COVERAGES,
    by_class: bool = False,
) -> pd.DataFrame:
    """Measure prediction sets on images other than those that they were calibrated on.

    Args:
        evaluation: The evaluation on these images.
        sets: The prediction sets, such as `classifier.prediction_sets`.
        coverages: The promised coverages, each between 0 and 1.
        by_class: Whether it was promised for each class.

    Returns:
        One row per coverage: `promised`; `measured` (the share of images whose set holds the true
        class) with its 95 % interval `low` and `high`, by group; `mean_size` (classes in a set);
        `single` (the share of sets of one class); and the class that is covered least,
        `lowest_class`, with its share `lowest`.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import Evaluation, prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
        >>> table = prediction_table(list("abcd"), ["x", "y", "y", "x"], values, ["x", "y"])
        >>> evaluation = Evaluation(table)
        >>> found = coverage_table(evaluation, fit_sets(evaluation), [0.5, 0.8])
        >>> found[["promised", "measured", "mean_size", "single"]]
           promised  measured  mean_size  single
        0       0.5      0.75       1.00    1.00
        1       0.8      1.00       1.25    0.75
    """
    names, true = class_names_of(evaluation.predictions), true_indices(evaluation.predictions)
    probabilities, rows = probabilities_of(evaluation.predictions), np.arange(len(true))
    inside = [sets.contains(probabilities, each, by_class) for each in coverages]
    hits = np.stack([each[rows, true] for each in inside], axis=1).astype(float)
    measured = share_intervals(hits, np.ones_like(hits), evaluation.groups, repeats=1000)
    of_class = pd.DataFrame(hits).groupby(true).mean()
    return pd.DataFrame(
        {
            "promised": list(coverages),
            "measured": measured["value"],
            "low": measured["low"],
            "high": measured["high"],
            "mean_size": [each.sum(axis=1).mean() for each in inside],
            "single": [(each.sum(axis=1) == 1).mean() for each in inside],
            "lowest_class": [names[number] for number in of_class.idxmin()],
            "lowest": of_class.min().to_numpy(),
        }
    )
