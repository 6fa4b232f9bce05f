"""Bootstrap confidence intervals of accuracy and F1, and of differences between two classifiers.

A test set is a sample: with 100 images, a measured accuracy of 90 % can easily be 84 % or 95 % on
others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pandas as pd

from .prediction_table import (
    class_names_of,
    files_of,
    predicted_indices,
    true_classes_of,
    true_indices,
)

_BATCH = 100
_OVERALL = ("accuracy", "macro_f1", "balanced_accuracy")
# What a comparison says when the interval of the difference holds 0.
WITHIN = "within the interval"
FIRST, SECOND, _TOO_FEW = "first is better", "second is better", "too few differ"
# Of five groups that differ, all can be in favor of the same classifier by chance: the exact sign
# test gives p = 0.0625. The bootstrap is too sure of so few.
_MIN_DIFFERENT = 6


def confidence_intervals(
    predictions: pd.DataFrame,
    groups: Sequence[Hashable] | pd.Series | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate confidence intervals of accuracy and F1 by the bootstrap.

    The images are resampled with replacement `repeats` times, and each sample is measured. Where
    all groups are right, or all wrong, the bound is that of Clopper and Pearson instead.
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
        The columns `metric`, `class`, `value`, `low` and `high`: `accuracy`, `macro_f1` and
        `balanced_accuracy` (the mean of the classes' recalls) over all classes (`class` is
        None), then `f1` of each class.

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
        0           accuracy  None   0.95  0.90  0.99
        1           macro_f1  None   0.95  0.90  0.99
        2  balanced_accuracy  None   0.95  0.91  0.99
        3                 f1   cat   0.95  0.90  0.99
        4                 f1   dog   0.95  0.90  0.99

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
        percentile interval.
    """
    counts = _counts_by_group(predictions, groups)
    low, high = _quantiles(lambda samples: _measure(samples @ counts), counts, level, repeats, seed)
    value = _measure(counts.sum(axis=0, keepdims=True))[0]
    # Where every sample is all right or all wrong, the bootstrap sees no spread.
    bound = ((1 - level) / 2) ** (1 / np.maximum(_groups_of_metrics(counts), 1))
    low = np.where((value == 1) & (low == 1), bound, low)
    high = np.where((value == 0) & (high == 0), 1 - bound, high)
    return _metric_columns(predictions).assign(value=value, low=low, high=high)


def compare_predictions(
    first: pd.DataFrame,
    second: pd.DataFrame,
    groups: Sequence[Hashable] | pd.Series | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare two classifiers on the same images by the paired bootstrap.

    Both are measured on each bootstrap sample, so that what is difficult for both cancels out.
    If 0 lies within the interval of the difference, the images do not show which is better.

    Args:
        first: A table as returned by `predict_flow`, with the true classes.
        second: The other classifier's predictions for the same images, in the same order.
        groups: The group of each image, as for `confidence_intervals`.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        The columns `metric`, `class`, `first`, `second`, `difference` (first minus second),
        `low`, `high` and `conclusion`: "first is better", "second is better", "within the
        interval", or "too few differ" if the two differ on fewer than six groups, which can all
        be in favor of one by chance. The rows are those of `confidence_intervals`.

    Raises:
        ValueError: If the images or classes differ, and as `confidence_intervals` does.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> files, true = list(map(str, range(100))), ["cat", "dog"] * 50
        >>> right = prediction_table(files, true, np.eye(2)[[0, 1] * 50], ["cat", "dog"])
        >>> always = prediction_table(files, true, np.eye(2)[[0] * 100], ["cat", "dog"])
        >>> compare_predictions(right, always)[["metric", "difference", "conclusion"]].head(1)
             metric  difference       conclusion
        0  accuracy         0.5  first is better

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    _check_same_images(first, second)
    one, other = _counts_by_group(first, groups), _counts_by_group(second, groups)
    low, high = _quantiles(
        lambda samples: _measure(samples @ one) - _measure(samples @ other),
        one, level, repeats, seed,
    )  # fmt: skip
    values = [_measure(counts.sum(axis=0, keepdims=True))[0] for counts in (one, other)]
    conclusions = np.select([low > 0, high < 0], [FIRST, SECOND], WITHIN)
    if (one != other).any(axis=1).sum() < _MIN_DIFFERENT:
        conclusions[conclusions != WITHIN] = _TOO_FEW
    return _metric_columns(first).assign(
        first=values[0],
        second=values[1],
        difference=values[0] - values[1],
        low=low,
        high=high,
        conclusion=conclusions,
    )


def _groups_of_metrics(counts: np.ndarray) -> np.ndarray:
    """Return how many groups each number of `_measure` is about."""
    by_class = (counts[:, -(counts.shape[1] // 3) :] > 0).sum(axis=0)
    return np.array([*[len(counts)] * len(_OVERALL), *by_class])


def _check_same_images(first: pd.DataFrame, second: pd.DataFrame) -> None:
    if class_names_of(first) != class_names_of(second):
        raise ValueError(
            "Expected two tables of predictions with the same classes. Received: "
            f"{class_names_of(first)} and {class_names_of(second)}."
        )
    same = files_of(first) == files_of(second)
    if not same or true_classes_of(first) != true_classes_of(second):
        raise ValueError(
            "Expected predictions of the same images, in the same order and with the same true "
            f"classes. Received: {len(first)} and {len(second)} images that differ. Evaluate both "
            "classifiers on the same images."
        )


def _metric_columns(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the columns `metric` and `class` of the numbers that `_measure` returns."""
    names = class_names_of(predictions)
    metrics = [*_OVERALL, *["f1"] * len(names)]
    labels = pd.Series([*[None] * len(_OVERALL), *names], dtype=object)
    return pd.DataFrame({"metric": metrics, "class": labels})


def _quantiles(
    measure: Callable[[np.ndarray], np.ndarray],
    counts: np.ndarray,
    level: float,
    repeats: int,
    seed: int,
) -> np.ndarray:
    """Measure bootstrap samples of the groups, and return the ends of the interval."""
    if not 0 < level < 1:
        raise ValueError(f"Expected level to be between 0 and 1, such as 0.95. Received: {level}.")
    random = np.random.default_rng(seed)
    measured = [
        measure(_sample_counts(len(counts), min(_BATCH, repeats - done), random))
        for done in range(0, repeats, _BATCH)
    ]
    tail = (1 - level) / 2
    ends: np.ndarray = np.quantile(np.concatenate(measured), [tail, 1 - tail], axis=0)
    return ends


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
    """Return the overall metrics and the F1 of each class, for each row of counts."""
    correct, predicted, true = np.moveaxis(counts.reshape(len(counts), 3, -1), 1, 0)
    present = predicted + true > 0
    f1 = 2 * correct / np.where(present, predicted + true, 1)
    macro = f1.sum(axis=1) / present.sum(axis=1)
    accuracy = correct.sum(axis=1) / true.sum(axis=1)
    recall = correct / np.where(true > 0, true, 1)
    balanced = recall.sum(axis=1) / (true > 0).sum(axis=1)
    return np.column_stack([accuracy, macro, balanced, f1])
