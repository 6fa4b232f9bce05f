"""The callback list of a training that may take two calls of Keras's `fit`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from ...models.keras_internals import initial_epoch, set_initial_epoch


class PartialEpochEnd(Exception):
    """Raised when a resumed epoch ends and more follow."""


class EpochHistory(keras.callbacks.History):
    """Keras's history callback, with NaN where an epoch has no value, so that values align."""

    history: dict[str, list[float]]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Append an epoch's values."""
        logs = logs or {}
        for name in logs:
            self.history.setdefault(name, [math.nan] * len(self.epoch))
        missing = {name: math.nan for name in self.history if name not in logs}
        super().on_epoch_end(epoch, {**logs, **missing})


class ResumableCallbackList(keras.callbacks.CallbackList):
    """Callback list that presents a resumed epoch and the following ones as one training.

    Args:
        user_model: The model that callbacks see.
        fit_model: What Keras's `fit` is called on: the same model, or its head.
        callbacks: Callbacks, in order.
        history: Keras's history callback, which comes after them.
        last: Callbacks that come after all others.
        epochs: Number of the last epoch, counted from 1.
        steps: Batches in an epoch.
        verbose: As in Keras.
    """

    def __init__(
        self,
        user_model: keras.Model,
        fit_model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history: keras.callbacks.History,
        last: Sequence[keras.callbacks.Callback] = (),
        *,
        epochs: int,
        steps: int | None,
        verbose: str | int,
    ) -> None:
        mirrors = [] if fit_model is user_model else [_MirrorTrainingFlags(fit_model)]
        super().__init__(
            [*callbacks, *mirrors, history, *last],
            add_progbar=verbose != 0,
            model=user_model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self.history = history
        self._skipped = 0
        self._last_epoch = epochs
        self._began = False

    def skip(self, steps: int, of: int) -> None:
        """Set how many batches of the next epoch are done already.

        Args:
            steps: Their number.
            of: Number of the last epoch, counted from 1.
        """
        self._skipped = steps
        self._last_epoch = of

    def on_train_begin(self, logs: Any = None) -> None:
        """Call the callbacks, once."""
        if not self._began:
            super().on_train_begin(logs)
        self._began = True

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Call the callbacks with the batch's number within the full epoch."""
        super().on_train_batch_begin(batch + self._skipped, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Call the callbacks with the batch's number within the full epoch."""
        super().on_train_batch_end(batch + self._skipped, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Call the callbacks, and leave Keras's `fit` where the next epoch is a full one.

        Raises:
            PartialEpochEnd: When the epoch was resumed and is not the last.
        """
        super().on_epoch_end(epoch, logs)
        if self._skipped and epoch + 1 < self._last_epoch and not self.model.stop_training:
            raise PartialEpochEnd


def flat_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """List what Keras's `fit` takes as callbacks.

    Args:
        callbacks: A callback, a list of them in any nesting, a `CallbackList`, or None.

    Returns:
        The callbacks, in order.

    Example:
        >>> [type(each).__name__ for each in flat_callbacks(keras.callbacks.TerminateOnNaN())]
        ['TerminateOnNaN']
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return list(keras.tree.flatten(callbacks if callbacks is not None else []))


class _MirrorTrainingFlags(keras.callbacks.Callback):
    """Makes the head start and stop training where callbacks ask the user's model to."""

    def __init__(self, fit_model: keras.Model) -> None:
        super().__init__()
        self._fit_model = fit_model

    def on_train_begin(self, logs: Any = None) -> None:
        set_initial_epoch(self._fit_model, initial_epoch(self.model))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._fit_model.stop_training = self.model.stop_training

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._fit_model.stop_training = self.model.stop_training
