"""`fit`: train a model on an iterator as Keras does, but faster and resumable."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..images.iterators.base import Iterator
from .batch_augmentation import BatchAugmentation, make_batch_augmenter
from .batches.batch_function import BatchFunction
from .callbacks.callback_list import flat_callbacks
from .checkpoints.checkpoint_manager import CheckpointManager
from .checkpoints.run import TrainingRun
from .checks import arguments as checks
from .checks.splits import check_split
from .class_weights import report_imbalance
from .devices.augmentation import check_place
from .devices.precision import check_mixed_precision
from .devices.selection import Devices, check_shares, find_devices
from .distillation import make_teacher
from .feature_cache.caching import FitInputs
from .history import History
from .keras_training import train_by_keras
from .trainer import FitConfig, train

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
    validation_freq: float | Sequence[float] = 1,
    callbacks: Any = None,
    class_weight: Mapping[Any, float] | None = None,
    verbose: str | int = "auto",
    initial_epoch: int = 0,
    workers: int | None = None,
    cache_frozen: bool | str = True,
    cached_augmented_epochs: int | None = None,
    batch_augmentation: BatchAugmentation | None = None,
    teacher: keras.Model | None = None,
    devices: Devices = None,
    augment_on: str = "auto",
    mixed_precision: str | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool | str = "auto",
    save_minutes: float = 10,
    cluster: str | None = None,
    **array_options: Any,
) -> History:
    """Train a compiled model.

    Training takes the batches of an iterator strictly in order, epoch after epoch: batch k of
    the run is the k-th `next(flow)`, for any number of threads. Where `steps_per_epoch` is not
    `len(flow)`, an epoch begins where the last one ended, as in Keras 2's `fit_generator`.
    (Keras 3's own `fit(flow)` draws two batches before it begins and shuffles once more, so
    with `shuffle=True` its order differs.) Each validation begins at the start of its iterator.

    Where the model begins with frozen layers and the images do not change from epoch to
    epoch, the frozen layers' output is computed once for each image and cached on disk; the
    result is the same, but faster.

    Ctrl-C (Esc in RStudio) ends training: the model keeps what it has learned, and the
    history of the finished epochs is returned with `stopped=True`. Within the first epoch it
    raises KeyboardInterrupt as usual. With `run_dir`, the same call resumes from there.

    It warns when classes are uneven, when pixels look scaled twice or not at all, when images
    are blank, and when the model predicts one class for all validation images. A loss that is
    not finite ends training, with the weights from the beginning of the epoch.

    Args:
        model: The compiled model. It is changed in place.
        data: An iterator such as `flow_from_directory` returns; or images as an array of shape
            `(n, height, width, channels)`; or a `BatchFunction`; or anything else that Keras's
            `fit` takes.
        y: The labels where `data` is an array.
        epochs: Number of the last epoch, counted from 1.
        steps_per_epoch: Batches in an epoch, `len(flow)` by default; a fraction rounds up.
        validation_data: An iterator, a `BatchFunction`, or `(x, y)`.
        validation_steps: Batches in a validation, all by default; a fraction rounds up.
        validation_freq: Validate after every so many epochs, or after those of these numbers,
            counted from 1.
        callbacks: Keras callbacks: a list, in any nesting, or one. They see `model`, compiled,
            with its metrics.
        class_weight: Class name or number to its weight in the loss.
        verbose: 0 for silent, 1 for a progress bar with the time left, 2 for one line per
            epoch, "auto" as Keras chooses.
        initial_epoch: Number of epochs already finished, which `epochs` includes.
        workers: Number of threads that read and transform images, one for each core by default.
        cache_frozen: False computes the frozen layers again for each batch; "float16" stores
            their output in half the space, rounded.
        cached_augmented_epochs: With an augmenting iterator and frozen layers: augment the images
            for that many epochs once, cache the frozen layers' output for each, and cycle
            through these epochs. It is faster, but sees fewer variants than fresh augmentation;
            with as many cached epochs as epochs it sees the same.
        batch_augmentation: What to do to training batches with Keras's layers: names or layers,
            such as `["mixup", "cutmix"]`, or names to arguments, such as
            `{"mixup": {"alpha": 0.4}, "randaugment": {"factor": 0.3}}`, as `BatchAugmenter`
            describes. MixUp and CutMix mix labels too, so that the flow's should be one-hot;
            training accuracy then counts the larger part of an image, as class weights do.
            Frozen layers are computed again for each batch.
        teacher: A model whose probabilities take the place of the labels of training images, as
            they are augmented (distillation). It takes the same images and has the same
            outputs; the flow's labels should be one-hot. Training accuracy then says how often
            both agree.
        devices: How many devices to train on; `"all"`; or their names, such as
            `["gpu:0", "gpu:1"]`. Each computes an equal part of every batch, and all have the same
            weights: the history is that of one device, but for rounding. On JAX and TensorFlow.
        augment_on: `"device"` lets the device that trains augment the images, which the CPU passes
            as they are; `"cpu"` does not; `"auto"` does where a GPU or TPU would wait for the
            CPU. The random numbers are the same, and pixels within 0.01 of 255 gray levels.
        mixed_precision: `"mixed_bfloat16"` or `"mixed_float16"` to compute in 16 bits, which is
            faster on GPUs and TPUs; weights, output and what is saved keep 32. "mixed_float16"
            needs a `keras.optimizers.LossScaleOptimizer`. The cached output of frozen layers
            is computed in 32 bits.
        run_dir: A folder in which the complete state of training is saved at the end of each
            epoch and within long ones. Called again with the same arguments, `fit` resumes from
            there, and ends with the same weights and history as without an interruption.
        resume: "auto" resumes where `run_dir` has a checkpoint, True requires one, False starts
            over.
        save_minutes: Minutes after which the state is saved within an epoch too.
        cluster: The Ray cluster on whose machines the frozen layers' output is computed, as for
            `run_study`. They find the images by the same paths, or at the same URL.
        **array_options: Further arguments of Keras's `fit` where `data` is not an iterator:
            `batch_size`, `shuffle`, `sample_weight`, `validation_split`, ...

    Returns:
        The metrics of each epoch.

    Raises:
        TypeError: When a path or an `ImageDataGenerator` is passed as data.
        ValueError: When the model is not compiled, data and model do not fit, or the run in
            `run_dir` was made with other data, settings or versions.
        ModuleNotFoundError: When a callback needs a package that is not installed.
        RuntimeError: When another process is training in `run_dir`.
        pykeras_tl.images.BadImageError: When an image cannot be read.

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
    validated = checks.validated_epochs(validation_freq)
    listed = flat_callbacks(callbacks)
    checks.check_callbacks(listed)
    if epochs <= initial_epoch:
        raise ValueError(
            "epochs is the number of the last epoch and should be above initial_epoch. Received: "
            f"epochs={epochs}, initial_epoch={initial_epoch}"
        )
    if not isinstance(data, Iterator):
        for name, value in {
            "run_dir": run_dir,
            "batch_augmentation": batch_augmentation,
            "teacher": teacher,
            "devices": devices,
            "mixed_precision": mixed_precision,
        }.items():
            if value is not None:
                raise TypeError(
                    f"With {name}, data should be an iterator over images. Received: "
                    f"{type(data).__name__}"
                )
        check_split(data, validation_data)
        return train_by_keras(
            model,
            {"x": data, "y": y, "class_weight": class_weight, **array_options},
            validation_data,
            steps=checks.whole_steps(steps_per_epoch, None, "steps_per_epoch"),
            validation_steps=checks.whole_steps(validation_steps, None, "validation_steps"),
            validation_freq=validated,
            callbacks=listed,
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=verbose,
        )
    checks.refuse_surplus([*array_options, *(["y"] if y is not None else [])])
    if not save_minutes > 0:
        raise ValueError(f"save_minutes should be above 0. Received: {save_minutes}")
    checks.check_model(model, data)
    if isinstance(validation_data, Iterator):
        # First, since a missing class is a matter of the data and not of the model.
        checks.check_same_classes(data, validation_data)
        checks.check_model(model, validation_data, "validation_data")
    if isinstance(validation_data, Iterator | BatchFunction):
        validation_steps = checks.whole_steps(validation_steps, None, "validation_steps") or len(
            validation_data
        )
    augmenter = make_batch_augmenter(batch_augmentation, data) if batch_augmentation else None
    labeller = make_teacher(teacher, model, data, augmenter) if teacher is not None else None
    check_split(data, validation_data)
    if class_weight is None and data.sample_weight is None:
        report_imbalance(data)
    chosen = find_devices(devices)
    check_place(
        augment_on,
        FitInputs(model, data, validation_data),
        batch_augmentation=batch_augmentation,
        teacher=teacher,
        cached_augmented_epochs=cached_augmented_epochs,
    )
    check_mixed_precision(model, mixed_precision)
    config = FitConfig(
        model=model,
        iterator=data,
        validation_data=validation_data,
        validation_steps=validation_steps,
        validation_freq=validated,
        callbacks=listed,
        epochs=epochs,
        initial_epoch=initial_epoch,
        steps=checks.whole_steps(steps_per_epoch, len(data), "steps_per_epoch"),
        class_weight=checks.numbered_weights(class_weight, data),
        verbose=verbose,
        workers=workers,
        cache_frozen=cache_frozen,
        cached_augmented_epochs=cached_augmented_epochs,
        batch_augmenter=labeller or augmenter,
        save_minutes=save_minutes,
        cluster=cluster,
        devices=chosen,
        augment_on=augment_on,
        mixed_precision=mixed_precision,
    )
    check_shares(chosen, config.iterators, validation_data, model.steps_per_execution)
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
