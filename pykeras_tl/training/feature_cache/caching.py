"""Computes a model's frozen beginning once for each image, and trains the rest on that."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator as Iterates
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...images.iterators.state import read_position, set_position
from ...storage.disk_cache import find_entries
from ..data_adapter import batches
from .keys import image_keys, settings_key
from .model_split import Cut, split_model
from .store import FeatureStore

_BATCH = 32


_Chunk: TypeAlias = tuple[np.ndarray, list[np.ndarray]]


@dataclass
class FitInputs:
    """What is trained on what.

    Attributes:
        model: What Keras's `fit` is called on: the model itself, or its part after the cut.
        source: Gives the training batches.
        validation: Gives those of validation, or `(x, y)`, or `None`.
        temporary: Keys of stores that no later run can find again.
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
    """How much will be trained and validated.

    Attributes:
        images: Images that training will draw.
        validation_images: Images that all validations together will draw.
        cached_augmented_epochs: Passes to draw from an augmenting flow; `None` for none.
        dtype: In which the frozen layers' output is kept.
        workers: Threads that read images; `None` for as many as cores.
        verbose: As in `fit`.
    """

    images: float
    validation_images: float
    cached_augmented_epochs: int | None
    dtype: str
    workers: int | None
    verbose: str | int


def cache_frozen_layers(training: FitInputs, plan: CachePolicy) -> FitInputs:
    """Train only what is behind the model's frozen beginning, where that is the same.

    Args:
        training: The model and its flows.
        plan: How much will be trained.

    Returns:
        The training to do instead; the same one where the model has no frozen beginning,
        the images change from epoch to epoch, or computing all of them once would cost
        more than it saves.
    """
    flow, model = training.source, training.model
    passes = plan.cached_augmented_epochs if flow.images_change else None
    if (flow.images_change and not passes) or not _can_be_cut(training):
        return training
    cut = split_model(model)
    if cut is None:
        return training
    store = _FlowFeatures(cut, flow, passes)
    if len(store.features.missing) > plan.images:
        return training
    try:
        store.fill(plan)
        validation, stores = _validation(cut, training.validation, plan)
    except OSError as error:
        warnings.warn(
            f"Frozen layers are computed again for each batch: {error}. See "
            "`pykeras-tl cache`, PYKERAS_TL_CACHE_GB and PYKERAS_TL_CACHE.",
            stacklevel=3,
        )
        return training
    _compile_like(cut.rest, model)
    if plan.verbose != 0:
        print(
            f"Frozen layers up to {', '.join(cut.last)} are computed once for each image "
            f"({store.features.bytes / 1e9:.2g} GB on disk); cache_frozen=False turns this off."
        )
    temporary = [each.key for each in [store, *stores] if not each.lasting]
    return FitInputs(cut.rest, store.source(), validation, temporary)


class CachedFeatures:
    """Stands in for a flow: the same samples in the same order, the features for images.

    Args:
        flow: The flow.
        features: The frozen layers' output for the flow's samples.
    """

    main_thread_only = False

    def __init__(self, flow: Iterator, features: FeatureStore) -> None:
        self.flow = flow
        self._features = features

    def draw(self) -> Any:
        """Draw a batch from the flow."""
        return self.flow.draw().indices

    def make(self, plan: Any) -> Any:
        """Give the features and labels of a batch."""
        return _batch(self._features.gather(plan), *self.flow.targets(plan))

    def reset(self) -> None:
        """Go back to the first batch of a pass."""
        self.flow.reset()

    def __len__(self) -> int:
        return len(self.flow)


class _Epoch(NamedTuple):
    indices: np.ndarray
    number: int


class CachedAugmentedFeatures(CachedFeatures):
    """The same over several augmented passes, one after another and round again.

    Args:
        flow: The flow, at the beginning of a pass.
        features: The output for pass 0's samples, then pass 1's, and so on.
        passes: Number of passes.
    """

    def __init__(self, flow: Iterator, features: FeatureStore, passes: int) -> None:
        super().__init__(flow, features)
        self._passes = passes
        self._begin = flow.total_batches_seen

    def draw(self) -> _Epoch:
        """Draw a batch from the flow, and note which pass it belongs to."""
        number = (self.flow.total_batches_seen - self._begin) // len(self.flow) % self._passes
        return _Epoch(self.flow.draw().indices, number)

    def make(self, plan: _Epoch) -> Any:
        """Give the features and labels of a batch."""
        features = self._features.gather(plan.number * self.flow.n + plan.indices)
        return _batch(features, *self.flow.targets(plan.indices))


class OnTheFlyFeatures:
    """Computes the frozen layers for each batch, where its images change.

    Args:
        flow: An augmenting flow.
        beginning: The frozen beginning.
    """

    def __init__(self, flow: Iterator, beginning: keras.Model) -> None:
        self.flow = flow
        self.main_thread_only = flow.main_thread_only
        self._beginning = beginning
        self.draw = flow.draw
        self.reset = flow.reset

    def make(self, plan: Any) -> Any:
        """Give the features and labels of a batch."""
        images, *others = self.flow.make(plan)
        return _batch(_compute(self._beginning, images), *others)

    def __len__(self) -> int:
        return len(self.flow)


