"""Combining the predictions of several classifiers for the same images.

These work on tables of predictions, wherever they come from; `Ensemble` applies them to trained
members.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import predicted_indices, true_indices
from .members import stacked_probabilities, with_probabilities

_MAX_ITERATIONS = 2000
_TOLERANCE = 1e-7
_SMALLEST_PROBABILITY = 1e-12


def average_predictions(
    members: Sequence[pd.DataFrame], weights: Sequence[float] | np.ndarray | None = None
) -> pd.DataFrame:
    """Average the probabilities of several classifiers for the same images (soft voting).

    Args:
        members: Tables as returned by `predict_flow`, one per classifier.
        weights: One weight per classifier, 0 or more; all equal if None. `fit_weights` finds
            good ones on validation data.

    Returns:
        A table of the same form, ready for `Evaluation`.

    Raises:
        ValueError: If the tables' images or classes differ, or the weights do not fit.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> one = prediction_table(["a"], ["yes"], np.array([[0.6, 0.4]]), ["no", "yes"])
        >>> two = prediction_table(["a"], ["yes"], np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> average_predictions([one, two])["predicted"].tolist()
        ['yes']
    """
    probabilities = stacked_probabilities(members)
    shares = _shares(members, weights)
    return with_probabilities(members, np.tensordot(shares, probabilities, axes=1))


def vote(
    members: Sequence[pd.DataFrame], weights: Sequence[float] | np.ndarray | None = None
) -> pd.DataFrame:
    """Count one weighted vote per classifier, for its most probable class (hard voting).

    Args:
        members: Tables of predictions for the same images, one per classifier.
        weights: One weight per classifier, 0 or more; all equal if None.

    Returns:
        A table of the same form; the probabilities are the shares of the votes.

    Raises:
        ValueError: If the tables' images or classes differ, or the weights do not fit.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> one = prediction_table(["a"], None, np.array([[0.6, 0.4]]), ["no", "yes"])
        >>> two = prediction_table(["a"], None, np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> vote([one, two], [1.0, 3.0])["yes"].tolist()
        [0.75]
    """
    shape = stacked_probabilities(members).shape
    votes = np.zeros(shape[1:])
    for member, share in zip(members, _shares(members, weights)):
        votes[np.arange(shape[1]), predicted_indices(member)] += share
    return with_probabilities(members, votes)


def fit_weights(members: Sequence[pd.DataFrame]) -> np.ndarray:
    """Find the weights that minimize the cross-entropy of the weighted average.

    Fit them on validation data: on its own training data, a member looks better than it is.

    Args:
        members: Tables of predictions for validation data, with the true classes.

    Returns:
        One weight per member, shape (members,), 0 or more, with sum 1.

    Raises:
        ValueError: If the tables' images or classes differ, or the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> good = prediction_table(["a"], ["yes"], np.array([[0.1, 0.9]]), ["no", "yes"])
        >>> bad = prediction_table(["a"], ["yes"], np.array([[0.9, 0.1]]), ["no", "yes"])
        >>> fit_weights([good, bad]).round(3).tolist()
        [1.0, 0.0]

    Source:
        Dempster, Laird and Rubin, Maximum Likelihood from Incomplete Data via the EM
        Algorithm (1977), section 4.3: the proportions of a mixture. The loss is convex in
        them, so it has one minimum.
    """
    probabilities = stacked_probabilities(members)
    true = true_indices(members[0])
    likelihoods = np.maximum(probabilities[:, np.arange(len(true)), true], _SMALLEST_PROBABILITY)
    weights = np.full(len(members), 1 / len(members))
    for _ in range(_MAX_ITERATIONS):
        joint = weights[:, None] * likelihoods
        updated = (joint / joint.sum(axis=0)).mean(axis=1)
        if np.abs(updated - weights).max() < _TOLERANCE:
            break
        weights = updated
    return weights / weights.sum()


def _shares(
    members: Sequence[pd.DataFrame], weights: Sequence[float] | np.ndarray | None
) -> np.ndarray:
    """Return the weights scaled to sum 1, shape (members,)."""
    values = np.ones(len(members)) if weights is None else np.asarray(weights, dtype="float64")
    if values.shape != (len(members),) or not (values >= 0).all() or not values.sum() > 0:
        raise ValueError(
            f"Expected {len(members)} weights of 0 or more, and one above 0. Received: {weights}."
        )
    return values / values.sum()
