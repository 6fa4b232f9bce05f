"""`fit`: train a model on a flow, as Keras's own does, many times faster."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..images.iterators.base import Iterator
from . import checks
from .callback_list import ResumableCallbackList
from .checkpoints.checkpoint_manager import CheckpointManager
from .checkpoints.run import TrainingRun
from .class_weights import report_imbalance
from .history import History
from .trainer import FitConfig, keras_fit, train

_logger = logging.getLogger(__name__)


def fit(
    model: keras.Model,
    data: Any,
    y: Any = None,
    *,
    epochs: int = 1,
    steps_per_epoch: float | None = None,
    validation_data: Any = None,
    validation_steps: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    class_weight: Mapping[Any, float] | None = None,
    verbose: str | int = "auto",
    initial_epoch: int = 0,
    workers: int | None = None,
    cache_frozen: bool | str = True,
    cached_augmented_epochs: int | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool | str = "auto",
    save_minutes: float = 10,
    **array_options: Any,
) -> History:
    """Train a compiled model.

    The batches of a flow are trained on strictly in the order in which `next(flow)` gives
    them, epoch after epoch: batch k of the run is the k-th `next(flow)`, whatever the number
    of threads. Where `steps_per_epoch` is not `len(flow)`, an epoch begins where the last
    one ended, as in Keras 2's `fit_generator`. (Keras 3's own `fit(flow)` draws two batches
    before it begins and shuffles once more, so with `shuffle=True` its order is another one.)
    Each validation begins at the beginning of its flow.

    Where the model begins with frozen layers and the images do not change from epoch to
    epoch, the frozen layers' output is computed once for each image and kept on disk; the
    result is the same, only sooner.

    Ctrl-C (Esc in RStudio) ends training: the model keeps what it has learned, and the
    history of the finished epochs is returned with `stopped=True`. Within the first epoch it
    raises KeyboardInterrupt as usual. With `run_dir`, the same call goes on from there.

    It warns when classes are uneven, when pixels look scaled twice or not at all, and when all
    validation images are predicted as one class. A loss that is not finite ends training,
    with the weights from the epoch's beginning.

    Args:
        model: The model, compiled. It is changed in place.
        data: A flow; or images as an array, shape `(n, height, width, channels)`; or
            anything else that Keras's `fit` takes.
        y: The labels where `data` is an array.
        epochs: Number of the last epoch, counted from 1.
        steps_per_epoch: Batches in an epoch, `len(flow)` by default; a fraction rounds up.
        validation_data: A flow, or `(x, y)`.
        validation_steps: Batches in a validation, all by default; a fraction rounds up.
        callbacks: Callbacks of Keras.
        class_weight: Class name or number → weight in the loss.
        verbose: 0 silent, 1 a progress bar with the time left, 2 one line an epoch,
            `"auto"` as Keras chooses.
        initial_epoch: Number of finished epochs that `epochs` counts too.
        workers: Threads that read and transform images, as many as cores by default.
        cache_frozen: False computes frozen layers again for each batch; `"float16"` keeps
            their output in half the space, rounded.
        cached_augmented_epochs: With an augmenting flow and frozen layers: draw that many augmented
            passes over the images once, compute the frozen layers for each, and cycle
            through them. It is faster, and sees fewer variants than fresh augmentation;
            with as many passes as epochs it sees the same.
        run_dir: A folder in which the whole state of training is saved at each epoch's end
            and within long ones. Called again with the same arguments, `fit` goes on there,
            and ends with the same weights and history as if it had never been stopped.
        resume: `"auto"` goes on where `run_dir` has a checkpoint, True insists on one, False
            begins anew.
        save_minutes: Minutes after which the state is saved within an epoch too.
        **array_options: Keras's own further arguments where `data` is not a flow:
            `batch_size`, `shuffle`, `sample_weight`, `validation_split`, ...

    Returns:
        The metrics of each epoch.

    Raises:
        TypeError: When settings or a path stand in place of a flow.
        ValueError: When the model is not compiled, data and model do not fit, or the run in
            `run_dir` was made with other data, settings or versions.
        RuntimeError: When another process is training in `run_dir`.
        pykeras_tl.images.decoding.reading.BadImageError: When an image cannot be read.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.images.image_data_generator import ImageDataGenerator
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, activation="softmax")])
        >>> model.compile("sgd", loss="categorical_crossentropy", metrics=["accuracy"])
        >>> flow = ImageDataGenerator(rescale=1 / 255).flow(
        ...     np.zeros((10, 8, 8, 3)), np.eye(2)[[0, 1] * 5], batch_size=5)
        >>> history = fit(model, flow, epochs=3, verbose=0)
        >>> history.epoch, sorted(history.history)
        ([0, 1, 2], ['accuracy', 'loss'])
    """
    checks.check_data(data, "The data to train on")
    checks.check_data(validation_data, "validation_data")
    if epochs <= initial_epoch:
        raise ValueError(
            f"epochs counts from the first epoch on and must be above initial_epoch; "
            f"received epochs={epochs}, initial_epoch={initial_epoch}."
        )
    if not isinstance(data, Iterator):
        if run_dir is not None:
            raise TypeError(f"run_dir needs a flow to train on; received {type(data).__name__}.")
        steps = checks.whole_steps(steps_per_epoch, None, "steps_per_epoch")
        return keras_fit(
            model,
            ResumableCallbackList(
                model,
                model,
                list(callbacks or []),
                keras.callbacks.History(),
                epochs=epochs,
                steps=steps,
                verbose=verbose,
            ),
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=verbose,
            x=data,
            y=y,
            steps_per_epoch=steps,
            validation_data=validation_data,
            validation_steps=checks.whole_steps(validation_steps, None, "validation_steps"),
            class_weight=class_weight,
            **array_options,
        )
    if y is not None or array_options:
        surplus = ", ".join(sorted(array_options) + (["y"] if y is not None else []))
        raise TypeError(f"A flow brings its own labels and batches; leave out {surplus}.")
    if not save_minutes > 0:
        raise ValueError(f"save_minutes must be above 0; received {save_minutes}.")
    checks.check_model(model, data)
    if isinstance(validation_data, Iterator):
        checks.check_model(model, validation_data, "validation_data")
        checks.check_same_classes(data, validation_data)
        validation_steps = checks.whole_steps(
            validation_steps, len(validation_data), "validation_steps"
        )
    if class_weight is None and data.sample_weight is None:
        report_imbalance(data)
    config = FitConfig(
        model=model,
        iterator=data,
        validation_data=validation_data,
        validation_steps=validation_steps,
        callbacks=list(callbacks or []),
        epochs=epochs,
        initial_epoch=initial_epoch,
        steps=checks.whole_steps(steps_per_epoch, len(data), "steps_per_epoch"),
        class_weight=checks.numbered_weights(class_weight, data),
        verbose=verbose,
        workers=workers,
        cache_frozen=cache_frozen,
        cached_augmented_epochs=cached_augmented_epochs,
        save_minutes=save_minutes,
    )
    if run_dir is None:
        return train(config)
    folder = CheckpointManager(run_dir)
    with folder.locked():
        run = TrainingRun(folder, config.fingerprint(), resume)
        if run.progress is not None:
            _logger.info(run.describe(config.steps))
        try:
            history = train(config, run)
        except KeyboardInterrupt:
            run.record_final_settings(config.fingerprint())
            raise
        run.record_final_settings(config.fingerprint())
        return history
