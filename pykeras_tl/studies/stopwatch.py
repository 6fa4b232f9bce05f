"""The time of a training, over the times that it was stopped."""

from __future__ import annotations

import time
from typing import Any

import keras


class _Lap:
    """The moment of the last look; no plain value, so that no other process takes it over."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def seconds(self) -> float:
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        return passed


class TimingCallback(keras.callbacks.Callback):
    """Adds up the seconds of a training from the moment when this is made.

    Attributes:
        seconds: Up to the last batch or epoch that ended. A training that goes on in its
            `run_dir` takes it over, as it does the state of every callback.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._lap = _Lap()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Add the time since the last batch's end."""
        self.seconds += self._lap.seconds()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the time since the last epoch's end."""
        self.seconds += self._lap.seconds()
