"""Runs a training whose arguments have been checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from ..images.iterators.base import Iterator
from .callback_list import PartialEpochEnd, ResumableCallbackList
from .checkpoints.checkpoint_manager import TrainingProgress
from .checkpoints.run import CheckpointCallback, TrainingRun
from .checkpoints.state import run_fingerprint
from .data_adapter import FitData, FitDataCallback, SequentialDataset
from .failure_callbacks import CollapsedPredictionsWarning, TerminateOnNonFinite
from .feature_cache.caching import CachedFeatures, CachePolicy, FitInputs, cache_frozen_layers
from .history import History


@dataclass
class Job:
    """The arguments of `fit` for a flow, checked and in their plain form.

    `steps` is `steps_per_epoch`, and `validation_steps` whole where validation is a flow.
    """

    model: keras.Model
    flow: Iterator
    validation_data: Any
    validation_steps: Any
    callbacks: list[keras.callbacks.Callback]
    epochs: int
    initial_epoch: int
    steps: int
    class_weight: dict[int, float] | None
    verbose: str | int
    workers: int | None
    cache_frozen: bool | str
    cached_augmented_epochs: int | None
    save_minutes: float

    @property
    def flows(self) -> dict[str, Iterator]:
        """The flows that training draws from, by name."""
        return {"training": self.flow, **self.validation_flow}

    @property
    def validation_flow(self) -> dict[str, Iterator]:
        """The flow of validation under its name, where it is a flow."""
        if isinstance(self.validation_data, Iterator):
            return {"validation": self.validation_data}
        return {}

    def settings(self) -> dict[str, str]:
        """What must be the same for the run to go on; more epochs may be asked for."""
        return run_fingerprint(
            self.model,
            {"training": self.flow, "validation": self.validation_data},
            self.callbacks,
            steps_per_epoch=self.steps,
            validation_steps=self.validation_steps,
            initial_epoch=self.initial_epoch,
            class_weight=self.class_weight,
            cache_frozen=self.cache_frozen,
            cached_augmented_epochs=self.cached_augmented_epochs,
        )

    def cut(self, before: dict[str, bool] | None) -> FitInputs:
        """Decide what is trained on what.

        Args:
            before: What was decided when the run began; `None` for a new one. It is kept to,
                since sums come out in another order elsewhere.
        """
        training = FitInputs(self.model, self.flow, self.validation_data)
        if not self.cache_frozen:
            return training
        epochs = self.epochs - self.initial_epoch
        images: float = epochs * self.steps * self.flow.batch_size
        validation_images: float = epochs * sum(
            (self.validation_steps or 0) * flow.batch_size for flow in self.validation_flow.values()
        )
        if before is not None:
            images = math.inf if before["training"] else -1
            validation_images = math.inf if before["validation"] else -1
        plan = CachePolicy(
            images=images,
            validation_images=validation_images,
            cached_augmented_epochs=self.cached_augmented_epochs,
            dtype=self.cache_frozen if isinstance(self.cache_frozen, str) else "float32",
            workers=self.workers,
            verbose=self.verbose,
        )
        return cache_frozen_layers(training, plan)


def train(job: Job, run: TrainingRun | None = None) -> History:
    """Train on a flow, from the beginning or from where a run stopped.

    Args:
        job: What to train.
        run: The run in its folder, where one is kept.

    Returns:
        The history, the epochs before included.
    """
    place, end = TrainingProgress(job.initial_epoch), job.epochs
    if run is not None:
        run.begin(job.model, job.callbacks, job.flows)
        if run.place is not None:
            place = run.place
            end = place.epochs if run.stopped else max(place.epochs, end)
    training = FitInputs(job.model, job.flow, job.validation_data)
    if place.epochs < end:
        training = job.cut(run.cached if run is not None else None)
    if run is not None:
        run.restore_flows(job.flows)
    try:
        return _Trainer(job, training, run).fit(place, end)
    finally:
        training.close()


class _Trainer:
    """The calls of Keras's `fit` that make up one training."""

    def __init__(self, job: Job, training: FitInputs, run: TrainingRun | None) -> None:
        self._job = job
        self._training = training
        self._feeding = FitDataCallback()
        history_callback = keras.callbacks.History()
        callbacks = [TerminateOnNonFinite(training.model), *job.callbacks]
        last: list[keras.callbacks.Callback] = []
        if job.validation_flow:
            last.append(
                CollapsedPredictionsWarning(training, job.validation_data, job.validation_steps)
            )
        if run is not None:
            cached = {
                "training": isinstance(training.source, CachedFeatures),
                "validation": isinstance(training.validation, CachedFeatures),
            }
            last.append(
                CheckpointCallback(
                    run,
                    training.model,
                    callbacks,
                    history_callback,
                    self._feeding,
                    cached,
                    job.steps,
                    job.save_minutes,
                )
            )
        self._callbacks = ResumableCallbackList(
            job.model,
            training.model,
            [*callbacks, self._feeding],
            history_callback,
            last,
            epochs=job.epochs,
            steps=job.steps,
            verbose=job.verbose,
        )

    def fit(self, place: TrainingProgress, end: int) -> History:
        """Train from a place to the end of an epoch."""
        if place.steps and place.epochs < end:
            # Keras resets its metrics, and builds them where they are used for the first time.
            self._build_metrics()
            rest = self._job.steps - place.steps
            try:
                return self._fit(place.epochs, end, rest, passes=1, skipped=place.steps)
            except PartialEpochEnd:
                place = TrainingProgress(place.epochs + 1)
        return self._fit(place.epochs, end, self._job.steps, passes=end - place.epochs)

    def _fit(self, begin: int, end: int, steps: int, passes: int, skipped: int = 0) -> History:
        job, feeds = self._job, self._feeds(passes, steps)
        self._feeding.feeds = feeds
        self._callbacks.skip(skipped, of=end)
        own = feeds.validation is None
        try:
            return keras_fit(
                self._training.model,
                self._callbacks,
                epochs=end,
                initial_epoch=begin,
                verbose=job.verbose,
                x=feeds.training,
                shuffle=False,
                steps_per_epoch=steps,
                validation_data=self._training.validation if own else feeds.validation,
                validation_steps=job.validation_steps if own else None,
                class_weight=job.class_weight,
            )
        except PartialEpochEnd:
            raise
        except Exception:
            error = feeds.error()
            if error is not None:
                # TensorFlow wraps what happens in its thread into an error of its own.
                raise error from None
            raise
        finally:
            feeds.close()

    def _feeds(self, passes: int, steps: int) -> FitData:
        job, validation = self._job, None
        training = SequentialDataset(self._training.source, passes, steps, job.workers)
        if job.validation_flow:
            validation = SequentialDataset(
                self._training.validation, None, job.validation_steps, job.workers
            )
        return FitData(training, validation)

    def _build_metrics(self) -> None:
        feed = SequentialDataset(self._training.source, 1, 1, self._job.workers)
        try:
            self._training.model.test_on_batch(*feed[0])
        finally:
            feed.close()


def keras_fit(trained: keras.Model, callbacks: ResumableCallbackList, **options: Any) -> History:
    """TrainingRun Keras's `fit`.

    Args:
        trained: What `fit` is called on: a model, or its part that is trained.
        callbacks: The callbacks.
        **options: Further arguments of `fit`.

    Returns:
        The history; of the finished epochs, where the user stopped training.
    """
    history_callback = callbacks.history_callback
    callbacks.model.stop_training = False
    trained.history = history_callback
    stopped = False
    try:
        trained.fit(callbacks=callbacks, **options)
    except KeyboardInterrupt:
        if not history_callback.epoch:
            raise
        stopped = True
        print(
            f"\nStopped after epoch {history_callback.epoch[-1] + 1}, which the history ends with."
        )
    history = History.from_logs(
        history_callback.history, history_callback.epoch, history_callback.params
    )
    history.stopped = stopped
    return history
