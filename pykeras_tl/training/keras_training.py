"""Calls Keras's `fit`, and trains by it on what is not an iterator over images."""

from __future__ import annotations

import logging
from typing import Any

import keras

from ..models.keras_internals import pausable_fit, synced_with
from .batches.batch_function import BatchFunction
from .callbacks.callback_list import EpochHistory, PartialEpochEnd, ResumableCallbackList
from .data_adapter import FitData, FitDataCallback, SequentialDataset
from .history import History

_logger = logging.getLogger(__name__)


def train_by_keras(
    model: keras.Model,
    data: dict[str, Any],
    validation_data: Any,
    *,
    steps: int | None,
    validation_steps: int | None,
    validation_freq: int | list[int],
    callbacks: list[keras.callbacks.Callback],
    epochs: int,
    initial_epoch: int,
    verbose: str | int,
) -> History:
    """Train on arrays, or on other data that are not an iterator over images.

    Args:
        model: The compiled model.
        data: `x`, `y` and further arguments of Keras's `fit`.
        validation_data: An iterator, a `BatchFunction`, or what Keras's `fit` takes.
        steps: Batches in an epoch; None for all.
        validation_steps: Batches in a validation; None for all.
        validation_freq: Epochs after which to validate, as in Keras.
        callbacks: The callbacks.
        epochs: Number of the last epoch, counted from 1.
        initial_epoch: Number of epochs already finished.
        verbose: As in Keras.

    Returns:
        The history.
    """
    training = validation = None
    if isinstance(data["x"], BatchFunction):
        steps = steps or len(data["x"])
        training = SequentialDataset(data["x"], epochs - initial_epoch, steps)
        data = {**data, "x": training, "shuffle": False}
    if getattr(validation_data, "main_thread_only", False):
        validation_steps = validation_steps or len(validation_data)
        validation = SequentialDataset(validation_data, None, validation_steps)
    fit_data_callback = FitDataCallback()
    fit_data_callback.fit_data = FitData(training, validation)
    callback_list = ResumableCallbackList(
        model,
        model,
        [*callbacks, fit_data_callback],
        EpochHistory(),
        epochs=epochs,
        steps=steps,
        verbose=verbose,
    )
    try:
        return keras_fit(
            model,
            callback_list,
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=verbose,
            steps_per_epoch=steps,
            validation_data=validation_data if validation is None else validation,
            validation_steps=validation_steps if validation is None else None,
            validation_freq=validation_freq,
            **data,
        )
    finally:
        fit_data_callback.fit_data.close()


def keras_fit(fit_model: keras.Model, callbacks: ResumableCallbackList, **options: Any) -> History:
    """Call Keras's `fit`.

    Args:
        fit_model: What `fit` is called on: the user's model, or its head.
        callbacks: The callbacks.
        **options: Further arguments of `fit`.

    Returns:
        The history; of the finished epochs, where the user interrupted training.
    """
    history_callback = callbacks.history
    callbacks.model.stop_training = False
    fit_model.history = history_callback
    stopped = False
    try:
        synced = synced_with(callbacks.model, fit_model)
        with synced, pausable_fit(fit_model, PartialEpochEnd):
            fit_model.fit(callbacks=callbacks, **options)
    except KeyboardInterrupt:
        if not history_callback.epoch:
            raise
        stopped = True
        _logger.warning(
            "Interrupted: the history ends with epoch %d, the last finished one.",
            history_callback.epoch[-1] + 1,
        )
    history = History.from_logs(
        history_callback.history, history_callback.epoch, history_callback.params
    )
    history.stopped = stopped
    return history
