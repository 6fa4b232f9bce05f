"""Caches the frozen layers' output for each image and trains the remaining layers on it."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Generator
from collections.abc import Iterator as IteratorOf
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import keras
import numpy as np

from ...images.iterators.base import BatchSpec, Iterator
from ...images.iterators.file_iterator import FileIterator
from ...images.iterators.numpy_array_iterator import NumpyArrayIterator
from ...images.progress import progress_bar
from ...models.graph.nodes import flat_graph
from ...models.graph.subgraph import Subgraph
from ...models.keras_internals import compile_like
from ...storage.disk_cache import find_entries
from ..data_adapter import batches
from .keys import image_keys, settings_key
from .model_split import SplitModel, split_model
from .on_cluster import batch_images, features_on_cluster
from .sources import (
    BATCH_SIZE,
    CachedAugmentedFeatures,
    CachedFeatures,
    FeatureSource,
    OnTheFlyFeatures,
    compute_features,
    features_batch,
)
from .store import FeatureStore

# Images in a cache entry: what is done when a large set is interrupted is kept.
_SEGMENT = 1 << 16
_logger = logging.getLogger(__name__)
_Chunk: TypeAlias = tuple[np.ndarray, list[np.ndarray]]


@dataclass
class FitInputs:
    """The model that Keras's `fit` is called on, and where its batches come from.

    Attributes:
        model: The user's model, or its head where the frozen layers' output is cached.
        source: Yields the training batches.
        validation: Yields the validation batches, or `(x, y)`, or None.
        temporary: Keys of cache entries that no later run can find again.
    """

    model: keras.Model
    source: Any
    validation: Any
    temporary: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Remove what no later run can use."""
        for key in self.temporary:
            for folder in find_entries("features", key):
                shutil.rmtree(folder, ignore_errors=True)


@dataclass
class CachePolicy:
    """What to cache, and how.

    Attributes:
        images: Number of images that training will draw.
        validation_images: Number of images that all validations together will draw.
        augmented_epochs: Epochs of an augmenting iterator to cache; None for none.
        dtype: Type in which the frozen layers' output is stored.
        workers: Number of threads that read images; one for each core when None.
        verbose: As in `fit`.
        cluster: The Ray cluster that computes the output of many images; None for this machine.
    """

    images: float
    validation_images: float
    augmented_epochs: int | None
    dtype: str
    workers: int | None
    verbose: str | int
    cluster: str | None


def fold_held_batch_norm(inputs: FitInputs) -> FitInputs:
    """Replace a training by one of the same layers that takes less time.

    Args:
        inputs: The model and its iterators.

    Returns:
        The training to do instead; the same one where nothing can be folded.
    """
    model = inputs.model
    graph = flat_graph(model)
    if graph is None or len(graph.inputs) != 1 or model.run_eagerly:
        return inputs
    variables = model.trainable_variables
    folded = Subgraph(graph.nodes, graph.inputs, graph.outputs, variables)
    same = [id(each) for each in folded.trainable_variables] == [id(each) for each in variables]
    if not folded.is_folded or not same:
        return inputs
    compile_like(folded, model)
    return replace(inputs, model=folded)


def cache_frozen_layers(inputs: FitInputs, policy: CachePolicy) -> FitInputs:
    """Replace a training by one of the head alone, on the frozen layers' cached output.

    Args:
        inputs: The model and its iterators.
        policy: What to cache.

    Returns:
        The training to do instead; the same one where the model has no frozen layers to begin
        with, the images change from epoch to epoch, or computing the output of all images once
        would cost more than it saves.
    """
    iterator, model = inputs.source, inputs.model
    epochs = policy.augmented_epochs if iterator.varies_between_epochs else None
    if (iterator.varies_between_epochs and not epochs) or not _can_be_split(inputs):
        return inputs
    split = split_model(model)
    if split is None:
        return inputs
    cache = _FeatureCache(split, iterator, model, epochs)
    if len(cache.features.missing) > policy.images:
        return inputs
    try:
        cache.fill(policy)
        validation, caches = _cache_validation(split, inputs.validation, model, policy)
    except OSError as error:
        warnings.warn(
            f"Frozen layers are computed again for each batch: {error}. See "
            "`pykeras-tl cache`, PYKERAS_TL_CACHE_GB and PYKERAS_TL_CACHE.",
            stacklevel=3,
        )
        return inputs
    compile_like(split.head, model)
    _logger.info(
        "The output of the frozen layers up to %s is computed once for each image (%.2g GB on "
        "disk); cache_frozen=False turns this off.",
        ", ".join(split.boundary_names),
        cache.features.bytes / 1e9,
    )
    temporary = [each.key for each in [cache, *caches] if not each.lasting]
    return FitInputs(split.head, cache.source(), validation, temporary)


