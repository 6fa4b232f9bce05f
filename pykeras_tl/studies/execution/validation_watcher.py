"""Reports validation while a trial trains, and ends it when told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

# Called with the epoch from 0 and the validation accuracy; whether to end the training.
Report = Callable[[int, float], bool]


class ValidationWatcher(keras.callbacks.Callback):
    """Reports the validation accuracy after every epoch.

    Args:
        report: Called with the epoch, counted from 0 over all phases, and the accuracy. Training
            ends when it returns True.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse", metrics=["accuracy"])
        >>> x = np.ones((8, 1))
        >>> watcher = ValidationWatcher(lambda epoch, accuracy: epoch == 1)
        >>> history = model.fit(
        ...     x, x, epochs=9, validation_data=(x, x), callbacks=[watcher], verbose=0
        ... )
        >>> len(history.epoch)
        2
    """

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report, and end the training if that is the answer."""
        accuracy = (logs or {}).get("val_accuracy")
        if accuracy is not None and self._report(epoch, float(accuracy)):
            self.model.stop_training = True
