"""Statistics over repeats and folds: means with intervals, and trials compared in pairs."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd

_POWER = 0.8
_LEVEL = 0.95
_MOST_REPEATS = 10_000
# What makes two results a pair: the same images and the same chance.
_SHARED = ["seed", "fold", "images"]


def summary_table(results: pd.DataFrame) -> pd.DataFrame:
    """Summarize each metric of each trial over its repeats and folds.

    Args:
        results: A row each number, as `tidy_table` and `read_runs` make it.

    Returns:
        A row each trial and metric: `study`, `trial`, `metric`, `runs`, `mean`, `sd`, and `low`
        and `high`, the mean's 95 % interval by Student's t; the last three are missing where
        there is one run.

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
    """Compare every two trials over the repeats and folds that they share.

    Runs are shared where seed, fold and the images measured on are the same. The interval and
    p are those of the paired t-test. Repeats that draw their splits from the same images are
    not independent, so that both flatter the difference.

    Args:
        results: A row each number, as `tidy_table` and `read_runs` make it.
        metric: The number to compare.

    Returns:
        A row each pair with two shared runs or more: `trial`, `other`, `pairs`, `difference`
        (the first's mean minus the second's), `sd` of the differences, its 95 % interval `low`
        and `high`, `p`, and `pairs_needed`: how many a difference of this size would need to be
        found with a chance of 80 % (missing where there is no difference, or above 10,000).

    Raises:
        ValueError: When no trial has the metric; the message lists those there are.

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
        raise ValueError(f"There is no metric {metric!r}; there are: {known}.")
    wide = chosen.pivot_table(index=_SHARED, columns="trial", values="value")
    rows = []
    for first, second in combinations(dict.fromkeys(chosen["trial"]), 2):
        differences = (wide[first] - wide[second]).dropna().to_numpy()
        if len(differences) > 1:
            mean, sd, low, high = _mean_and_interval(differences)
            p, needed = _p(mean, sd, len(differences)), _pairs_needed(mean, sd)
            rows.append((first, second, len(differences), mean, sd, low, high, p, needed))
    return pd.DataFrame(
        rows,
        columns=[
            *("trial", "other", "pairs", "difference", "sd", "low", "high", "p", "pairs_needed")
        ],
    )


def _mean_and_interval(values: np.ndarray) -> tuple[float, float, float, float]:
    from scipy import stats

    mean, number = float(values.mean()), len(values)
    if number < 2:
        return mean, math.nan, math.nan, math.nan
    sd = float(values.std(ddof=1))
    reach = float(stats.t.ppf((1 + _LEVEL) / 2, number - 1)) * sd / math.sqrt(number)
    return mean, sd, mean - reach, mean + reach


def _p(mean: float, sd: float, number: int) -> float:
    from scipy import stats

    if sd == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / sd * math.sqrt(number), number - 1))


def _pairs_needed(mean: float, sd: float) -> float:
    """Return the smallest number of pairs at which the paired t-test has the power."""
    from scipy import stats

    if mean == 0:
        return math.nan
    if sd == 0:
        return 2
    number = np.arange(2, _MOST_REPEATS + 1)
    shift = abs(mean) / sd * np.sqrt(number)
    limit = stats.t.ppf((1 + _LEVEL) / 2, number - 1)
    enough = np.flatnonzero(stats.nct.sf(limit, number - 1, shift) >= _POWER)
    return float(number[enough[0]]) if len(enough) else math.nan
