"""The frozen layers' output, computed on the machines of a Ray cluster."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Sequence
from typing import Any

import keras
import numpy as np

from ...images.cluster import map_on_machines, require_files
from ...images.iterators.base import BatchSpec
from ...images.iterators.file_iterator import FileIterator
from ...models.saving.architecture import build_architecture, write_architecture
from ..data_adapter import batches
from .model_split import split_model
from .sources import compute_features

# Batches that a machine computes at a time.
_PART = 16
_Features = list[np.ndarray]


def features_on_cluster(
    model: keras.Model, iterator: FileIterator, specs: Sequence[BatchSpec], address: str
) -> Generator[_Features, None, None]:
    """Compute the frozen layers' output for batches.

    Args:
        model: The user's model. Each machine gets a copy, and splits it likewise.
        iterator: The iterator over files, which machines find by the same paths.
        specs: The batches.
        address: As for `connect`.

    Yields:
        The output for each batch, in order.

    Raises:
        FileNotFoundError: If a machine does not see a file.
    """
    sent: Any = copy.copy(iterator)
    # What a machine needs for no batch, or makes anew.
    sent.lock = sent._opened = None
    described, weights = write_architecture(model), model.get_weights()

    def make() -> Callable[[Sequence[BatchSpec]], list[_Features]]:
        copied = build_architecture(described, [array.shape for array in weights])
        copied.set_weights(weights)
        split = split_model(copied)
        assert split is not None
        extractor = split.feature_extractor

        def work(some: Sequence[BatchSpec]) -> list[_Features]:
            require_files([sent._path(row) for spec in some for row in spec.indices.tolist()])
            stream = batches(iter(some).__next__, sent, None)
            try:
                return [compute_features(extractor, batch_images(next(stream))) for _ in some]
            finally:
                stream.close()

        return work

    parts = [specs[start : start + _PART] for start in range(0, len(specs), _PART)]
    for outputs in map_on_machines(make, parts, address):
        yield from outputs


def batch_images(batch: Any) -> np.ndarray:
    """Return the images of a batch.

    Args:
        batch: x, (x, y) or (x, y, sample_weight).

    Returns:
        x.
    """
    images: np.ndarray = batch[0] if isinstance(batch, tuple) else batch
    return images
