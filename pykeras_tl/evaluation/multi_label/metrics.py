"""Metrics of predictions of several labels, by scikit-learn, and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ..discrimination.resampling import (
    RankedScores,
    bootstrap_ends,
    group_numbers,
    mean_of_known,
)
from .table import has_labels, names_of, scores_of

OVERALL = (
    "macro_average_precision",
    "micro_average_precision",
    "macro_f1",
    "micro_f1",
    "exact_match",
    "hamming_loss",
)
BY_LABEL = ("average_precision", "f1")


def label_metrics(table: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Measure each label by itself.

    Args:
        table: As `label_table` returns it.
        thresholds: The threshold of each label, which is shown beside the results.

    Returns:
        The columns `label`, `images` (that have it), `threshold`, `average_precision` (area under
        the precision-recall curve; NaN if no image has the label or all have it), `precision`,
        `recall` and `f1` at the threshold, all 0..1.

    Example:
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> true = np.array([[True, False], [False, True]])
        >>> made = label_table(["a", "b"], true, [[0.9, 0.6], [0.2, 0.7]], ["x", "y"], [0.5, 0.5])
        >>> label_metrics(made, [0.5, 0.5])[["label", "average_precision", "precision", "recall"]]
          label  average_precision  precision  recall
        0     x                1.0        1.0     1.0
        1     y                1.0        0.5     1.0
    """
    true, predicted, scores = _parts(table)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        true, predicted, average=None, zero_division=0
    )
    return pd.DataFrame(
        {
            "label": names_of(table),
            "images": support,
            "threshold": list(thresholds),
            "average_precision": [_precision(*pair) for pair in zip(true.T, scores.T)],
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }
    )


def overall_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Measure all labels together.

    Args:
        table: As `label_table` returns it.

    Returns:
        `macro_average_precision` (the mean over the labels that have one, often called mAP),
        `micro_average_precision` (of all pairs of image and label), `macro_f1` and `micro_f1` at
        the thresholds, `exact_match` (images whose labels are all right), and `hamming_loss` (the
        share of pairs of image and label that are wrong, so that lower is better), all 0..1.

    Example:
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> true = np.array([[True, False], [False, True]])
        >>> made = label_table(["a", "b"], true, [[0.9, 0.6], [0.2, 0.7]], ["x", "y"], [0.5, 0.5])
        >>> {name: round(value, 2) for name, value in overall_metrics(made).items()}
        {'macro_average_precision': 1.0, 'micro_average_precision': 1.0, 'macro_f1': 0.83,
         'micro_f1': 0.8, 'exact_match': 0.5, 'hamming_loss': 0.25}
    """
    true, predicted, scores = _parts(table)
    by_label = np.array([_precision(*pair) for pair in zip(true.T, scores.T)])
    return {
        "macro_average_precision": float(mean_of_known(by_label[None])[0]),
        "micro_average_precision": _precision(true.ravel(), scores.ravel()),
        "macro_f1": float(sk.f1_score(true, predicted, average="macro", zero_division=0)),
        "micro_f1": float(sk.f1_score(true, predicted, average="micro", zero_division=0)),
        "exact_match": float(sk.accuracy_score(true, predicted)),
        "hamming_loss": float(sk.hamming_loss(true, predicted)),
    }


def label_intervals(
    table: pd.DataFrame,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    repeats: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate confidence intervals of all metrics by the bootstrap, by group.

    Args:
        table: As `label_table` returns it.
        groups: The group of each image; None if all images are independent.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        The columns `metric`, `label`, `value`, `low` and `high`: first those of
        `overall_metrics`, whose `label` is None, then `average_precision` and `f1` of each label.

    Raises:
        ValueError: If there are fewer than two groups, or `level` is not between 0 and 1.

    Example:
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> true = np.array([[True, False], [False, True]] * 50)
        >>> scores = np.array([[0.9, 0.6], [0.2, 0.7]] * 50)
        >>> made = label_table(["a"] * 100, true, scores, ["x", "y"], [0.5, 0.5])
        >>> found = label_intervals(made, repeats=100).set_index("metric")
        >>> found.loc["exact_match", ["value", "low", "high"]].round(1).tolist()
        [0.5, 0.4, 0.6]

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
        percentile interval.
    """
    names = names_of(table)
    measures = _Measures(table, groups)
    low, high = bootstrap_ends(measures, measures.groups, level, repeats, seed)
    metrics = [*OVERALL, *(metric for metric in BY_LABEL for _ in names)]
    labels = pd.Series([*[None] * len(OVERALL), *names * len(BY_LABEL)], dtype=object)
    value = measures(np.ones((1, measures.groups)))[0]
    return pd.DataFrame(
        {"metric": metrics, "label": labels, "value": value, "low": low, "high": high}
    )


class _Measures:
    """All metrics of samples of groups: sums of counts, and areas along sorted probabilities."""

    def __init__(self, table: pd.DataFrame, groups: Sequence[Hashable] | None) -> None:
        true, predicted, scores = _parts(table)
        group_of = group_numbers(len(table), groups, at_least=2)
        self.groups = int(group_of.max()) + 1
        self._labels = true.shape[1]
        exact = (true == predicted).all(axis=1)[:, None]
        counts = np.hstack([true & predicted, predicted, true, exact]).astype(float)
        sums = pd.DataFrame(np.hstack([counts, np.ones((len(counts), 1))]))
        self._counts = sums.groupby(group_of).sum().to_numpy()
        self._ranked = RankedScores(scores, true, group_of)
        pairs = np.repeat(group_of, self._labels)
        self._all = RankedScores(scores.reshape(-1, 1), true.reshape(-1, 1), pairs)

    def __call__(self, samples: np.ndarray, done: int = 0) -> np.ndarray:
        """Measure samples of shape (samples, groups): shape (samples, metrics)."""
        sums = samples @ self._counts
        right, predicted, true = np.split(sums[:, :-2], 3, axis=1)
        exact, images = sums[:, -2], sums[:, -1]
        f1 = _f1(right, predicted, true)
        wrong = (predicted + true - 2 * right).sum(axis=1)
        areas = self._ranked.areas(samples)[:, self._labels :]
        overall = [
            mean_of_known(areas),
            self._all.areas(samples)[:, 1],
            f1.mean(axis=1),
            _f1(right.sum(axis=1), predicted.sum(axis=1), true.sum(axis=1)),
            exact / images,
            wrong / (images * self._labels),
        ]
        return np.column_stack([*overall, areas, f1])


def _f1(right: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    return 2 * right / np.maximum(predicted + true, 1)


def _precision(true: np.ndarray, scores: np.ndarray) -> float:
    if true.all() or not true.any():
        return np.nan
    return float(sk.average_precision_score(true, scores))


def _parts(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return has_labels(table, "labels"), has_labels(table, "predicted"), scores_of(table)
