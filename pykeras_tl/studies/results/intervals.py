"""The accuracy of each trial with its interval, and whether it differs from the best trial's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...evaluation.bootstrap import FIRST, SECOND
from ...evaluation.evaluation import Evaluation
from ...storage.atomic_files import atomic_file
from .trial_results import TrialResult, by_name

_COLUMNS = ["split", "trial", "size", "accuracy", "low", "high"]
_DIFFERENCE = ["difference", "difference_low", "difference_high", "conclusion"]


def interval_table(results: Sequence[TrialResult]) -> pd.DataFrame:
    """Return the accuracy of each trial on each split, with bootstrap intervals by group.

    All runs of a trial (its repeats and folds) are taken together, so that the accuracy is their
    mean. Whole groups are resampled, so copies of an image count as one. Differences are paired:
    both trials are measured on the same samples of images, over the runs that they share. The
    intervals are those of other images; other seeds add their own spread.

    Args:
        results: The results of the trials that are done.

    Returns:
        One row for each trial on each split that was not trained on: `split`, `trial`, `size`
        (such as "2,487 images, 68 distinct"), `accuracy`, `low`, `high`, and, where there are
        several trials, the `difference` from the best one, its interval `difference_low` and
        `difference_high`, and the `conclusion`: "best", "within the interval", "lower", or "too
        few differ" as in `compare_predictions`.
    """
    splits = dict.fromkeys(split for result in results for split in result.splits)
    rows = [row for split in splits for row in _split_rows(split, results)]
    table = pd.DataFrame(rows, columns=[*_COLUMNS, *_DIFFERENCE])
    return table if table["trial"].nunique() > 1 else table[_COLUMNS]


def write_intervals(path: Path, name: str, evaluations: Mapping[str, Evaluation]) -> None:
    """Write the accuracies of one classifier, in the form of `interval_table`.

    Args:
        path: The CSV file.
        name: The classifier's name.
        evaluations: Its evaluations, by split.
    """
    rows = [
        [split, name, evaluation.size, evaluation.accuracy, *_bounds(evaluation)]
        for split, evaluation in evaluations.items()
    ]
    with atomic_file(path) as temporary:
        pd.DataFrame(rows, columns=_COLUMNS).to_csv(temporary, index=False)


def _bounds(evaluation: Evaluation) -> tuple[float, float]:
    if evaluation.independent < 2:
        return math.nan, math.nan
    first = evaluation.intervals.iloc[0]
    return float(first["low"]), float(first["high"])


def _split_rows(split: str, results: Sequence[TrialResult]) -> Iterator[list[Any]]:
    named = by_name([result for result in results if split in result.splits])
    # Runs can be paired if their random numbers and the images evaluated on are the same.
    runs = {
        name: {
            (each.trial.seed, each.trial.fold, each.trial.files.get(split)): each.evaluation(split)
            for each in group
        }
        for name, group in named.items()
    }
    pooled = {name: Evaluation.pool(list(group.values())) for name, group in runs.items()}
    best = max(pooled, key=lambda name: pooled[name].accuracy)
    for name, evaluation in pooled.items():
        row = [split, name, evaluation.size, evaluation.accuracy, *_bounds(evaluation)]
        yield [*row, *(_BEST if name == best else _difference(runs[name], runs[best]))]


_BEST = (math.nan, math.nan, math.nan, "best")


def _difference(
    runs: dict[Any, Evaluation], best: dict[Any, Evaluation]
) -> tuple[float, float, float, str]:
    shared = [key for key in runs if key in best]
    if not shared:
        return math.nan, math.nan, math.nan, "other images"
    one, other = (Evaluation.pool([group[key] for key in shared]) for group in (runs, best))
    if one.independent < 2:
        return one.accuracy - other.accuracy, math.nan, math.nan, "one image"
    first = one.compare(other).iloc[0]
    difference, low, high = (float(first[name]) for name in ("difference", "low", "high"))
    conclusion = str(first["conclusion"])
    return difference, low, high, {FIRST: "higher", SECOND: "lower"}.get(conclusion, conclusion)
