"""Evaluates and keeps averages of the weights instead of the weights themselves."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from ...models.keras_internals import nested_layers


class WeightAveraging(keras.callbacks.Callback):
    """Evaluates, saves and keeps an exponential moving average of the weights.

    The average is updated after each batch. It covers what training changes: trainable weights
    and the moving statistics of batch normalization. From the end of each epoch to the beginning
    of the next, the model has the averaged weights: validation, `EarlyStopping` with
    `restore_best_weights`, `ModelCheckpoint` and the trained model use them, while training
    itself continues with its own. Without validation data, pass it before those callbacks.

    Args:
        ema_momentum: The part of the average that an update keeps, from 0 to below 1. The first
            updates keep less, (1 + n) / (10 + n) after n updates, so that early weights are
            forgotten.
        start_from_epoch: Epochs to train before the average begins, 0 or more.

    Attributes:
        averages: The averages, in the order of the weights that are averaged.

    Raises:
        ValueError: When an argument is out of range.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile("sgd", loss="mse")
        >>> averaging = WeightAveraging(ema_momentum=0.9)
        >>> x, y = np.ones((8, 1)), np.zeros((8, 1))
        >>> _ = model.fit(x, y, batch_size=4, epochs=2, callbacks=[averaging], verbose=0)
        >>> bool(model.get_weights()[0] == averaging.averages[0])
        True

    Source:
        Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992. Keras's
        `use_ema` averages the trainable weights only, and timm's `ModelEmaV3` all. The first
        updates are those of TensorFlow's `ExponentialMovingAverage`.
    """

    def __init__(self, ema_momentum: float = 0.99, start_from_epoch: int = 0) -> None:
        super().__init__()
        if not 0 <= ema_momentum < 1:
            raise ValueError(
                f"Expected ema_momentum from 0 to below 1. Received: {ema_momentum!r}."
            )
        if start_from_epoch != int(start_from_epoch) or start_from_epoch < 0:
            raise ValueError(
                "Expected start_from_epoch to be a whole number of at least 0. "
                f"Received: {start_from_epoch!r}."
            )
        self.ema_momentum = float(ema_momentum)
        self.start_from_epoch = int(start_from_epoch)
        # All of this is part of a run's state.
        self.averages: list[np.ndarray] = []
        self.updates = 0
        self._trained: list[np.ndarray] = []
        self._epoch = 0
        self._batches = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self.averages, self.updates, self._trained = [], 0, []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Continue training with its own weights."""
        if self._trained:
            _assign(_averaged_variables(self.model), self._trained)
            self._trained = []
        self._epoch, self._batches = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the averages; Keras may have trained several batches since the last time."""
        batches, self._batches = batch + 1 - self._batches, batch + 1
        loss = (logs or {}).get("loss", 0.0)
        if self._epoch < self.start_from_epoch or not math.isfinite(loss):
            return
        weights = _values(_averaged_variables(self.model))
        if not self.averages:
            self.averages = [np.array(weight) for weight in weights]
            return
        kept = 1.0
        for _ in range(batches):
            self.updates += 1
            kept *= min(self.ema_momentum, (1 + self.updates) / (10 + self.updates))
        for average, weight in zip(self.averages, weights):
            # Written so that weights that do not change stay as they are.
            average += (1 - kept) * (weight - average)

    def on_test_begin(self, logs: Any = None) -> None:
        """Validate the averages."""
        self._use_averages()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let the callbacks after this one have the averages."""
        self._use_averages()

    def _use_averages(self) -> None:
        finite = all(np.isfinite(average).all() for average in self.averages)
        if self.averages and finite and not self._trained:
            variables = _averaged_variables(self.model)
            self._trained = [np.array(value) for value in _values(variables)]
            _assign(variables, self.averages)


def _averaged_variables(model: keras.Model) -> list[keras.Variable]:
    """Return the trainable weights, and the statistics of the layers that are trained."""
    found = list(model.trainable_variables)
    for layer in nested_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            found += layer.non_trainable_variables
    return found


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
