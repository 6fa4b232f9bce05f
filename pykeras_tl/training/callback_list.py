"""The callbacks of one training, also where it takes two calls of Keras's `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


class PartialEpochEnd(Exception):
    """The rest of an epoch that had begun before is trained, and there are more to come."""


class ResumableCallbackList(keras.callbacks.CallbackList):
    """Callbacks in their order, to which the rest of an epoch and those after it are one.

    Args:
        model: The model that callbacks see.
        trained: What Keras's `fit` is called on: the same, or its part that is trained.
        callbacks: Callbacks, in order.
        history_callback: Keras's history, which comes after them.
        last: Callbacks that come after all others.
        epochs: Number of the last epoch, counted from 1.
        steps: Batches in an epoch.
        verbose: As in Keras.
    """

    def __init__(
        self,
        model: keras.Model,
        trained: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
        last: Sequence[keras.callbacks.Callback] = (),
        *,
        epochs: int,
        steps: int | None,
        verbose: str | int,
    ) -> None:
        followers = [] if trained is model else [_MirrorStopTraining(trained)]
        super().__init__(
            [*callbacks, *followers, history_callback, *last],
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self.history_callback = history_callback
        self._skipped = 0
        self._end = epochs
        self._begun = False

    def skip(self, steps: int, of: int) -> None:
        """Set how many batches of the next epoch are done already.

        Args:
            steps: Their number.
            of: Number of the last epoch, counted from 1.
        """
        self._skipped = steps
        self._end = of

    def on_train_begin(self, logs: Any = None) -> None:
        """Tell the callbacks, once."""
        if not self._begun:
            super().on_train_begin(logs)
        self._begun = True

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks the batch's number within the whole epoch."""
        super().on_train_batch_begin(batch + self._skipped, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks the batch's number within the whole epoch."""
        super().on_train_batch_end(batch + self._skipped, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell the callbacks, and leave Keras's `fit` where the next epoch is of full length.

        Raises:
            PartialEpochEnd: When the epoch was such a rest and is not the last.
        """
        super().on_epoch_end(epoch, logs)
        if self._skipped and epoch + 1 < self._end and not self.model.stop_training:
            raise PartialEpochEnd


class _MirrorStopTraining(keras.callbacks.Callback):
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
