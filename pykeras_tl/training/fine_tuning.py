"""Fine tuning in one call: first the head, then the last layers of the backbone with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ..images.iterators.base import Iterator
from ..models.freezing import unfreeze_weights
from ..models.keras_internals import nested_layers
from .batch_augmentation import BatchAugmentation
from .checks import arguments as checks
from .fit_function import fit
from .history import History
from .losses import cross_entropy
from .optimizers.by_name import make_optimizer
from .optimizers.layer_rates import LayerRates
from .optimizers.schedules import make_schedule


def fine_tune(
    model: keras.Model,
    flow: Iterator,
    *,
    unfreeze_from: str | int | keras.Layer,
    epochs_head: int,
    epochs_fine: int,
    optimizer_head: str | keras.optimizers.Optimizer = "rmsprop",
    optimizer_fine: str | keras.optimizers.Optimizer = "rmsprop",
    learning_rate_fine: float = 1e-5,
    layer_rates: LayerRates | None = None,
    schedule: str = "constant",
    warmup: float | None = None,
    weight_decay: float | None = None,
    batch_augmentation: BatchAugmentation | None = None,
    teacher: keras.Model | None = None,
    loss: Any = None,
    label_smoothing: float = 0.0,
    metrics: Sequence[Any] = ("accuracy",),
    run_dir: str | os.PathLike[str] | None = None,
    **fit_options: Any,
) -> History:
    """Train a new head on a frozen backbone, then both at a low learning rate.

    First the head is trained; then the layers from `unfreeze_from` on are unfrozen, the model
    is compiled again with a low learning rate, and both are trained together. Batch normalization
    of a pretrained backbone from `transfer_model` keeps its statistics; for another one, call
    `freeze_batch_norm(model)` first.

    Args:
        model: A model with a frozen backbone, such as `transfer_model` returns. It need not be
            compiled, and is changed in place.
        flow: The iterator to train on.
        unfreeze_from: The first layer to unfreeze: its name, that of a stage such as
            `"block5"`, an index or the layer, as in `unfreeze_weights`.
        epochs_head: Epochs for the head alone.
        epochs_fine: Epochs after unfreezing.
        optimizer_head: Name or object, for the head.
        optimizer_fine: Name or object, for the second part.
        learning_rate_fine: The learning rate where `optimizer_fine` is a name.
        layer_rates: Discriminative learning rates for the second part: a number by which the
            rate falls from one stage to the one before it, such as 0.5, or stages or layers to
            multipliers of the rate, as `layer_rate_table` describes.
        schedule: How the learning rate of the second part goes where `optimizer_fine` is a
            name: `"constant"`, `"cosine"` or `"one-cycle"`, up to `learning_rate_fine`.
        warmup: The part of its batches in which it rises, from 0 to below 1, as in
            `make_schedule`.
        weight_decay: Weight decay of the second part where `optimizer_fine` is a name; biases
            and normalization do not decay.
        batch_augmentation: MixUp, CutMix and the like in the second part, as in `fit`.
        teacher: A model whose probabilities are the labels in the second part, as in `fit`.
        loss: By default the cross-entropy that fits the iterator's labels.
        label_smoothing: How far labels are moved towards equal parts of all classes, from 0 to
            below 1, as in `cross_entropy`; with the default loss only.
        metrics: Metrics to compute.
        run_dir: A folder from which the same call resumes when it was interrupted, as in `fit`.
        **fit_options: Further arguments of `fit`, for both parts: `validation_data`,
            `steps_per_epoch`, `callbacks`, `devices`, ...

    Returns:
        The history of both parts; `phases` says where each begins. When the user interrupts the
        first, the second does not start; when the second, the layers are frozen again, so that
        the same call resumes.

    Raises:
        ValueError: When nothing is frozen, the layer is unknown, or data and model do not fit.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.images.image_data_generator import ImageDataGenerator
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(3, name="base"),
        ...           keras.layers.Dense(2, activation="softmax")]
        >>> layers[1].trainable = False
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        >>> flow = ImageDataGenerator(rescale=1 / 255).flow(
        ...     np.zeros((10, 8, 8, 3)), np.eye(2)[[0, 1] * 5])
        >>> history = fine_tune(model, flow, unfreeze_from="base", epochs_head=2, epochs_fine=1,
        ...                     loss="categorical_crossentropy", verbose=0)
        >>> history.phases, history.epoch
        ({'head': 0, 'fine tuning': 2}, [0, 1, 2])
    """
    checks.check_data(flow, "The data to train on")
    if all(layer.trainable for layer in nested_layers(model)):
        raise ValueError(
            "No layer is frozen, so there is no head to train first. Freeze the backbone: "
            "freeze_weights(model, to=...) or transfer_model(...)."
        )
    if loss is None:
        loss = cross_entropy(flow, label_smoothing)
    elif label_smoothing:
        raise ValueError(
            f"Expected `label_smoothing` with the default loss. Received: loss={loss!r}, "
            f"label_smoothing={label_smoothing!r}. Pass it where the loss is made."
        )
    rate = None
    if not isinstance(optimizer_fine, str):
        if schedule != "constant" or warmup is not None:
            raise ValueError(
                "Expected the name of an optimizer with `schedule` and `warmup`. Received: "
                f"optimizer_fine={optimizer_fine!r}. Pass it a schedule where it is made."
            )
    else:
        per_epoch = checks.whole_steps(
            fit_options.get("steps_per_epoch"), len(flow), "steps_per_epoch"
        )
        rate = make_schedule(schedule, learning_rate_fine, per_epoch * epochs_fine, warmup)
    # Find what is wrong now, not after the head's epochs.
    frozen = _trainable_state(model)
    unfreeze_weights(model, from_=unfreeze_from)
    unfrozen = _trainable_state(model)
    try:
        optimizer = make_optimizer(
            optimizer_fine, rate, layer_rates=layer_rates, model=model, weight_decay=weight_decay
        )
    finally:
        _set_trainable_state(frozen)

    model.compile(make_optimizer(optimizer_head), loss=loss, metrics=list(metrics))
    folders = [None if run_dir is None else Path(run_dir) / name for name in ("head", "fine")]
    head = fit(model, flow, epochs=epochs_head, run_dir=folders[0], **fit_options)
    head.phases = {"head": 0}
    if head.stopped:
        return head
    _set_trainable_state(unfrozen)
    model.compile(optimizer, loss=loss, metrics=list(metrics))
    # `BackupAndRestore` may have found the head trained.
    begun = head.epoch[-1] + 1 if head.epoch else epochs_head
    try:
        fine = fit(
            model,
            flow,
            epochs=begun + epochs_fine,
            initial_epoch=begun,
            run_dir=folders[1],
            batch_augmentation=batch_augmentation,
            teacher=teacher,
            **fit_options,
        )
    except KeyboardInterrupt:
        # Interrupted within the first epoch of this part, after those of the head.
        fine = History(epoch=[], stopped=True)
    if fine.stopped:
        # As it was before the call, so that the same call resumes.
        _set_trainable_state(frozen)
    fine.phases = {"fine tuning": begun}
    return head + fine


def _trainable_state(model: keras.Model) -> dict[keras.Layer, bool]:
    return {layer: layer.trainable for layer in nested_layers(model)}


def _set_trainable_state(state: dict[keras.Layer, bool]) -> None:
    # Setting a layer sets those inside it, which follow it in the order.
    for layer, trainable in state.items():
        layer.trainable = trainable
