"""Callbacks that detect failing training."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...models.keras_internals import sync_variables
from ..class_weights import class_counts
from ..feature_cache.caching import FitInputs

_PATIENCE = 3
_MOST_BATCHES = 16
_ACCURACIES = (
    *("accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy"),
    "binary_accuracy",
)


class TerminateOnNonFinite(keras.callbacks.Callback):
    """Stops training when the loss is not finite, and restores the last finite weights.

    Args:
        fit_model: What Keras's `fit` is called on: the user's model, or its head.
    """

    def __init__(self, fit_model: keras.Model) -> None:
        super().__init__()
        self._fit_model = fit_model
        self._epoch = 0
        # Part of a run's state, so that a run that resumes within an epoch restores the same.
        self.good: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Copy the weights, since an array may be a view of what training changes."""
        self._epoch = epoch
        self.good = [np.array(weight) for weight in self._weights()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the loss so far."""
        self._check((logs or {}).get("loss"), f"in epoch {self._epoch + 1}, batch {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Check the validation loss, and the weights after the last batch."""
        if not self.model.stop_training:
            self._check((logs or {}).get("val_loss"), f"in the validation after epoch {epoch + 1}")
        if not all(np.isfinite(weight).all() for weight in self._weights()):
            self._stop(f"Weights became infinite or NaN at the end of epoch {epoch + 1}")
        self.good = []

    def _weights(self) -> list[np.ndarray]:
        sync_variables(self._fit_model)
        return [keras.ops.convert_to_numpy(weight) for weight in self._fit_model.weights]

    def _check(self, loss: Any, when: str) -> None:
        if loss is not None and not math.isfinite(loss):
            self._stop(f"The loss became {loss} {when}")

    def _stop(self, why: str) -> None:
        sync_variables(self._fit_model)
        self._fit_model.set_weights(self.good)
        self.model.stop_training = True
        warnings.warn(
            f"{why}. Training stops, with the weights from the beginning of the epoch. Compile "
            "with a lower learning rate, or look for images and labels that are not finite.",
            stacklevel=2,
        )


class CollapsedPredictionsWarning(keras.callbacks.Callback):
    """Warns when the model predicts a single class.

    It checks when the validation accuracy suggests that nothing was learned: when it is no
    better than that of the largest class for three epochs in a row, or after the last one.

    Args:
        inputs: The model that is trained, and its data.
        validation: The validation iterator.
        steps: Batches in a validation.
    """

    def __init__(self, inputs: FitInputs, validation: Iterator, steps: int) -> None:
        super().__init__()
        self._inputs = inputs
        self._iterator = validation
        self._steps = steps
        self._accuracies: list[float] = []
        self._warned = False
        counts = class_counts(validation)
        self._largest = max(counts.values()) / sum(counts.values()) if len(counts) > 1 else 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Check when accuracy has been low for three epochs."""
        named = (f"val_{name}" for name in _ACCURACIES)
        found = [logs[name] for name in named if name in (logs or {})]
        self._accuracies += found[:1]
        last = self._accuracies[-_PATIENCE:]
        if len(last) == _PATIENCE and max(last) <= self._largest + 1e-6:
            self._check(epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """Check after the last epoch."""
        if self._accuracies and self._accuracies[-1] <= self._largest + 1e-6:
            self._check(None)

    def _check(self, epoch: int | None) -> None:
        if self._warned:
            return
        predicted, true = self._predict()
        if len(np.unique(true)) < 2 or len(np.unique(predicted)) > 1:
            return
        self._warned = True
        classes = self._iterator.class_indices or {}
        names = {number: name for name, number in classes.items()}
        one = names.get(int(predicted[0]), int(predicted[0]))
        when = "After training" if epoch is None else f"After epoch {epoch + 1}"
        warnings.warn(
            f"{when}, the model predicts {one!r} for all {len(predicted)} validation images "
            "checked. Try another learning rate, check the scaling of the images, or pass "
            "class_weight.",
            stacklevel=2,
        )

    def _predict(self) -> tuple[np.ndarray, np.ndarray]:
        """Predict some batches from all over the validation data, without moving its iterator."""
        source, here = self._inputs.validation, self._iterator.get_state()
        source.reset()
        specs = [source.next_batch_spec() for _ in range(self._steps)]
        self._iterator.set_state(here)
        predicted, true = [], []
        for spec in specs[:: math.ceil(self._steps / _MOST_BATCHES)]:
            x, y = source.compute_batch(spec)[:2]
            # Each of TensorFlow's devices predicts the whole batch.
            outputs = np.asarray(self._inputs.model.predict_on_batch(x))[: len(y)]
            predicted.append(outputs.argmax(1) if _is_one_hot(outputs) else outputs.ravel() > 0.5)
            true.append(y.argmax(1) if _is_one_hot(y) else np.ravel(y))
        return np.concatenate(predicted), np.concatenate(true)


def _is_one_hot(values: np.ndarray) -> bool:
    return values.ndim == 2 and values.shape[1] > 1
