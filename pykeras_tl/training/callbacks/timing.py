"""Measures the time of a training, and ends it when its time is up."""

from __future__ import annotations

import logging
import time
from typing import Any

import keras

_logger = logging.getLogger(__name__)


class _Timer:
    """The time since the last call. Not a plain value, so that checkpoints leave it out."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def seconds(self) -> float:
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        return passed


class TimingCallback(keras.callbacks.Callback):
    """Measures the seconds of a training, from the creation of this object on.

    A training that is resumed in its `run_dir` continues from the seconds in its checkpoint.

    Attributes:
        seconds: The time up to the end of the last batch or epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._timer = _Timer()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Add the time since the end of the last batch."""
        self.seconds += self._timer.seconds()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the time since the end of the last batch, which is that of the validation."""
        self.seconds += self._timer.seconds()


class TimeLimit(TimingCallback):
    """Ends training after some minutes, in the middle of an epoch if need be.

    The epoch is validated and counted as if it were complete. A run that is resumed in its
    `run_dir` continues from the time in its checkpoint.

    Args:
        minutes: The time, above 0, from the beginning of training on.

    Attributes:
        seconds: The time so far.

    Raises:
        ValueError: When the time is not above 0.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> x = np.ones((64, 1))
        >>> history = model.fit(x, x, epochs=1000, callbacks=[TimeLimit(1 / 60)], verbose=0)
        >>> len(history.epoch) < 1000
        True
    """

    def __init__(self, minutes: float) -> None:
        super().__init__()
        if not minutes > 0:
            raise ValueError(f"Expected minutes above 0. Received: {minutes!r}.")
        self.minutes = float(minutes)

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._timer = _Timer()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End training if the time is up."""
        super().on_train_batch_end(batch, logs)
        self._check()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count the validation too."""
        super().on_epoch_end(epoch, logs)
        self._check()

    def _check(self) -> None:
        if self.seconds > 60 * self.minutes and not self.model.stop_training:
            _logger.info("Training ends: its %.3g minutes are over.", self.minutes)
            self.model.stop_training = True
