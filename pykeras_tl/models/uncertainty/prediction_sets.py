"""Prediction sets: as many classes as it takes to hold the true one in a promised share of images.

Split conformal prediction. The scores of images that the classifier did not learn from are kept, so
that any coverage can be asked for when predicting, over all classes together or for each.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

METHODS = ("lac", "aps")
# Shares are sums of many small fractions.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class PredictionSets:
    """Scores of calibration images, from which prediction sets of any coverage follow.

    Attributes:
        scores: How badly the true class of each calibration image was predicted, shape (images,),
            0..1.
        classes: The index of its true class, shape (images,).
        groups: The number of its group, shape (images,), which images of one patient or copies of
            one photograph share.
        method: `"lac"`, whose sets are the smallest on average, or `"aps"`, whose sets are larger
            for images that are hard.

    Example:
        >>> sets = PredictionSets.fit(np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]), [0, 0, 1])
        >>> sets.contains(np.array([[0.95, 0.05], [0.52, 0.48]]), coverage=0.75)
        array([[ True, False],
               [ True, False]])

    Source:
        Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers with Bounded Error
        Levels (2019), for "lac"; Romano, Sesia and Candès, Classification with Valid and Adaptive
        Coverage (2020), for "aps"; Lee, Barber and Willett, Distribution-free Inference with
        Hierarchical Data (2023), for the weights of groups.
    """

    scores: np.ndarray
    classes: np.ndarray
    groups: np.ndarray
    method: str = "lac"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"Expected method to be 'lac' or 'aps'. Received: {self.method!r}.")
        shapes = {self.scores.shape, self.classes.shape, self.groups.shape}
        if len(shapes) != 1 or self.scores.ndim != 1 or not np.isfinite(self.scores).all():
            raise ValueError(
                "Expected one finite score, class and group for each calibration image. Received: "
                f"arrays of shapes {self.scores.shape}, {self.classes.shape}, {self.groups.shape}."
            )

    @classmethod
    def fit(
        cls,
        probabilities: np.ndarray,
        classes: np.ndarray | Sequence[int],
        groups: Sequence[Hashable] | None = None,
        method: str = "lac",
    ) -> PredictionSets:
        """Score calibration images, which the classifier did not learn from.

        Args:
            probabilities: Shape (images, classes), 0..1.
            classes: The index of each image's true class.
            groups: What belongs together, one value per image; None if images are independent.
            method: `"lac"` or `"aps"`.

        Returns:
            The scores.

        Raises:
            ValueError: If there is no image, or the method is unknown.
        """
        true = np.asarray(classes, dtype="int64")
        if not len(true):
            raise ValueError("Expected one calibration image or more. Received: none.")
        numbers = np.arange(len(true))
        if groups is not None:
            numbers = pd.factorize(pd.Series(list(groups)))[0]
        scores = _scores(np.asarray(probabilities, dtype="float64"), method)
        return cls(scores[np.arange(len(true)), true], true, numbers.astype("int64"), method)

    def contains(
        self, probabilities: np.ndarray, coverage: float = 0.9, by_class: bool = False
    ) -> np.ndarray:
        """Choose the classes of each image's set; the most probable one is always among them.

        Args:
            probabilities: Shape (images, classes), 0..1.
            coverage: The share of images whose set holds the true class, between 0 and 1.
            by_class: Whether to promise it for the images of each class, not only on average.

        Returns:
            Whether each class is in the set of each image, shape (images, classes).

        Raises:
            ValueError: If `coverage` is not between 0 and 1.
        """
        values = np.asarray(probabilities, dtype="float64")
        inside: np.ndarray = _scores(values, self.method) <= self.thresholds(
            values.shape[1], coverage, by_class
        )
        inside[np.arange(len(values)), values.argmax(axis=1)] = True
        return inside

    def thresholds(self, classes: int, coverage: float = 0.9, by_class: bool = False) -> np.ndarray:
        """Return the largest score at which each class is in a set.

        Args:
            classes: The number of classes.
            coverage: As for `contains`.
            by_class: As for `contains`.

        Returns:
            Shape (classes,); infinite where there are too few calibration images (or groups) for
            the promise: at least `coverage / (1 - coverage)` are needed.
        """
        if not 0 < coverage < 1:
            raise ValueError(
                f"Expected coverage to be between 0 and 1, such as 0.9. Received: {coverage}."
            )
        if not by_class:
            return np.full(classes, group_quantile(self.scores, self.groups, coverage))
        of_class = [self.classes == number for number in range(classes)]
        return np.array(
            [group_quantile(self.scores[rows], self.groups[rows], coverage) for rows in of_class]
        )


def join_names(inside: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> list[str]:
    """Write each set as text, the most probable class first.

    Args:
        inside: Shape (images, classes), as `PredictionSets.contains` returns it.
        probabilities: Shape (images, classes).
        names: The classes.

    Returns:
        One text per image, with " | " between names.

    Example:
        >>> join_names(np.array([[True, True]]), np.array([[0.2, 0.8]]), ["cat", "dog"])
        ['dog | cat']
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return [
        " | ".join(names[column] for column in columns if row[column])
        for row, columns in zip(inside, order)
    ]


def _scores(probabilities: np.ndarray, method: str) -> np.ndarray:
    """Return how badly each class fits each image, shape (images, classes)."""
    if method == "lac":
        return 1 - probabilities
    # The probability of all classes that are as probable or more.
    order = np.argsort(-probabilities, axis=1, kind="stable")
    sums = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    scores = np.empty_like(sums)
    np.put_along_axis(scores, order, sums, axis=1)
    return scores


def group_quantile(scores: np.ndarray, groups: np.ndarray, coverage: float) -> float:
    """Return the score below which a new image of a new group stays with this probability.

    Each of n groups weighs 1 / (n + 1), shared by its images, and what is new weighs as much at
    infinity. Where each image is a group of its own, that is the ⌈coverage · (n + 1)⌉-th score.

    Args:
        scores: Shape (images,).
        groups: The number of each image's group, shape (images,).
        coverage: The probability, between 0 and 1.

    Returns:
        The score; infinite if there are too few groups.

    Example:
        >>> group_quantile(np.array([0.1, 0.2, 0.3]), np.arange(3), 0.75)
        0.3
    """
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    weights = 1 / ((len(sizes) + 1) * sizes[numbers])
    order = np.argsort(scores, kind="stable")
    enough = np.flatnonzero(weights[order].cumsum() >= coverage - _ROUNDING)
    return float(scores[order[enough[0]]]) if len(enough) else np.inf
