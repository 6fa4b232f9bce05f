"""Ends training when its time is up."""

from __future__ import annotations

import logging
import time
from typing import Any

import keras

_logger = logging.getLogger(__name__)


class _Clock:
    """Not a plain value, so that the state of a run leaves it out."""

    def __init__(self) -> None:
        self.last = time.monotonic()


class TimeLimit(keras.callbacks.Callback):
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
        self.seconds = 0.0
        self._clock = _Clock()

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._clock = _Clock()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End training if the time is up."""
        self._advance()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count the validation too."""
        self._advance()

    def _advance(self) -> None:
        now = time.monotonic()
        self.seconds += now - self._clock.last
        self._clock.last = now
        if self.seconds > 60 * self.minutes and not self.model.stop_training:
            _logger.info("Training ends: its %.3g minutes are over.", self.minutes)
            self.model.stop_training = True
