"""Runs a training whose arguments have been checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ..images.iterators import Iterator
from .feed import Feed, FeedCallback
from .frozen import Plan, Training, cut_training
from .history import History
from .resuming import CheckpointCallback, Run
from .run_state import settings_of


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

    def cut(self) -> Training:
        """Decide what is trained on what."""
        training = Training(self.model, self.flow, self.validation_data)
        if not self.cache_frozen:
            return training
        # Counted over the whole run, so that one that goes on decides as it did before.
        epochs = self.epochs - self.initial_epoch
        plan = Plan(
            pictures=epochs * self.steps * self.flow.batch_size,
            validation_pictures=epochs
            * sum(
                (self.validation_steps or 0) * flow.batch_size
                for flow in self.validation_flow.values()
            ),
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
    begin, end = job.initial_epoch, job.epochs
    if run is not None and run.epochs_done is not None:
        run.restore_model(job.model, job.callbacks)
        begin = run.epochs_done
        end = begin if run.stopped else max(begin, end)
    training = job.cut()
    if run is not None:
        run.restore_flows({"training": job.flow, **job.validation_flow})
    feed = Feed(training.source, end - begin, job.steps, job.workers)
    validation = training.validation
    if job.validation_flow:
        validation = Feed(validation, None, job.validation_steps or 1, job.workers)
    feeds = [each for each in (feed, validation) if isinstance(each, Feed)]
    gathered = keras.callbacks.History()
    saving = []
    if run is not None:
        saving = [CheckpointCallback(run, job.callbacks, gathered, feed, job.validation_flow)]
    try:
        return run_keras(
            job.model,
            training.model,
            [*job.callbacks, FeedCallback(*feeds)],
            gathered,
            *saving,
            epochs=end,
            initial_epoch=begin,
            verbose=job.verbose,
            x=feed,
            shuffle=False,
            steps_per_epoch=job.steps,
            validation_data=validation,
            validation_steps=None if job.validation_flow else job.validation_steps,
            class_weight=job.class_weight,
        )
    except Exception:
        for each in feeds:
            if each.error is not None:
                # TensorFlow wraps what happens in its thread into an error of its own.
                raise each.error from None
        raise
    finally:
        for each in feeds:
            each.close()
        training.close()


def run_keras(
    model: keras.Model,
    trained: keras.Model,
    callbacks: Sequence[keras.callbacks.Callback],
    gathered: keras.callbacks.History,
    *last: keras.callbacks.Callback,
    epochs: int,
    verbose: str | int,
    steps_per_epoch: int | None,
    **options: Any,
) -> History:
    """Run Keras's `fit`.

    Args:
        model: The model that callbacks see.
        trained: What `fit` is called on: the same, or its part that is trained.
        callbacks: Callbacks, in order.
        gathered: Keras's history, which comes after them.
        *last: Callbacks that come after all others.
        epochs: Number of the last epoch, counted from 1.
        verbose: As in Keras.
        steps_per_epoch: Batches in an epoch.
        **options: Further arguments of `fit`.

    Returns:
        The history; of the finished epochs, where the user stopped training.
    """
    followers = [] if trained is model else [_Follow(trained)]
    listed = keras.callbacks.CallbackList(
        [*callbacks, *followers, gathered, *last],
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    model.stop_training = False
    trained.history = gathered
    stopped = False
    try:
        trained.fit(
            callbacks=listed,
            epochs=epochs,
            verbose=verbose,
            steps_per_epoch=steps_per_epoch,
            **options,
        )
    except KeyboardInterrupt:
        if not gathered.epoch:
            raise
        stopped = True
        print(f"\nStopped after epoch {gathered.epoch[-1] + 1}, which the history ends with.")
    history = History.from_logs(gathered.history, gathered.epoch, gathered.params)
    history.stopped = stopped
    return history


class _Follow(keras.callbacks.Callback):
    """Lets the part that is trained stop and begin where callbacks tell the whole model to."""

    def __init__(self, trained: keras.Model) -> None:
        super().__init__()
        self._trained = trained

    def on_train_begin(self, logs: Any = None) -> None:
        self._trained._initial_epoch = self.model._initial_epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._trained.stop_training = self.model.stop_training

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._trained.stop_training = self.model.stop_training
