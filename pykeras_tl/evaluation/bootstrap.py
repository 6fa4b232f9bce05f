"""Bootstrap confidence intervals of metrics, and of differences between two classifiers.

A test set is a sample: with 100 images, a measured accuracy of 90 % can easily be 84 % or 95 % on
others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from .discrimination.resampling import (
    RankedScores,
    bootstrap_ends,
    group_numbers,
    mean_of_known,
)
from .metrics import top_counts
from .prediction_table import (
    class_names_of,
    files_of,
    predicted_indices,
    probabilities_of,
    true_classes_of,
    true_indices,
)

_OVERALL = ("accuracy", "macro_f1", "balanced_accuracy", "mcc", "kappa")
_MACRO_AREAS = ("macro_auc", "macro_average_precision")
_BY_CLASS = ("f1", "auc", "average_precision")
# Areas take a pass over all images for each class and sample, so with thousands of images of
# hundreds of classes, they are measured on fewer samples.
_MOST_STEPS, _FEWEST_SAMPLES = 200_000_000, 200
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
    """Estimate confidence intervals of metrics by the bootstrap.

    The images are resampled with replacement `repeats` times, and each sample is measured. Where
    all groups are right, or all wrong, the bound is that of Clopper and Pearson instead. Areas
    under curves are measured on the first samples only where images × classes × samples exceed 200
    million, on 200 at least.
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
        The columns `metric`, `class`, `value`, `low` and `high`. Over all classes (`class` is
        None): `accuracy`, `macro_f1`, `balanced_accuracy` (the mean of the classes' recalls),
        `mcc` (Matthews), `kappa` (Cohen), `top_3` with five or more classes and `top_5` with
        twenty or more (whether the true class is among the most probable), `macro_auc` and
        `macro_average_precision`. Then `f1`, `auc` (area under the ROC curve, this class against
        the others) and `average_precision` (area under the precision-recall curve) of each class.

    Raises:
        ValueError: If the true classes are unknown, `groups` has another length or fewer
            than two groups, or `level` is not between 0 and 1.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.eye(2)[[0, 1] * 50]
        >>> true = ["cat", "dog"] * 45 + ["cat", "cat"] * 5
        >>> table = prediction_table(list(map(str, range(100))), true, values, ["cat", "dog"])
        >>> confidence_intervals(table).round(2).head(5)
                      metric class  value   low  high
        0           accuracy  None   0.95  0.90  0.99
        1           macro_f1  None   0.95  0.90  0.99
        2  balanced_accuracy  None   0.95  0.91  0.99
        3                mcc  None   0.90  0.82  0.98
        4              kappa  None   0.90  0.80  0.98

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
        percentile interval.
    """
    measures = _Measures(predictions, groups)
    low, high = bootstrap_ends(measures, measures.groups, level, repeats, seed)
    value = measures.all_images()
    low, high = _with_exact_bounds(value, low, high, measures.groups_of_metrics(), level)
    return measures.columns().assign(value=value, low=low, high=high)


def share_intervals(
    numerators: np.ndarray,
    denominators: np.ndarray,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate intervals of shares of images, such as a recall, by the bootstrap by group.

    Args:
        numerators: What is counted of each image for each share, shape (images, shares).
        denominators: What it is a share of, of the same shape.
        groups: The group of each image, as for `confidence_intervals`.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        One row per share: `value`, `low` and `high`; NaN where the denominator is 0, and bounds
        are NaN if there are fewer than two groups.

    Example:
        >>> right, of_class = np.array([[1.0], [1.0], [0.0], [0.0]]), np.ones((4, 1))
        >>> share_intervals(right, of_class)
           value  low  high
        0    0.5  0.0   1.0
    """
    shares = numerators.shape[1]
    with np.errstate(invalid="ignore"):
        value = numerators.sum(axis=0) / denominators.sum(axis=0)
    group_of = group_numbers(len(numerators), groups, at_least=1)
    number = int(group_of.max()) + 1
    if number < 2:
        return pd.DataFrame({"value": value, "low": np.nan, "high": np.nan})
    counts = pd.DataFrame(np.hstack([numerators, denominators])).groupby(group_of).sum().to_numpy()

    def measure(samples: np.ndarray, done: int) -> np.ndarray:
        sums = samples @ counts
        with np.errstate(invalid="ignore"):
            return sums[:, :shares] / sums[:, shares:]

    low, high = bootstrap_ends(measure, number, level, repeats, seed)
    concerned = (counts[:, shares:] > 0).sum(axis=0)
    low, high = _with_exact_bounds(value, low, high, concerned, level)
    return pd.DataFrame({"value": value, "low": low, "high": high})


def _with_exact_bounds(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, groups: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where every sample is all right or all wrong, the bootstrap sees no spread."""
    bound = ((1 - level) / 2) ** (1 / np.maximum(groups, 1))
    low = np.where((value == 1) & (low == 1), bound, low)
    return low, np.where((value == 0) & (high == 0), 1 - bound, high)


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
    one, other = _Measures(first, groups), _Measures(second, groups)
    low, high = bootstrap_ends(
        lambda samples, done: one(samples, done) - other(samples, done),
        one.groups, level, repeats, seed,
    )  # fmt: skip
    values = [measures.all_images() for measures in (one, other)]
    conclusions = np.select([low > 0, high < 0], [FIRST, SECOND], WITHIN)
    if (one.counts != other.counts).any(axis=1).sum() < _MIN_DIFFERENT:
        conclusions[conclusions != WITHIN] = _TOO_FEW
    return one.columns().assign(
        first=values[0],
        second=values[1],
        difference=values[0] - values[1],
        low=low,
        high=high,
        conclusion=conclusions,
    )


class _Measures:
    """All metrics of one table of predictions, for samples of its groups.

    Attributes:
        groups: The number of groups.
        counts: The correct, predicted and true images of each class in each group, then those
            whose class is among the most probable ones, shape (groups, counts). All metrics but
            the areas follow from sums of these, so a sample is a matrix product.
    """

    def __init__(
        self, predictions: pd.DataFrame, groups: Sequence[Hashable] | pd.Series | None
    ) -> None:
        self._names = class_names_of(predictions)
        true, predicted = true_indices(predictions), predicted_indices(predictions)
        probabilities = probabilities_of(predictions)
        group_of = group_numbers(len(true), groups, at_least=2)
        self.groups = int(group_of.max()) + 1
        one_hot = np.eye(len(self._names))
        correct = one_hot[true] * (true == predicted)[:, None]
        self._tops = top_counts(len(self._names))
        # How many classes are more probable than the true one.
        place = (probabilities > probabilities[np.arange(len(true)), true][:, None]).sum(axis=1)
        tops = [(place < count)[:, None] for count in self._tops]
        counts = np.concatenate([correct, one_hot[predicted], one_hot[true], *tops], axis=1)
        self.counts = pd.DataFrame(counts).groupby(group_of).sum().to_numpy()
        self._ranked = RankedScores(probabilities, true, group_of)
        self._with_areas = max(_MOST_STEPS // probabilities.size, _FEWEST_SAMPLES)

    def __call__(self, samples: np.ndarray, done: int = 0) -> np.ndarray:
        """Measure samples, shape (samples, groups), after others: shape (samples, metrics)."""
        classes = len(self._names)
        counts = samples @ self.counts
        three, tops = counts[:, : 3 * classes], counts[:, 3 * classes :]
        correct, predicted, true = np.moveaxis(three.reshape(len(counts), 3, -1), 1, 0)
        images = true.sum(axis=1)
        present = predicted + true > 0
        f1 = 2 * correct / np.where(present, predicted + true, 1)
        macro = f1.sum(axis=1) / present.sum(axis=1)
        accuracy = correct.sum(axis=1) / images
        recall = correct / np.where(true > 0, true, 1)
        balanced = recall.sum(axis=1) / (true > 0).sum(axis=1)
        overall = [accuracy, macro, balanced, *_beyond_chance(correct, predicted, true)]
        areas = np.full((len(samples), 2 * classes), np.nan)
        if done < self._with_areas:
            areas = self._ranked.areas(samples)
        macro_areas = [mean_of_known(part) for part in np.split(areas, 2, axis=1)]
        return np.column_stack([*overall, tops / images[:, None], *macro_areas, f1, areas])

    def all_images(self) -> np.ndarray:
        """Measure the images as they are, shape (metrics,)."""
        values: np.ndarray = self(np.ones((1, self.groups)))[0]
        return values

    def columns(self) -> pd.DataFrame:
        """Return the columns `metric` and `class` of the numbers."""
        tops = [f"top_{count}" for count in self._tops]
        metrics = [*_OVERALL, *tops, *_MACRO_AREAS]
        labels = [None] * len(metrics) + list(self._names) * len(_BY_CLASS)
        metrics += [name for name in _BY_CLASS for _ in self._names]
        return pd.DataFrame({"metric": metrics, "class": pd.Series(labels, dtype=object)})

    def groups_of_metrics(self) -> np.ndarray:
        """Return how many groups each number is about."""
        classes = len(self._names)
        true = self.counts[:, 2 * classes : 3 * classes] > 0
        with_class = true.sum(axis=0)
        # Of what tells two kinds of images apart, the rarer kind limits what is known.
        without = (self.counts[:, 2 * classes : 3 * classes].sum(axis=1)[:, None] > 0) & ~true
        rarer = np.minimum(with_class, np.maximum(without.sum(axis=0), 1))
        overall = len(_OVERALL) + len(self._tops) + len(_MACRO_AREAS)
        return np.array([*[self.groups] * overall, *with_class, *rarer, *rarer])


def _beyond_chance(
    correct: np.ndarray, predicted: np.ndarray, true: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return Matthews' correlation and Cohen's kappa of counts of shape (samples, classes)."""
    images = true.sum(axis=1)
    by_chance = (predicted * true).sum(axis=1)
    excess = correct.sum(axis=1) * images - by_chance
    spread = np.sqrt((images**2 - (predicted**2).sum(axis=1)) * (images**2 - (true**2).sum(axis=1)))
    possible = images**2 - by_chance
    with np.errstate(invalid="ignore"):
        # scikit-learn's values where only one class occurs.
        return np.where(spread > 0, excess / np.where(spread > 0, spread, 1), 0), excess / possible


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
