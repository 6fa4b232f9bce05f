"""Statistics over repeats and folds: means with intervals, and paired comparisons."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from ...evaluation.bootstrap import WITHIN

_POWER = 0.8
_LEVEL = 0.95
_MOST_REPEATS = 10_000
# Two results are paired if these agree: the same images and the same random numbers.
_SHARED = ["seed", "fold", "images"]


def summary_table(results: pd.DataFrame) -> pd.DataFrame:
    """Summarize each metric of each trial over its repeats and folds.

    Args:
        results: One row for each number, as `tidy_table` and `read_runs` return them.

    Returns:
        One row for each trial and metric: `study`, `trial`, `metric`, `runs`, `mean`, `sd`, and
        `low` and `high`, the 95 % interval of the mean by Student's t; the last three are
        missing if there is only one run.

    Example:
        >>> rows = [("s", "a", seed, 0, "accuracy", value) for seed, value in enumerate([0.4, 0.6])]
        >>> columns = ["study", "trial", "seed", "fold", "metric", "value"]
        >>> summary_table(pd.DataFrame(rows, columns=columns))[["runs", "mean"]].values.tolist()
        [[2.0, 0.5]]
    """
    rows = []
    for (study, trial, metric), group in results.groupby(["study", "trial", "metric"], sort=False):
        values = group["value"].to_numpy("float64")
        rows.append((study, trial, metric, len(values), *_mean_and_interval(values)))
    return pd.DataFrame(
        rows, columns=["study", "trial", "metric", "runs", "mean", "sd", "low", "high"]
    )


def paired_comparisons(results: pd.DataFrame, metric: str = "test accuracy") -> pd.DataFrame:
    """Compare all pairs of trials over the repeats and folds that they share.

    Runs are shared if the seed, the fold and the images evaluated on are the same. The interval
    and p are those of the paired t-test. Repeats that split the same images at random are not
    independent, so the interval is too narrow and p too small.

    Args:
        results: One row for each number, as `tidy_table` and `read_runs` return them.
        metric: The metric to compare.

    Returns:
        One row for each pair of trials with at least two shared runs: `trial`, `other`,
        `pairs`, `difference` (the first mean minus the second), `sd` of the differences, the
        95 % interval `low` and `high` of the difference, `p`, `pairs_needed`: the number of
        pairs at which a difference of this size is detected with a power of 80 % (missing if
        there is no difference, or above 10,000), and the `conclusion`: "higher", "lower", or
        "within the interval" if the runs show no difference.

    Raises:
        ValueError: If no trial has the metric; the message lists the known ones.

    Example:
        >>> rows = [(trial, seed, seed / 10 + (trial == "a") * (0.1 + seed / 100))
        ...         for trial in "ab" for seed in range(3)]
        >>> table = pd.DataFrame(rows, columns=["trial", "seed", "value"])
        >>> table = table.assign(study="s", fold=0, images="p", metric="test accuracy")
        >>> paired_comparisons(table)[["pairs", "difference"]].round(3).values.tolist()
        [[3.0, 0.11]]
    """
    chosen = results[results["metric"] == metric]
    if chosen.empty:
        known = ", ".join(dict.fromkeys(results["metric"])) or "none"
        raise ValueError(f"Unknown metric {metric!r}. Known metrics: {known}.")
    wide = chosen.pivot_table(index=_SHARED, columns="trial", values="value")
    rows = []
    for first, second in combinations(dict.fromkeys(chosen["trial"]), 2):
        differences = (wide[first] - wide[second]).dropna().to_numpy()
        if len(differences) > 1:
            mean, sd, low, high = _mean_and_interval(differences)
            p, needed = _p(differences), _pairs_needed(mean, sd)
            conclusion = "higher" if low > 0 else "lower" if high < 0 else WITHIN
            numbers = (len(differences), mean, sd, low, high, p, needed)
            rows.append((first, second, *numbers, conclusion))
    return pd.DataFrame(
        rows,
        columns=[
            *("trial", "other", "pairs", "difference", "sd", "low", "high", "p", "pairs_needed"),
            "conclusion",
        ],
    )


def _mean_and_interval(values: np.ndarray) -> tuple[float, float, float, float]:
    """Return the mean, the standard deviation and the 95 % interval of the mean."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.nan, math.nan, math.nan
    if np.ptp(values) == 0:
        return mean, 0.0, mean, mean
    interval = stats.ttest_1samp(values, 0).confidence_interval(_LEVEL)
    return mean, float(values.std(ddof=1)), float(interval.low), float(interval.high)


def _p(differences: np.ndarray) -> float:
    # Without deviation, t is 0 / 0 or infinite.
    if np.ptp(differences) == 0:
        return 1.0 if differences[0] == 0 else 0.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def _pairs_needed(mean: float, sd: float) -> float:
    """Return the smallest number of pairs at which the paired t-test reaches the power."""
    if mean == 0:
        return math.nan
    if sd == 0:
        return 2
    number = np.arange(2, _MOST_REPEATS + 1)
    shift = abs(mean) / sd * np.sqrt(number)
    limit = stats.t.ppf((1 + _LEVEL) / 2, number - 1)
    enough = np.flatnonzero(stats.nct.sf(limit, number - 1, shift) >= _POWER)
    return float(number[enough[0]]) if len(enough) else math.nan
