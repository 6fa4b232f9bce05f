"""Metrics of predicted numbers, by scikit-learn and SciPy, and those of many bootstrap samples.

A sample only changes how often each image counts, never the order of the numbers. So images are
sorted once, and medians and ranks follow from sums along that order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn import metrics as sk

METRICS = ("mae", "rmse", "median_absolute_error", "r2", "spearman")


def regression_metrics(
    true: Sequence[float] | pd.Series, predicted: Sequence[float] | pd.Series
) -> dict[str, float]:
    """Measure predicted numbers.

    Args:
        true: The true numbers, shape (images,).
        predicted: The predicted ones.

    Returns:
        `mae` (the mean absolute error), `rmse` (the root of the mean squared error) and
        `median_absolute_error`, all in the unit of the numbers; `r2` (1 is perfect, 0 is no better
        than their mean) and `spearman` (the correlation of the ranks, -1..1). The last two are NaN
        where all true numbers are equal.

    Example:
        >>> {name: round(value, 2)
        ...  for name, value in regression_metrics([1, 2, 3], [1, 2, 4]).items()}
        {'mae': 0.33, 'rmse': 0.58, 'median_absolute_error': 0.0, 'r2': 0.5, 'spearman': 1.0}
    """
    one, other = np.asarray(true, float), np.asarray(predicted, float)
    varied = bool(np.ptp(one))
    values = [
        sk.mean_absolute_error(one, other),
        sk.root_mean_squared_error(one, other),
        sk.median_absolute_error(one, other),
        sk.r2_score(one, other) if varied else np.nan,
        spearmanr(one, other).statistic if varied and np.ptp(other) else np.nan,
    ]
    return dict(zip(METRICS, map(float, values)))


class ResampledMetrics:
    """The metrics of samples of groups.

    Args:
        true: The true numbers, shape (images,).
        predicted: The predicted ones.
        group_of: The number of each image's group.

    Attributes:
        groups: The number of groups.

    Example:
        >>> measures = ResampledMetrics(np.array([1., 2, 3]), np.array([1., 2, 4]), np.arange(3))
        >>> measures(np.ones((1, 3))).round(2)
        array([[0.33, 0.58, 0.  , 0.5 , 1.  ]])
    """

    def __init__(self, true: np.ndarray, predicted: np.ndarray, group_of: np.ndarray) -> None:
        self.groups = int(group_of.max()) + 1
        self._group_of = group_of
        errors = np.abs(predicted - true)
        self._order = np.argsort(errors, kind="stable")
        self._errors = errors[self._order]
        # Centered, so that sums of squares lose no digits.
        centered = true - true.mean()
        sums = np.column_stack([np.ones(len(true)), errors, errors**2, centered, centered**2])
        self._sums = pd.DataFrame(sums).groupby(group_of).sum().to_numpy()
        self._places = [_Places(true), _Places(predicted)]

    def __call__(self, samples: np.ndarray, done: int = 0) -> np.ndarray:
        """Measure samples of shape (samples, groups): shape (samples, metrics)."""
        count, absolute, squared, first, second = (samples @ self._sums).T
        spread = second - first**2 / count
        weights = samples[:, self._group_of]
        ranks = [places.ranks(weights) for places in self._places]
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
            spearman = _correlation(ranks[0], ranks[1], weights)
        return np.column_stack(
            [absolute / count, np.sqrt(squared / count), self._median(weights), r2, spearman]
        )

    def _median(self, weights: np.ndarray) -> np.ndarray:
        """Return the median of the errors, of an even number the mean of the two in the middle."""
        through = weights[:, self._order].cumsum(axis=1)
        count = through[:, -1:]
        middle = [
            self._errors[(through > place).argmax(axis=1)]
            for place in ((count - 1) // 2, count // 2)
        ]
        return (middle[0] + middle[1]) / 2


class _Places:
    """The order of some numbers, with ties."""

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._below = np.searchsorted(ordered, values, "left")
        self._through = np.searchsorted(ordered, values, "right")

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean rank of each value, where each counts as often as its weight."""
        sums = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(weights[:, self._order], axis=1, out=sums[:, 1:])
        return (sums[:, self._below] + sums[:, self._through] + 1) / 2


def _correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    count = weights.sum(axis=1, keepdims=True)
    one, other = (
        each - (weights * each).sum(axis=1, keepdims=True) / count for each in (first, second)
    )
    product = (weights * one * other).sum(axis=1)
    return product / np.sqrt((weights * one**2).sum(axis=1) * (weights * other**2).sum(axis=1))