class _FlowFeatures:
    """The features of one flow: what they depend on, and how the missing ones are made."""

    def __init__(self, cut: Cut, flow: Iterator, passes: int | None = None) -> None:
        self._cut = cut
        self._flow = flow
        self._passes = passes
        if passes:
            flow.reset()
        settings, self.lasting = settings_key(flow, augmented=bool(passes))
        self.key = f"{cut.key}-{settings}"
        digests = image_keys(flow)
        if passes:
            digests = [b"%d %s" % (each, digest) for each in range(passes) for digest in digests]
        self.features = FeatureStore(self.key, digests)

    def source(self) -> CachedFeatures:
        if self._passes:
            return CachedAugmentedFeatures(self._flow, self.features, self._passes)
        return CachedFeatures(self._flow, self.features)

    def fill(self, plan: CachePolicy) -> None:
        missing = self.features.missing
        if len(missing):
            title = f"{self._cut.beginning.parts[0].name} … {', '.join(self._cut.last)}"
            chunks = self._augmented(plan) if self._passes else self._plain(plan, missing)
            self.features.fill(chunks, f"{title}, {len(missing):,} images", plan.dtype)

    def _plain(self, plan: CachePolicy, missing: np.ndarray) -> Iterates[_Chunk]:
        """The missing images in the order of the files, whatever the flow's."""
        flow = self._flow.in_file_order()
        flow.batch_size = _BATCH
        wanted = np.zeros(flow.n, bool)
        wanted[missing] = True
        drawn = [flow.draw() for _ in range(len(flow))]
        drawn = [each for each in drawn if wanted[each.indices].any()]
        numbers = [each.indices for each in drawn]
        for indices, features in self._chunks(flow, drawn, numbers, plan):
            keep = wanted[indices]
            yield indices[keep], [part[keep] for part in features]

    def _augmented(self, plan: CachePolicy) -> Iterates[_Chunk]:
        """The first passes exactly as training will draw them."""
        flow = self._flow
        begin = read_position(flow)
        drawn = [flow.draw() for _ in range(len(flow) * (self._passes or 1))]
        set_position(flow, begin)
        numbers = [place // len(flow) * flow.n + each.indices for place, each in enumerate(drawn)]
        yield from self._chunks(flow, drawn, numbers, plan)

    def _chunks(
        self, flow: Iterator, drawn: list[Any], numbers: list[np.ndarray], plan: CachePolicy
    ) -> Iterates[_Chunk]:
        shown = int(plan.verbose in (1, "auto"))
        bar = keras.utils.Progbar(len(drawn), verbose=shown, unit_name="batch")
        made = batches(iter(drawn).__next__, flow, plan.workers)
        try:
            for each in numbers:
                yield each, _compute(self._cut.beginning, _images(next(made)))
                bar.add(1)
        finally:
            made.close()


def _can_be_cut(training: FitInputs) -> bool:
    """Whether every source gives single images with labels of their own."""
    flows = [training.source]
    if isinstance(training.validation, Iterator):
        flows.append(training.validation)
    elif not isinstance(training.validation, tuple | None):
        return False
    return not any(
        getattr(flow, "class_mode", None) == "input" or getattr(flow, "x_misc", None)
        for flow in flows
    )


def _validation(cut: Cut, validation: Any, plan: CachePolicy) -> tuple[Any, list[_FlowFeatures]]:
    if validation is None:
        return None, []
    if isinstance(validation, tuple):
        images, *others = validation
        return _batch(_compute(cut.beginning, images), *others), []
    if validation.images_change:
        return OnTheFlyFeatures(validation, cut.beginning), []
    store = _FlowFeatures(cut, validation)
    if len(store.features.missing) > plan.validation_images:
        return OnTheFlyFeatures(validation, cut.beginning), []
    store.fill(plan)
    return store.source(), [store]


def _compute(beginning: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """TrainingRun the frozen layers on any number of images, in batches of one size.

    So it is compiled once, and an image's output does not depend on those beside it.
    """
    parts = []
    for begin in range(0, len(images), _BATCH):
        some = images[begin : begin + _BATCH]
        filled = np.zeros((_BATCH, *some.shape[1:]), some.dtype)
        filled[: len(some)] = some
        parts.append([np.asarray(part)[: len(some)] for part in beginning.predict_on_batch(filled)])
    return [np.concatenate(part) for part in zip(*parts)]


def _images(batch: Any) -> np.ndarray:
    return batch[0] if isinstance(batch, tuple) else batch


def _batch(features: list[np.ndarray], y: Any, sample_weight: Any = None) -> tuple[Any, ...]:
    x = features[0] if len(features) == 1 else tuple(features)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _compile_like(part: keras.Model, model: keras.Model) -> None:
    """Compile a part of a model as the whole is, on the same optimizer."""
    if not model.optimizer.built:
        # Built on the whole model, so that it is saved and loaded with that.
        model.optimizer.build(model.trainable_variables)
    if hasattr(model, "output_names"):
        part.output_names = model.output_names
    settings = model._compile_config.config
    part.compile(
        **settings | {"optimizer": model.optimizer, "jit_compile": model.jit_compile},
        auto_scale_loss=False,
    )
