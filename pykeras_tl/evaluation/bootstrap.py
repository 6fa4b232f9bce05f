"""How far a measured accuracy or F1 can be trusted: bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from .prediction_table import class_names_of, predicted_indices, true_indices

_AT_ONCE = 100


def confidence_intervals(
    predictions: pd.DataFrame,
    groups: Sequence[Hashable] | pd.Series | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate confidence intervals of accuracy and F1 by the bootstrap.

    The images are drawn anew, with replacement, `repeats` times, and each sample is
    measured. Images that belong together (of one patient, or copies of one photograph) are
    no independent evidence: with `groups`, whole groups are drawn, and the interval is wider.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.
        groups: The group of each image, in the table's order; None when every image
            stands for itself.
        level: The share of samples inside the interval, between 0 and 1.
        repeats: How many samples to draw.
        seed: Of the random numbers.

    Returns:
        The columns `metric`, `class`, `value`, `low` and `high`: `accuracy` and `macro_f1`
        over all (`class` is None), then `f1` of each class.

    Raises:
        ValueError: When the true classes are unknown, `groups` has another length or fewer
            than two groups, or `level` is not between 0 and 1.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> chances = np.eye(2)[[0, 1] * 50]
        >>> true = ["cat", "dog"] * 45 + ["cat", "cat"] * 5
        >>> table = prediction_table(list(map(str, range(100))), true, chances, ["cat", "dog"])
        >>> row = confidence_intervals(table).iloc[0]
        >>> bool(row["low"] < row["value"] == 0.95 < row["high"])
        True

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
        percentile interval.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is a share between 0 and 1, such as 0.95; got {level}.")
    names = class_names_of(predictions)
    counts = _counts_by_group(predictions, groups)
    random = np.random.default_rng(seed)
    samples = [
        _measure(_draw(len(counts), min(_AT_ONCE, repeats - done), random) @ counts)
        for done in range(0, repeats, _AT_ONCE)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(samples), [tail, 1 - tail], axis=0)
    return pd.DataFrame(
        {
            "metric": ["accuracy", "macro_f1", *["f1"] * len(names)],
            "class": pd.Series([None, None, *names], dtype=object),
            "value": _measure(counts.sum(axis=0, keepdims=True))[0],
            "low": low,
            "high": high,
        }
    )


def _counts_by_group(
    predictions: pd.DataFrame, groups: Sequence[Hashable] | pd.Series | None
) -> np.ndarray:
    """Count, for each group and class, the images that are right, predicted and true."""
    true, predicted = true_indices(predictions), predicted_indices(predictions)
    places = np.arange(len(true)) if groups is None else pd.factorize(pd.Series(list(groups)))[0]
    if len(places) != len(true):
        raise ValueError(f"groups names {len(places)} images, the table has {len(true)}.")
    if (places < 0).any():
        raise ValueError(f"{(places < 0).sum()} images have no group.")
    number = int(places.max()) + 1
    if number < 2:
        raise ValueError("One group alone says nothing of how others would do; give two or more.")
    one_hot = np.eye(len(class_names_of(predictions)))
    right = one_hot[true] * (true == predicted)[:, None]
    each = np.concatenate([right, one_hot[predicted], one_hot[true]], axis=1)
    return pd.DataFrame(each).groupby(places).sum().to_numpy()


def _draw(number: int, repeats: int, random: np.random.Generator) -> np.ndarray:
    """Draw how often each group stands in each of the samples."""
    return random.multinomial(number, np.full(number, 1 / number), size=repeats).astype(float)


def _measure(counts: np.ndarray) -> np.ndarray:
    """Return accuracy, macro F1 and the F1 of each class for each row of counts."""
    right, predicted, true = np.moveaxis(counts.reshape(len(counts), 3, -1), 1, 0)
    present = predicted + true > 0
    each = 2 * right / np.where(present, predicted + true, 1)
    macro = each.sum(axis=1) / present.sum(axis=1)
    accuracy = right.sum(axis=1) / true.sum(axis=1)
    return np.column_stack([accuracy, macro, each])
