"""Keras's `ModelCheckpoint` for files of any name, such as Keras 2's `best.hdf5`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

from ...models.keras_internals import kept_compile_config


class NamedCheckpoint(keras.callbacks.ModelCheckpoint):
    """Saves the model during training, in the file that was asked for.

    Keras 3 writes only to names that end in `.keras` or `.h5`, and weights only to `.weights.h5`.
    Here other names get such an ending while the file is written, and lose it again. They hold
    HDF5.

    Args:
        filepath: The file; it may contain `{epoch}` and names of metrics.
        save_weights_only: Whether to save the weights alone.
        **options: Further arguments of `keras.callbacks.ModelCheckpoint`.

    Example:
        >>> NamedCheckpoint("best.hdf5", monitor="loss").filepath
        'best.hdf5.h5'
    """

    def __init__(
        self, filepath: str | os.PathLike[str], save_weights_only: bool = False, **options: Any
    ) -> None:
        name = os.fspath(filepath)
        accepted = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        self._ending = "" if name.endswith(accepted) else accepted[-1]
        self._epoch = 0
        super().__init__(name + self._ending, save_weights_only=save_weights_only, **options)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch, which names of files contain."""
        self._epoch = epoch
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save within an epoch, where `save_freq` is a number of batches."""
        with kept_compile_config(self.model):
            super().on_train_batch_end(batch, logs)
        self._rename({**(logs or {}), "batch": batch + 1})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after an epoch."""
        with kept_compile_config(self.model):
            super().on_epoch_end(epoch, logs)
        self._rename(logs or {})

    def _rename(self, names: dict[str, Any]) -> None:
        if not self._ending:
            return
        try:
            written = self.filepath.format(epoch=self._epoch + 1, **names)
        except KeyError:
            return  # Keras itself reports a metric that does not exist when it saves.
        if Path(written).is_file():
            Path(written).replace(written.removesuffix(self._ending))
