"""Trains a model on an iterator whose arguments have been checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from ..images.iterators.base import Iterator
from .batch_augmentation import AugmentedBatches, BatchAugmenter
from .batches.batch_function import BatchFunction
from .callbacks.callback_list import EpochHistory, PartialEpochEnd, ResumableCallbackList
from .callbacks.failure_callbacks import CollapsedPredictionsWarning, TerminateOnNonFinite
from .checkpoints.checkpoint_manager import TrainingProgress
from .checkpoints.random_state import TorchRandomState
from .checkpoints.run import CheckpointCallback, TrainingRun
from .checkpoints.state import run_fingerprint
from .data_adapter import FitData, FitDataCallback, SequentialDataset
from .devices.augmentation import BatchesToAugment, augment_on_device, augments_on_device
from .devices.distribution import distributed, equal_parts, metric_callbacks
from .devices.precision import computing_in
from .distillation import Teacher
from .feature_cache.caching import (
    CachePolicy,
    FitInputs,
    cache_frozen_layers,
    fold_held_batch_norm,
)
from .feature_cache.sources import FeatureSource, OnTheFlyFeatures
from .history import History
from .keras_training import keras_fit

# What a run notes beside the data whose frozen layers' output is cached.
_ON_DEVICE = "augmented on the device"


@dataclass
class FitConfig:
    """The arguments of `fit` for an iterator, checked and normalized.

    `steps` is `steps_per_epoch`; `validation_steps` is an integer where validation data come
    from an iterator.
    """

    model: keras.Model
    iterator: Iterator
    validation_data: Any
    validation_steps: Any
    validation_freq: int | list[int]
    callbacks: list[keras.callbacks.Callback]
    epochs: int
    initial_epoch: int
    steps: int
    class_weight: dict[int, float] | None
    verbose: str | int
    workers: int | None
    cache_frozen: bool | str
    cached_augmented_epochs: int | None
    batch_augmenter: BatchAugmenter | Teacher | None
    save_minutes: float
    cluster: str | None
    devices: list[str]
    augment_on: str
    mixed_precision: str | None

    @property
    def iterators(self) -> dict[str, Iterator]:
        """The iterators that training draws from, by name."""
        if isinstance(self.validation_data, Iterator):
            return {"training": self.iterator, "validation": self.validation_data}
        return {"training": self.iterator}

    @property
    def validates_on_function(self) -> bool:
        """Whether validation data come from a function that makes batches."""
        return isinstance(self.validation_data, BatchFunction)

    @property
    def validates_on_iterator(self) -> bool:
        """Whether validation data come from an iterator."""
        return isinstance(self.validation_data, Iterator)

    def fingerprint(self) -> dict[str, str]:
        """Return what must be the same for the run to resume; `epochs` may grow."""
        # Left out at their defaults, so that runs that began before they existed resume. Devices
        # may change, since the weights do not depend on them.
        optional: dict[str, Any] = {}
        if self.batch_augmenter is not None:
            optional["batch_augmentation"] = self.batch_augmenter.fingerprint()
        if self.validation_freq != 1:
            optional["validation_freq"] = self.validation_freq
        if self.mixed_precision:
            optional["mixed_precision"] = self.mixed_precision
        return run_fingerprint(
            self.model,
            {"training": self.iterator, "validation": self.validation_data},
            self.callbacks,
            steps_per_epoch=self.steps,
            validation_steps=self.validation_steps,
            initial_epoch=self.initial_epoch,
            class_weight=self.class_weight,
            cache_frozen=self.cache_frozen,
            cached_augmented_epochs=self.cached_augmented_epochs,
            **optional,
        )

    def inputs(self, cached: dict[str, bool] | None) -> FitInputs:
        """Decide whether to train on the frozen layers' cached output, and where to augment.

        Args:
            cached: What was decided when the run began; None for a new one. The same is done
                again, since sums are rounded differently otherwise.
        """
        inputs = FitInputs(self.model, self.iterator, self.validation_data)
        if self.batch_augmenter is not None:
            # Images are never the same, so that nothing can be computed once.
            inputs.source = AugmentedBatches(self.iterator, self.batch_augmenter)
            return inputs
        if self.cache_frozen and not self.validates_on_function:
            inputs = self._cached(inputs, cached)
        if isinstance(inputs.source, Iterator):
            if cached is None:
                # The time of a step is measured with the precision that it will have.
                with computing_in(inputs.model, self.mixed_precision):
                    on_device = augments_on_device(inputs, self.augment_on, self.workers)
            else:
                on_device = cached.get(_ON_DEVICE, False)
            inputs = augment_on_device(inputs) if on_device else inputs
        return inputs

    def _cached(self, inputs: FitInputs, cached: dict[str, bool] | None) -> FitInputs:
        epochs = self.epochs - self.initial_epoch
        images: float = epochs * self.steps * self.iterator.batch_size
        validation_images: float = 0
        if isinstance(self.validation_data, Iterator):
            batches = epochs * (self.validation_steps or 0)
            validation_images = batches * self.validation_data.batch_size
        if cached is not None:
            images = math.inf if cached["training"] else -1
            validation_images = math.inf if cached["validation"] else -1
        policy = CachePolicy(
            images=images,
            validation_images=validation_images,
            augmented_epochs=self.cached_augmented_epochs,
            dtype=self.cache_frozen if isinstance(self.cache_frozen, str) else "float32",
            workers=self.workers,
            verbose=self.verbose,
            cluster=self.cluster,
        )
        return cache_frozen_layers(inputs, policy)


def train(config: FitConfig, run: TrainingRun | None = None) -> History:
    """Train on an iterator, from the beginning or from where a run stopped.

    Args:
        config: What to train.
        run: The run in its folder, where there is one.

    Returns:
        The history, with the epochs before the interruption.
    """
    progress, last_epoch = TrainingProgress(config.initial_epoch), config.epochs
    if run is not None:
        run.restore(config.model, config.callbacks, config.iterators)
        if run.progress is not None:
            progress = run.progress
            last_epoch = progress.epochs if run.stopped else max(progress.epochs, last_epoch)
    inputs = FitInputs(config.model, config.iterator, config.validation_data)
    if progress.epochs < last_epoch:
        inputs = config.inputs(run.cached if run is not None else None)
        inputs = fold_held_batch_norm(inputs)
    if run is not None:
        run.restore_iterators(config.iterators)
    trainer = _Trainer(config, inputs, run)
    try:
        with (
            computing_in(inputs.model, config.mixed_precision),
            distributed(config.model, inputs.model, config.devices, trainer.build_metrics),
        ):
            return trainer.fit(progress, last_epoch)
    finally:
        inputs.close()


class _Trainer:
    """The one or two calls of Keras's `fit` that make up a training."""

    def __init__(self, config: FitConfig, inputs: FitInputs, run: TrainingRun | None) -> None:
        self._config = config
        self._inputs = inputs
        self._fit_data_callback = FitDataCallback()
        history = EpochHistory()
        first = metric_callbacks(
            inputs.model, self._fit_data_callback, config.iterators, config.devices
        )
        callbacks = [TerminateOnNonFinite(inputs.model), *config.callbacks]
        if keras.backend.backend() == "torch":
            callbacks.append(TorchRandomState())
        last: list[keras.callbacks.Callback] = []
        if config.validates_on_iterator:
            last.append(
                CollapsedPredictionsWarning(inputs, config.validation_data, config.validation_steps)
            )
        if run is not None:
            last.append(
                CheckpointCallback(
                    run,
                    inputs.model,
                    callbacks,
                    history,
                    self._fit_data_callback,
                    {
                        "training": _is_cached(inputs.source),
                        "validation": _is_cached(inputs.validation),
                        _ON_DEVICE: isinstance(inputs.source, BatchesToAugment),
                    },
                    config.steps,
                    config.save_minutes,
                )
            )
        self._callbacks = ResumableCallbackList(
            config.model,
            inputs.model,
            [*first, *callbacks, self._fit_data_callback],
            history,
            last,
            epochs=config.epochs,
            steps=config.steps,
            verbose=config.verbose,
        )

    def fit(self, progress: TrainingProgress, last_epoch: int) -> History:
        """Train from some progress to the end of an epoch."""
        if progress.steps and progress.epochs < last_epoch:
            # Keras resets its metrics, and builds them where they are used for the first time.
            self.build_metrics()
            remaining = self._config.steps - progress.steps
            try:
                return self._fit(
                    progress.epochs, last_epoch, remaining, runs=1, skipped=progress.steps
                )
            except PartialEpochEnd:
                progress = TrainingProgress(progress.epochs + 1)
        return self._fit(
            progress.epochs,
            last_epoch,
            self._config.steps,
            runs=last_epoch - progress.epochs,
        )

    def _fit(
        self, first_epoch: int, last_epoch: int, steps: int, runs: int, skipped: int = 0
    ) -> History:
        config, fit_data = self._config, self._fit_data(runs, steps)
        self._fit_data_callback.fit_data = fit_data
        self._callbacks.skip(skipped, of=last_epoch)
        by_keras = fit_data.validation is None
        try:
            return keras_fit(
                self._inputs.model,
                self._callbacks,
                epochs=last_epoch,
                initial_epoch=first_epoch,
                verbose=config.verbose,
                x=fit_data.training,
                shuffle=False,
                steps_per_epoch=steps,
                validation_data=self._inputs.validation if by_keras else fit_data.validation,
                validation_steps=config.validation_steps if by_keras else None,
                validation_freq=config.validation_freq,
                class_weight=config.class_weight,
            )
        except PartialEpochEnd:
            raise
        except Exception:
            error = fit_data.error()
            if error is not None:
                # TensorFlow wraps what happens in its thread into an error of its own.
                raise error from None
            raise
        finally:
            fit_data.close()

    def _fit_data(self, runs: int, steps: int) -> FitData:
        config, validation = self._config, None
        parts = equal_parts(config.devices)
        training = SequentialDataset(self._inputs.source, runs, steps, config.workers, parts)
        if config.validates_on_iterator or config.validates_on_function:
            validation = SequentialDataset(
                self._inputs.validation, None, config.validation_steps, config.workers, parts
            )
        return FitData(training, validation)

    def build_metrics(self) -> None:
        """Build the metrics with a batch, without a trace of it."""
        dataset = SequentialDataset(self._inputs.source, 1, 1, self._config.workers)
        try:
            self._inputs.model.test_on_batch(*dataset[0])
        finally:
            dataset.close()


def _is_cached(source: Any) -> bool:
    """Whether features were computed once; those computed on the fly are not."""
    return isinstance(source, FeatureSource) and not isinstance(source, OnTheFlyFeatures)
