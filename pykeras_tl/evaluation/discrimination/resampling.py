"""Bootstrap samples of groups of images, and areas under curves of many samples at once.

A sample only changes how often each image counts, never the order of the probabilities. So images
are sorted once for each class, and the areas follow from sums along that order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Few samples at a time stay in the processor's cache.
_BATCH = 25


class RankedScores:
    """The order of the images by the probability of each class.

    Args:
        probabilities: Shape (images, classes).
        true: The index of each image's class, shape (images,); or which images have which of
            several labels, bool of shape (images, classes).
        group_of: The number of each image's group, shape (images,).

    Example:
        >>> values = np.array([[0.9], [0.8], [0.1]])
        >>> ranked = RankedScores(values, np.array([0, 1, 0]), np.arange(3))
        >>> ranked.areas(np.ones((1, 3)))
        array([[0.5       , 0.8333...]])
    """

    def __init__(self, probabilities: np.ndarray, true: np.ndarray, group_of: np.ndarray) -> None:
        self._orders = [
            _Order.of(
                probabilities[:, number],
                true[:, number] if true.ndim == 2 else true == number,
                group_of,
            )
            for number in range(probabilities.shape[1])
        ]

    def areas(self, samples: np.ndarray) -> np.ndarray:
        """Compute the areas for each sample.

        Args:
            samples: How often each group is part of each sample, shape (samples, groups).

        Returns:
            The areas under the ROC curve of each class, then those under the precision-recall
            curve (average precision), shape (samples, 2 · classes). NaN where a sample has no image
            of the class, or of the others.
        """
        counts = np.ascontiguousarray(samples.T, dtype="float64")
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = [order.areas(counts) for order in self._orders]
        return np.stack([area for areas in zip(*pairs) for area in areas], axis=1)


@dataclass(frozen=True)
class _Order:
    """The images in the order of the probability of one class, the highest first.

    Attributes:
        groups: The group of each image.
        positive: Where the images of the class are.
        above: For each of them, how many images have a higher probability.
        through: How many have at least the same.
        positive_above: How many images of the class have a higher probability.
        positive_through: How many of them have at least the same.
    """

    groups: np.ndarray
    positive: np.ndarray
    above: np.ndarray
    through: np.ndarray
    positive_above: np.ndarray
    positive_through: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, positive: np.ndarray, group_of: np.ndarray) -> _Order:
        order = np.argsort(-scores, kind="stable")
        falling = -scores[order]
        places = np.flatnonzero(positive[order])
        above = np.searchsorted(falling, falling[places], "left")
        through = np.searchsorted(falling, falling[places], "right")
        return cls(
            group_of[order], places, above, through,
            np.searchsorted(places, above), np.searchsorted(places, through),
        )  # fmt: skip

    def areas(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the two areas for each sample, from counts of shape (groups, samples)."""
        sums = np.zeros((len(self.groups) + 1, counts.shape[1]))
        np.take(counts, self.groups, axis=0, out=sums[1:])
        weights = sums[1:][self.positive]
        np.cumsum(sums[1:], axis=0, out=sums[1:])
        true = np.zeros((len(weights) + 1, counts.shape[1]))
        np.cumsum(weights, axis=0, out=true[1:])
        positives, negatives = true[-1], sums[-1] - true[-1]
        through, true_through = sums[self.through], true[self.positive_through]
        # Negatives of the same probability count half.
        above = sums[self.above] - true[self.positive_above]
        wrong = (above + through - true_through) / 2
        roc = 1 - np.einsum("ij,ij->j", weights, wrong) / (positives * negatives)
        precision = true_through / np.maximum(through, 1)
        average = np.einsum("ij,ij->j", weights, precision) / positives
        return roc, np.where(negatives > 0, average, np.nan)


def bootstrap_ends(
    measure: Callable[[np.ndarray, int], np.ndarray],
    groups: int,
    level: float,
    repeats: int,
    seed: int,
) -> np.ndarray:
    """Measure bootstrap samples of groups, and return the ends of the intervals.

    Args:
        measure: Is called with how often each group is part of each sample, shape (samples,
            groups), and the number of samples before; returns shape (samples, metrics).
        groups: The number of groups.
        level: The confidence level, between 0 and 1.
        repeats: The number of samples.
        seed: Seed of the random numbers.

    Returns:
        The low and the high ends, shape (2, metrics).

    Raises:
        ValueError: If the level is not between 0 and 1.

    Example:
        >>> values = np.array([0.0, 1.0, 1.0, 1.0])
        >>> mean = lambda samples, done: samples @ values[:, None] / 4
        >>> bootstrap_ends(mean, 4, 0.9, 200, 0)[:, 0]
        array([0.25, 1.  ])
    """
    if not 0 < level < 1:
        raise ValueError(f"Expected level to be between 0 and 1, such as 0.95. Received: {level}.")
    random = np.random.default_rng(seed)
    measured = [
        measure(_sample_counts(groups, min(_BATCH, repeats - done), random), done)
        for done in range(0, repeats, _BATCH)
    ]
    tail = (1 - level) / 2
    with warnings.catch_warnings():
        # Numbers that no sample has, such as the AUC of a class without images.
        warnings.simplefilter("ignore", RuntimeWarning)
        ends: np.ndarray = np.nanquantile(np.concatenate(measured), [tail, 1 - tail], axis=0)
    return ends


def group_numbers(
    images: int, groups: Sequence[Hashable] | pd.Series | None, at_least: int
) -> np.ndarray:
    """Return the number of each image's group.

    Args:
        images: The number of images.
        groups: The group of each image; None if all images are independent.
        at_least: How many groups are needed.

    Returns:
        int array of shape (images,), from 0.

    Raises:
        ValueError: If there is not one group for each image, or there are too few groups.

    Example:
        >>> group_numbers(3, ["b", "a", "b"], at_least=2)
        array([0, 1, 0])
    """
    group_of = np.arange(images) if groups is None else pd.factorize(pd.Series(list(groups)))[0]
    if len(group_of) != images:
        raise ValueError(
            f"Expected one group for each of {images} images. Received: {len(group_of)} groups."
        )
    if (group_of < 0).any():
        raise ValueError(
            f"Expected a group for every image. Received: {(group_of < 0).sum()} missing values."
        )
    if group_of.max() + 1 < at_least:
        raise ValueError("Expected two or more groups. Received: one group, which has no spread.")
    return group_of


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row over what is known.

    Args:
        values: Shape (rows, values), with NaN for what is unknown.

    Returns:
        Shape (rows,); NaN where nothing is known.

    Example:
        >>> mean_of_known(np.array([[1.0, np.nan], [np.nan, np.nan]]))
        array([ 1., nan])
    """
    known = np.isfinite(values)
    number = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(number > 0, sums / np.maximum(number, 1), np.nan)


def _sample_counts(number: int, repeats: int, random: np.random.Generator) -> np.ndarray:
    """Sample how often each group is part of each bootstrap sample."""
    return random.multinomial(number, np.full(number, 1 / number), size=repeats).astype(float)