class _FeatureCache:
    """The cached features of one iterator: what identifies them, and how missing ones are made."""

    def __init__(
        self,
        split: SplitModel,
        iterator: Iterator,
        model: keras.Model,
        epochs: int | None = None,
    ) -> None:
        self._split = split
        self._model = model
        self._iterator = iterator
        self._epochs = epochs
        if epochs:
            iterator.reset()
        settings, self.lasting = settings_key(iterator, augmented=bool(epochs))
        self.key = f"{split.key}-{settings}"
        keys = image_keys(iterator)
        if epochs:
            keys = [b"%d %s" % (epoch, key) for epoch in range(epochs) for key in keys]
        self.features = FeatureStore(self.key, keys)

    def source(self) -> FeatureSource:
        if self._epochs:
            return CachedAugmentedFeatures(self._iterator, self.features, self._epochs)
        return CachedFeatures(self._iterator, self.features)

    def fill(self, policy: CachePolicy) -> None:
        missing = self.features.missing
        if len(missing):
            first = self._split.feature_extractor.parts[0].name
            title = f"{first} … {', '.join(self._split.boundary_names)}"
            if self._epochs:
                self._store(self._augmented(policy), missing, title, policy.dtype)
                return
            for start in range(0, len(missing), _SEGMENT):
                part = missing[start : start + _SEGMENT]
                self._store(self._plain(policy, part), part, title, policy.dtype)

    def _store(
        self, chunks: IteratorOf[_Chunk], numbers: np.ndarray, title: str, dtype: str
    ) -> None:
        self.features.fill(chunks, numbers, f"{title}, {len(numbers):,} images", dtype)

    def _plain(self, policy: CachePolicy, missing: np.ndarray) -> IteratorOf[_Chunk]:
        """Compute the missing images in the order of the files, whatever the iterator's."""
        iterator = self._iterator.in_file_order()
        iterator.batch_size = BATCH_SIZE
        wanted = np.zeros(iterator.n, bool)
        wanted[missing] = True
        specs = [iterator.next_batch_spec() for _ in range(len(iterator))]
        specs = [spec for spec in specs if wanted[spec.indices].any()]
        rows = [spec.indices for spec in specs]
        for indices, features in self._chunks(iterator, specs, rows, policy):
            keep = wanted[indices]
            yield indices[keep], [part[keep] for part in features]

    def _augmented(self, policy: CachePolicy) -> IteratorOf[_Chunk]:
        """Compute the first epochs exactly as training will draw them."""
        iterator = self._iterator
        start = iterator.get_state()
        specs = [iterator.next_batch_spec() for _ in range(len(iterator) * (self._epochs or 1))]
        iterator.set_state(start)
        rows = [
            index // len(iterator) * iterator.n + spec.indices for index, spec in enumerate(specs)
        ]
        yield from self._chunks(iterator, specs, rows, policy)

    def _chunks(
        self,
        iterator: Iterator,
        specs: list[BatchSpec],
        rows: list[np.ndarray],
        policy: CachePolicy,
    ) -> IteratorOf[_Chunk]:
        shown = policy.verbose in (1, "auto")
        bar = progress_bar("Computing frozen layers", len(specs)) if shown else None
        computed = (
            features_on_cluster(self._model, iterator, specs, policy.cluster)
            if policy.cluster and isinstance(iterator, FileIterator)
            else self._features(iterator, specs, policy.workers)
        )
        with bar or nullcontext(lambda steps: None) as advance, closing(computed):
            for indices in rows:
                yield indices, next(computed)
                advance(1)

    def _features(
        self, iterator: Iterator, specs: list[BatchSpec], workers: int | None
    ) -> Generator[list[np.ndarray], None, None]:
        stream = batches(iter(specs).__next__, iterator, workers)
        try:
            for _ in specs:
                images = batch_images(next(stream))
                yield compute_features(self._split.feature_extractor, images)
        finally:
            stream.close()


def _can_be_split(inputs: FitInputs) -> bool:
    """Whether every source yields single images with labels of their own."""
    iterators = [inputs.source]
    if isinstance(inputs.validation, Iterator):
        iterators.append(inputs.validation)
    elif not isinstance(inputs.validation, tuple | None):
        return False
    return not any(
        iterator.class_mode == "input"
        or (isinstance(iterator, NumpyArrayIterator) and iterator.x_misc)
        for iterator in iterators
    )


def _cache_validation(
    split: SplitModel, validation: Any, model: keras.Model, policy: CachePolicy
) -> tuple[Any, list[_FeatureCache]]:
    if validation is None:
        return None, []
    if isinstance(validation, tuple):
        images, *others = validation
        return features_batch(compute_features(split.feature_extractor, images), *others), []
    if validation.varies_between_epochs:
        return OnTheFlyFeatures(validation, split.feature_extractor), []
    cache = _FeatureCache(split, validation, model)
    if len(cache.features.missing) > policy.validation_images:
        return OnTheFlyFeatures(validation, split.feature_extractor), []
    cache.fill(policy)
    return cache.source(), [cache]
