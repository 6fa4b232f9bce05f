"""Runs a training whose arguments have been checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from ..images.iterators.base import Iterator
from .callback_list import EpochDone, Listed
from .checkpoints.checkpoint_manager import Place
from .checkpoints.run import CheckpointCallback, Run
from .checkpoints.state import settings_of
from .data_adapter import Feed, FeedCallback, Feeds
from .failure_callbacks import LossWatch, PredictionWatch
from .feature_cache.caching import FeatureSource, Plan, Training, cut_training
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
    augmented_passes: int | None
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
        return settings_of(
            self.model,
            {"training": self.flow, "validation": self.validation_data},
            self.callbacks,
            steps_per_epoch=self.steps,
            validation_steps=self.validation_steps,
            initial_epoch=self.initial_epoch,
            class_weight=self.class_weight,
            cache_frozen=self.cache_frozen,
            augmented_passes=self.augmented_passes,
        )

    def cut(self, before: dict[str, bool] | None) -> Training:
        """Decide what is trained on what.

        Args:
            before: What was decided when the run began; `None` for a new one. It is kept to,
                since sums come out in another order elsewhere.
        """
        training = Training(self.model, self.flow, self.validation_data)
        if not self.cache_frozen:
            return training
        epochs = self.epochs - self.initial_epoch
        pictures: float = epochs * self.steps * self.flow.batch_size
        validation_pictures: float = epochs * sum(
            (self.validation_steps or 0) * flow.batch_size for flow in self.validation_flow.values()
        )
        if before is not None:
            pictures = math.inf if before["training"] else -1
            validation_pictures = math.inf if before["validation"] else -1
        plan = Plan(
            pictures=pictures,
            validation_pictures=validation_pictures,
            augmented_passes=self.augmented_passes,
            dtype=self.cache_frozen if isinstance(self.cache_frozen, str) else "float32",
            workers=self.workers,
            verbose=self.verbose,
        )
        return cut_training(training, plan)


def train(job: Job, run: Run | None = None) -> History:
    """Train on a flow, from the beginning or from where a run stopped.

    Args:
        job: What to train.
        run: The run in its folder, where one is kept.

    Returns:
        The history, the epochs before included.
    """
    place, end = Place(job.initial_epoch), job.epochs
    if run is not None:
        run.begin(job.model, job.callbacks, job.flows)
        if run.place is not None:
            place = run.place
            end = place.epochs if run.stopped else max(place.epochs, end)
    training = Training(job.model, job.flow, job.validation_data)
    if place.epochs < end:
        training = job.cut(run.cached if run is not None else None)
    if run is not None:
        run.restore_flows(job.flows)
    try:
        return _Fitting(job, training, run).fit(place, end)
    finally:
        training.close()


class _Fitting:
    """The calls of Keras's `fit` that make up one training."""

    def __init__(self, job: Job, training: Training, run: Run | None) -> None:
        self._job = job
        self._training = training
        self._feeding = FeedCallback()
        gathered = keras.callbacks.History()
        callbacks = [LossWatch(training.model), *job.callbacks]
        last: list[keras.callbacks.Callback] = []
        if job.validation_flow:
            last.append(PredictionWatch(training, job.validation_data, job.validation_steps))
        if run is not None:
            cached = {
                "training": isinstance(training.source, FeatureSource),
                "validation": isinstance(training.validation, FeatureSource),
            }
            last.append(
                CheckpointCallback(
                    run,
                    training.model,
                    callbacks,
                    gathered,
                    self._feeding,
                    cached,
                    job.steps,
                    job.save_minutes,
                )
            )
        self._callbacks = Listed(
            job.model,
            training.model,
            [*callbacks, self._feeding],
            gathered,
            last,
            epochs=job.epochs,
            steps=job.steps,
            verbose=job.verbose,
        )

    def fit(self, place: Place, end: int) -> History:
        """Train from a place to the end of an epoch."""
        if place.steps and place.epochs < end:
            # Keras resets its metrics, and builds them where they are used for the first time.
            self._build_metrics()
            rest = self._job.steps - place.steps
            try:
                return self._fit(place.epochs, end, rest, passes=1, skipped=place.steps)
            except EpochDone:
                place = Place(place.epochs + 1)
        return self._fit(place.epochs, end, self._job.steps, passes=end - place.epochs)

    def _fit(self, begin: int, end: int, steps: int, passes: int, skipped: int = 0) -> History:
        job, feeds = self._job, self._feeds(passes, steps)
        self._feeding.feeds = feeds
        self._callbacks.skip(skipped, of=end)
        own = feeds.validation is None
        try:
            return run_keras(
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
        except EpochDone:
            raise
        except Exception:
            error = feeds.error()
            if error is not None:
                # TensorFlow wraps what happens in its thread into an error of its own.
                raise error from None
            raise
        finally:
            feeds.close()

    def _feeds(self, passes: int, steps: int) -> Feeds:
        job, validation = self._job, None
        training = Feed(self._training.source, passes, steps, job.workers)
        if job.validation_flow:
            validation = Feed(self._training.validation, None, job.validation_steps, job.workers)
        return Feeds(training, validation)

    def _build_metrics(self) -> None:
        feed = Feed(self._training.source, 1, 1, self._job.workers)
        try:
            self._training.model.test_on_batch(*feed[0])
        finally:
            feed.close()


def run_keras(trained: keras.Model, callbacks: Listed, **options: Any) -> History:
    """Run Keras's `fit`.

    Args:
        trained: What `fit` is called on: a model, or its part that is trained.
        callbacks: The callbacks.
        **options: Further arguments of `fit`.

    Returns:
        The history; of the finished epochs, where the user stopped training.
    """
    gathered = callbacks.gathered
    callbacks.model.stop_training = False
    trained.history = gathered
    stopped = False
    try:
        trained.fit(callbacks=callbacks, **options)
    except KeyboardInterrupt:
        if not gathered.epoch:
            raise
        stopped = True
        print(f"\nStopped after epoch {gathered.epoch[-1] + 1}, which the history ends with.")
    history = History.from_logs(gathered.history, gathered.epoch, gathered.params)
    history.stopped = stopped
    return history
