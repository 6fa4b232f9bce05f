"""Averages of several classifiers' probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import true_indices
from .members import stacked_probabilities, with_probabilities

_ROUNDS = 2000
_CLOSE = 1e-7
_SMALLEST_PROBABILITY = 1e-12


def average_predictions(
    members: Sequence[pd.DataFrame], weights: Sequence[float] | np.ndarray | None = None
) -> pd.DataFrame:
    """Average the probabilities of several classifiers for the same images.

    Args:
        members: Tables as `predict_flow` gives them, one a classifier.
        weights: A weight for each, 0 or more; all the same when None. `fit_weights` finds
            good ones on validation data.

    Returns:
        A table of the same form. `Evaluation` measures it.

    Raises:
        ValueError: When the tables' images or classes differ, or the weights do not fit.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> one = prediction_table(["a"], ["yes"], np.array([[0.6, 0.4]]), ["no", "yes"])
        >>> two = prediction_table(["a"], ["yes"], np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> average_predictions([one, two])["predicted"].tolist()
        ['yes']
    """
    probabilities = stacked_probabilities(members)
    shares = np.ones(len(members)) if weights is None else np.asarray(weights, dtype="float64")
    if shares.shape != (len(members),) or (shares < 0).any() or not shares.sum() > 0:
        raise ValueError(
            f"weights needs {len(members)} numbers of 0 or more, not all 0; got {weights}."
        )
    return with_probabilities(members, np.tensordot(shares / shares.sum(), probabilities, axes=1))


def fit_weights(members: Sequence[pd.DataFrame]) -> np.ndarray:
    """Find the weights at which the average's loss is smallest.

    Fit them on validation data, then use them on test data: on the data that a member was
    trained on it looks better than it is.

    Args:
        members: Tables of predictions for validation data, with the true classes known.

    Returns:
        A weight for each member, 0 or more, together 1.

    Raises:
        ValueError: When the tables' images or classes differ, or the truth is unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> good = prediction_table(["a"], ["yes"], np.array([[0.1, 0.9]]), ["no", "yes"])
        >>> bad = prediction_table(["a"], ["yes"], np.array([[0.9, 0.1]]), ["no", "yes"])
        >>> fit_weights([good, bad]).round(3).tolist()
        [1.0, 0.0]

    Source:
        Dempster, Laird and Rubin, Maximum Likelihood from Incomplete Data via the EM
        Algorithm (1977), section 4.3: the proportions of a mixture. The loss is convex in
        them, so there is one minimum.
    """
    true = true_indices(members[0]) if members else np.array([], dtype=int)
    probabilities = stacked_probabilities(members)
    chances = np.maximum(probabilities[:, np.arange(len(true)), true], _SMALLEST_PROBABILITY)
    weights = np.full(len(members), 1 / len(members))
    for _ in range(_ROUNDS):
        parts = weights[:, None] * chances
        better = (parts / parts.sum(axis=0)).mean(axis=1)
        if np.abs(better - weights).max() < _CLOSE:
            break
        weights = better
    return weights / weights.sum()
