"""`evaluate` and `predict` on batches that may only be made on the main thread."""

from __future__ import annotations

from typing import Any

import keras

from ..checks.arguments import whole_steps
from ..data_adapter import MainThreadBatches, SequentialDataset


def evaluate(model: keras.Model, data: Any, *, steps: float | None = None, **options: Any) -> Any:
    """Evaluate a model with Keras's `evaluate`, on the main thread's batches where it must be.

    Keras asks for batches on a thread of its own. An iterator whose preprocessing is an R
    function, and a generator that is one, can only make them on the main thread.

    Args:
        model: The compiled model.
        data: An iterator, a `BatchFunction`, or anything else that Keras takes.
        steps: Batches to evaluate, all by default; a fraction rounds up.
        **options: Further arguments of Keras's `evaluate`.

    Returns:
        What Keras's `evaluate` returns.

    Raises:
        TypeError: When a function is passed without `steps`.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.training import BatchFunction
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> generator = BatchFunction(lambda: [np.zeros((2, 3)), np.zeros(2)])
        >>> evaluate(model, generator, steps=2, verbose=0)
        0.0
    """
    return _on_main_thread(model.evaluate, data, steps, options)


def predict(model: keras.Model, data: Any, *, steps: float | None = None, **options: Any) -> Any:
    """Predict with Keras's `predict`, on the main thread's batches where it must be.

    Args:
        model: The model.
        data: An iterator, a `BatchFunction`, or anything else that Keras takes.
        steps: Batches to predict, all by default; a fraction rounds up.
        **options: Further arguments of Keras's `predict`.

    Returns:
        What Keras's `predict` returns: shape (samples, ...) for each output.

    Raises:
        TypeError: When a function is passed without `steps`.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.training import BatchFunction
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> predict(model, BatchFunction(lambda: np.zeros((2, 3))), steps=2, verbose=0).shape
        (4, 1)
    """
    return _on_main_thread(model.predict, data, steps, options)


def _on_main_thread(verb: Any, data: Any, steps: float | None, options: dict[str, Any]) -> Any:
    if not getattr(data, "main_thread_only", False):
        return verb(data, steps=whole_steps(steps, None, "steps"), **options)
    number = whole_steps(steps, None, "steps") or len(data)
    dataset = SequentialDataset(data, runs=None, steps=number)
    callbacks = [_ComputeBatches(dataset), *(options.pop("callbacks", None) or [])]
    try:
        return verb(dataset, steps=number, callbacks=callbacks, **options)
    finally:
        dataset.close()


class _ComputeBatches(keras.callbacks.Callback):
    """Computes each batch on the main thread, just before Keras waits for it."""

    def __init__(self, dataset: SequentialDataset) -> None:
        super().__init__()
        self._dataset = dataset

    def on_test_begin(self, logs: Any = None) -> None:
        self._dataset.begin()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._dataset.begin()

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._compute()

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._compute()

    def _compute(self) -> None:
        assert isinstance(self._dataset.batches, MainThreadBatches)
        for _ in range(self.model.steps_per_execution):
            self._dataset.batches.compute_next()
