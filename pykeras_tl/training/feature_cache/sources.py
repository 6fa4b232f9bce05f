"""Batches of the frozen layers' output, cached or computed on the fly, in an iterator's place."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ..data_adapter import DerivedBatches
from .store import FeatureStore

BATCH_SIZE = 32
# Threads that compute batches ahead share the feature extractor. A backend uses all cores for
# one call, and JAX gives the variables' memory to a call until it ends.
_one_at_a_time = threading.Lock()


class FeatureSource(DerivedBatches):
    """Yields features for an iterator's samples, in the iterator's order."""


class CachedFeatures(FeatureSource):
    """Looks up the features of an iterator whose images never change.

    Args:
        iterator: The iterator over images.
        features: The frozen layers' output for its samples.
    """

    def __init__(self, iterator: Iterator, features: FeatureStore) -> None:
        super().__init__(iterator)
        self._features = features

    def compute_batch(self, spec: Any) -> tuple[Any, ...]:
        """Return the features and labels of a batch."""
        features = self._features.gather(spec.indices)
        return features_batch(features, *self.iterator.targets(spec.indices))


class _Epoch(NamedTuple):
    indices: np.ndarray
    number: int


class CachedAugmentedFeatures(FeatureSource):
    """Cycles through the features of several augmented epochs.

    Args:
        iterator: The iterator, at the start of an epoch.
        features: The output for the samples of epoch 0, then of epoch 1, and so on.
        epochs: Number of cached epochs.
    """

    def __init__(self, iterator: Iterator, features: FeatureStore, epochs: int) -> None:
        super().__init__(iterator)
        self._features = features
        self._epochs = epochs
        self._first_batch = iterator.total_batches_seen

    def next_batch_spec(self) -> _Epoch:
        """Make the decisions of the next batch, and note which cached epoch it is from."""
        batches_seen = self.iterator.total_batches_seen - self._first_batch
        number = batches_seen // len(self.iterator) % self._epochs
        return _Epoch(self.iterator.next_batch_spec().indices, number)

    def compute_batch(self, spec: _Epoch) -> tuple[Any, ...]:
        """Return the features and labels of a batch."""
        features = self._features.gather(spec.number * self.iterator.n + spec.indices)
        return features_batch(features, *self.iterator.targets(spec.indices))


class OnTheFlyFeatures(FeatureSource):
    """Computes the frozen layers for each batch, where its images change.

    Args:
        iterator: An iterator over images.
        feature_extractor: The frozen layers.
    """

    def __init__(self, iterator: Iterator, feature_extractor: keras.Model) -> None:
        super().__init__(iterator)
        self.main_thread_only = iterator.main_thread_only
        self._feature_extractor = feature_extractor

    def compute_batch(self, spec: Any) -> tuple[Any, ...]:
        """Return the features and labels of a batch."""
        images, *others = self.iterator.compute_batch(spec)
        return features_batch(compute_features(self._feature_extractor, images), *others)


def compute_features(feature_extractor: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Run the frozen layers on any number of images, in batches of one size.

    So they are compiled once, and an image's output does not depend on its neighbors.

    Args:
        feature_extractor: The frozen layers.
        images: Shape (images, height, width, channels).

    Returns:
        One array of shape (images, ...) for each output.
    """
    batches = []
    with _one_at_a_time:
        for start in range(0, len(images), BATCH_SIZE):
            part = images[start : start + BATCH_SIZE]
            padded = np.zeros((BATCH_SIZE, *part.shape[1:]), part.dtype)
            padded[: len(part)] = part
            outputs = feature_extractor.predict_on_batch(padded)
            batches.append([np.asarray(output)[: len(part)] for output in outputs])
    return [np.concatenate(outputs) for outputs in zip(*batches)]


def features_batch(
    features: list[np.ndarray], y: Any, sample_weight: np.ndarray | None = None
) -> tuple[Any, ...]:
    """Assemble a batch of features and labels.

    Args:
        features: One array for each input of the trained head.
        y: The labels.
        sample_weight: The samples' weights, or None.

    Returns:
        (x, y) or (x, y, sample_weight).
    """
    x = features[0] if len(features) == 1 else tuple(features)
    return (x, y) if sample_weight is None else (x, y, sample_weight)
