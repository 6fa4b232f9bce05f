"""How far an image is from all that a classifier learned from, in the space of its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 5
# The arrays of each method, with their numbers of axes.
ARRAYS = {"knn": {"bank": 2}, "mahalanobis": {"means": 2, "whitening": 2}}


@dataclass(frozen=True, eq=False)
class NoveltyDetector:
    """Distances of features from those of training images, and the distance that is too far.

    Features are divided by their length first, so that only their direction counts.

    Attributes:
        method: `"knn"`, the distance to the fifth nearest training image, or `"mahalanobis"`, the
            distance to the nearest class in units of the spread within classes.
        arrays: For `"knn"`, `bank`: features of training images, shape (images, features). For
            `"mahalanobis"`, `means`, shape (classes, features), and `whitening`, shape (features,
            features), whose product with its transpose is the inverse covariance.
        threshold: The distance beyond which an image is none of the classes, above 0.

    Example:
        >>> bank = np.repeat([[1.0, 0.0]], 5, axis=0)
        >>> detector = NoveltyDetector("knn", {"bank": bank}, threshold=0.5)
        >>> detector.scores(np.array([[3.0, 0.0], [0.0, 1.0]])).astype(int).tolist()
        [0, 2]

    Source:
        Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors (2022); Lee et al., A
        Simple Unified Framework for Detecting Out-of-Distribution Samples (2018), with the
        normalization of Mueller and Hein, Mahalanobis++ (2025).
    """

    method: str
    arrays: Mapping[str, np.ndarray]
    threshold: float

    def __post_init__(self) -> None:
        if self.method not in ARRAYS:
            raise ValueError(
                f"Expected method to be 'knn' or 'mahalanobis'. Received: {self.method!r}."
            )
        axes = {name: array.ndim for name, array in self.arrays.items()}
        widths = {array.shape[-1] for array in self.arrays.values()}
        finite = all(np.isfinite(array).all() for array in self.arrays.values())
        if axes != ARRAYS[self.method] or len(widths) != 1 or not finite:
            shapes = {name: array.shape for name, array in self.arrays.items()}
            raise ValueError(
                f"Expected finite arrays {', '.join(ARRAYS[self.method])} of the same number of "
                f"features. Received: {shapes}."
            )
        if not (np.isfinite(self.threshold) and self.threshold > 0):
            raise ValueError(f"Expected a threshold above 0. Received: {self.threshold}.")

    @property
    def size(self) -> int:
        """The number of features."""
        return int(next(iter(self.arrays.values())).shape[-1])

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the distance of each image as a multiple of the threshold.

        Args:
            features: Shape (images, features).

        Returns:
            Shape (images,), 0 or more; above 1, the image is none of the classes.
        """
        return self.distances(features) / self.threshold

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Return the distance of each image.

        Args:
            features: Shape (images, features).

        Returns:
            Shape (images,), 0 or more.
        """
        values = normalized(features)
        if self.method == "knn":
            bank = self.arrays["bank"].astype("float32")
            # Of vectors of length 1, the squared distance is 2 - 2 · cosine.
            cosines = values @ bank.T
            place = max(cosines.shape[1] - NEIGHBOURS, 0)
            nearest = np.partition(cosines, place, axis=1)[:, place]
            return np.sqrt(np.maximum(2 - 2 * nearest, 0))
        means, whitening = self.arrays["means"], self.arrays["whitening"]
        values, centers = values @ whitening, means @ whitening
        to_each = [np.linalg.norm(values - center, axis=1) for center in centers]
        distances: np.ndarray = np.min(to_each, axis=0)
        return distances


def normalized(features: np.ndarray) -> np.ndarray:
    """Divide each image's features by their length.

    Args:
        features: Shape (images, features).

    Returns:
        float32 array of the same shape.

    Example:
        >>> normalized(np.array([[3.0, 4.0]])).round(1).tolist()
        [[0.6..., 0.8...]]
    """
    values = np.asarray(features, dtype="float32")
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.maximum(lengths, 1e-12)
