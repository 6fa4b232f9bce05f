"""Bootstrap confidence intervals of accuracy and F1.

A test set is a sample: with 100 images, a measured accuracy of 90 % can easily be 84 % or 95 % on
others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from .prediction_table import class_names_of, predicted_indices, true_indices

_BATCH = 100


def confidence_intervals(
    predictions: pd.DataFrame,
    groups: Sequence[Hashable] | pd.Series | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate confidence intervals of accuracy and F1 by the bootstrap.

    The images are resampled with replacement `repeats` times, and each sample is measured.
    Images that belong together (of one patient, or copies of one photograph) are not
    independent: with `groups`, whole groups are resampled, and the interval is wider.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        groups: The group of each image, in the table's order; None if all images are
            independent.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        The columns `metric`, `class`, `value`, `low` and `high`: `accuracy` and `macro_f1`
        over all classes (`class` is None), then `f1` of each class.

    Raises:
        ValueError: If the true classes are unknown, `groups` has another length or fewer
            than two groups, or `level` is not between 0 and 1.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.eye(2)[[0, 1] * 50]
        >>> true = ["cat", "dog"] * 45 + ["cat", "cat"] * 5
        >>> table = prediction_table(list(map(str, range(100))), true, values, ["cat", "dog"])
        >>> confidence_intervals(table).round(2)
             metric class  value   low  high
        0  accuracy  None   0.95  0.9  0.99
        1  macro_f1  None   0.95  0.9  0.99
        2        f1   cat   0.95  0.9  0.99
        3        f1   dog   0.95  0.9  0.99

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
        percentile interval.
    """
    if not 0 < level < 1:
        raise ValueError(f"Expected level to be between 0 and 1, such as 0.95. Received: {level}.")
    names = class_names_of(predictions)
    counts = _counts_by_group(predictions, groups)
    random = np.random.default_rng(seed)
    samples = [
        _measure(_sample_counts(len(counts), min(_BATCH, repeats - done), random) @ counts)
        for done in range(0, repeats, _BATCH)
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
    """Count the correct, predicted and true images of each class in each group.

    Shape (groups, 3 × classes). All metrics follow from sums of these counts, so a resample is a
    matrix product.
    """
    true, predicted = true_indices(predictions), predicted_indices(predictions)
    group_of = np.arange(len(true)) if groups is None else pd.factorize(pd.Series(list(groups)))[0]
    if len(group_of) != len(true):
        raise ValueError(
            f"Expected one group for each of {len(true)} images. Received: {len(group_of)} groups."
        )
    if (group_of < 0).any():
        raise ValueError(
            f"Expected a group for every image. Received: {(group_of < 0).sum()} missing values."
        )
    number = int(group_of.max()) + 1
    if number < 2:
        raise ValueError("Expected two or more groups. Received: one group, which has no spread.")
    one_hot = np.eye(len(class_names_of(predictions)))
    correct = one_hot[true] * (true == predicted)[:, None]
    counts = np.concatenate([correct, one_hot[predicted], one_hot[true]], axis=1)
    return pd.DataFrame(counts).groupby(group_of).sum().to_numpy()


def _sample_counts(number: int, repeats: int, random: np.random.Generator) -> np.ndarray:
    """Sample how often each group is part of each bootstrap sample."""
    return random.multinomial(number, np.full(number, 1 / number), size=repeats).astype(float)


def _measure(counts: np.ndarray) -> np.ndarray:
    """Return accuracy, macro F1 and F1 per class for each row of counts."""
    correct, predicted, true = np.moveaxis(counts.reshape(len(counts), 3, -1), 1, 0)
    present = predicted + true > 0
    f1 = 2 * correct / np.where(present, predicted + true, 1)
    macro = f1.sum(axis=1) / present.sum(axis=1)
    accuracy = correct.sum(axis=1) / true.sum(axis=1)
    return np.column_stack([accuracy, macro, f1])
