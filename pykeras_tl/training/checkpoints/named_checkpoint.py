"""Keras's `ModelCheckpoint` for files of any name, such as Keras 2's `best.hdf5`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from ...models.keras_internals import kept_compile_config
from ...models.saving.weight_files import save_under, save_weights


class NamedCheckpoint(keras.callbacks.ModelCheckpoint):
    """Saves the model during training, in the file that was asked for.

    Keras 3 writes only to names that end in `.keras` or `.h5`, and weights only to `.weights.h5`.
    Files of other names hold HDF5; `load_model` and `load_weights` read them.

    Args:
        filepath: The file; it may contain `{epoch}` and names of metrics.
        monitor: The metric by which `save_best_only` compares.
        verbose: 1 prints what is saved.
        save_best_only: Whether to save only where the metric is better than before.
        save_weights_only: Whether to save the weights alone.
        mode: Whether better is `"min"` or `"max"`; `"auto"` tells by the metric.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: The value that the metric has to be better than at first.
        period: Epochs from one saving to the next, with `save_freq="epoch"`.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = keras.ops.ones((4, 3)), keras.ops.ones((4, 1))
        >>> _ = model.fit(x, y, verbose=0, callbacks=[NamedCheckpoint("best.hdf5", "loss")])
        >>> os.path.exists("best.hdf5")
        True
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        period: int = 1,
    ) -> None:
        name = os.fspath(filepath)
        accepted = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        ending = "" if name.endswith(accepted) else accepted[-1]
        super().__init__(
            name + ending, monitor, verbose, save_best_only, save_weights_only, mode, save_freq,
            initial_value_threshold,
        )  # fmt: skip
        # Keras checks the name here only, and prints this one.
        self.filepath = name
        self._period, self._epochs = period, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save within an epoch, where `save_freq` is a number of batches."""
        with self._any_name():
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after an epoch."""
        self._epochs += 1
        if self._epochs % self._period and self.save_freq == "epoch":
            return
        with self._any_name():
            super().on_epoch_end(epoch, logs)

    @contextmanager
    def _any_name(self) -> Iterator[None]:
        model = self.model
        self.set_model(_AnyName(model))
        try:
            yield
        finally:
            self.set_model(model)


class _AnyName:
    """A model that saves under any name."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def save(self, path: str, **options: Any) -> None:
        """Save the model."""
        with kept_compile_config(self._model):
            save_under(path, (".keras", ".h5"), lambda name: self._model.save(name, **options))

    def save_weights(self, path: str, **_: Any) -> None:
        """Save the weights."""
        save_weights(self._model, path)
