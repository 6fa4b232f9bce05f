"""Callbacks that see a training go wrong and say so."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np

from ..images.iterators.base import Iterator
from .class_weights import class_counts
from .feature_cache.caching import FitInputs

_LONG_ENOUGH = 3
_BATCHES = 16
_ACCURACIES = (
    *("accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy"),
    "binary_accuracy",
)


class TerminateOnNonFinite(keras.callbacks.Callback):
    """Stops training when the loss is not finite, with the last weights that were.

    Args:
        trained: The model, or its part that is trained.
    """

    def __init__(self, trained: keras.Model) -> None:
        super().__init__()
        self._trained = trained
        self._epoch = 0
        # Saved with a run's state within an epoch, so that it goes back to the same weights.
        self.good: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keep the weights, as copies: an array may be a view of what training changes."""
        self._epoch = epoch
        self.good = [np.array(weight) for weight in self._weights()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss so far."""
        self._look((logs or {}).get("loss"), f"in epoch {self._epoch + 1}, batch {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the loss of validation, and at the weights that the last batch left."""
        if not self.model.stop_training:
            self._look((logs or {}).get("val_loss"), f"in the validation after epoch {epoch + 1}")
        if not all(np.isfinite(weight).all() for weight in self._weights()):
            self._stop(f"Weights became infinite or NaN at the end of epoch {epoch + 1}")
        self.good = []

    def _weights(self) -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(weight) for weight in self._trained.weights]

    def _look(self, loss: Any, when: str) -> None:
        if loss is not None and not math.isfinite(loss):
            self._stop(f"The loss became {loss} {when}")

    def _stop(self, why: str) -> None:
        self._trained.set_weights(self.good)
        self.model.stop_training = True
        warnings.warn(
            f"{why}: training stops, and the model has the weights from the epoch's beginning "
            "again. Compile with a lower learning rate, or look for images and labels that are "
            "not numbers.",
            stacklevel=2,
        )


class CollapsedPredictionsWarning(keras.callbacks.Callback):
    """Warns when all predictions fall into one class.

    It looks where the accuracy of validation says that nothing was learned: three epochs on
    end, or after the last one, no better than always naming the largest class.

    Args:
        training: What is validated on what.
        validation: The flow of validation.
        steps: Batches in a validation.
    """

    def __init__(self, training: FitInputs, validation: Iterator, steps: int) -> None:
        super().__init__()
        self._training = training
        self._flow = validation
        self._steps = steps
        self._accuracies: list[float] = []
        self._silent = False
        counts = class_counts(validation)
        self._largest = max(counts.values()) / sum(counts.values()) if len(counts) > 1 else 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look when it lasts."""
        named = (f"val_{name}" for name in _ACCURACIES)
        found = [logs[name] for name in named if name in (logs or {})]
        self._accuracies += found[:1]
        last = self._accuracies[-_LONG_ENOUGH:]
        if len(last) == _LONG_ENOUGH and max(last) <= self._largest + 1e-6:
            self._look(epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """Look once more."""
        if self._accuracies and self._accuracies[-1] <= self._largest + 1e-6:
            self._look(None)

    def _look(self, epoch: int | None) -> None:
        if self._silent:
            return
        predicted, true = self._predict()
        if len(np.unique(true)) < 2 or len(np.unique(predicted)) > 1:
            return
        self._silent = True
        classes = self._flow.class_indices or {}
        names = {number: name for name, number in classes.items()}
        one = names.get(int(predicted[0]), int(predicted[0]))
        when = "After training" if epoch is None else f"After epoch {epoch + 1}"
        warnings.warn(
            f"{when}, all {len(predicted)} validation images looked at are predicted as {one!r}: "
            "the model tells nothing apart. Try another learning rate, look at the scaling of "
            "the images, or give class_weight.",
            stacklevel=2,
        )

    def _predict(self) -> tuple[np.ndarray, np.ndarray]:
        """Predict some batches from all over the validation, whose flow stays where it is."""
        source, here = self._training.validation, self._flow.get_state()
        source.reset()
        drawn = [source.next_batch_spec() for _ in range(self._steps)]
        self._flow.set_state(here)
        predicted, true = [], []
        for plan in drawn[:: math.ceil(self._steps / _BATCHES)]:
            x, y = source.compute_batch(plan)[:2]
            outputs = np.asarray(self._training.model.predict_on_batch(x))
            predicted.append(outputs.argmax(1) if _many(outputs) else outputs.ravel() > 0.5)
            true.append(y.argmax(1) if _many(y) else np.ravel(y))
        return np.concatenate(predicted), np.concatenate(true)


def _many(values: np.ndarray) -> bool:
    return values.ndim == 2 and values.shape[1] > 1
