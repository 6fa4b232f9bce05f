"""Areas under ROC and precision-recall curves of many bootstrap samples at once.

A sample only changes how often each image counts, never the order of the probabilities. So images
are sorted once for each class, and the areas follow from sums along that order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class RankedScores:
    """The order of the images by the probability of each class.

    Args:
        probabilities: Shape (images, classes).
        true: The index of each image's class, shape (images,).
        group_of: The number of each image's group, shape (images,).

    Example:
        >>> values = np.array([[0.9], [0.8], [0.1]])
        >>> ranked = RankedScores(values, np.array([0, 1, 0]), np.arange(3))
        >>> ranked.areas(np.ones((1, 3)))
        array([[0.5       , 0.8333...]])
    """

    def __init__(self, probabilities: np.ndarray, true: np.ndarray, group_of: np.ndarray) -> None:
        self._orders = [
            _Order.of(probabilities[:, number], true == number, group_of)
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
