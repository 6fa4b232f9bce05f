"""The phases of a trial's training: the source set, the training itself, fine tuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras.optimizers import schedules

from ..training import fit
from ..training.callbacks.timing import TimeLimit, TimingCallback
from ..training.callbacks.weight_averaging import WeightAveraging
from ..training.devices.selection import Devices
from ..training.losses import cross_entropy
from ..training.optimizers.by_name import make_optimizer
from ..training.optimizers.schedules import make_schedule
from .data_splits import FINE_TUNING
from .trial import Trial
from .trial_config import PhaseSettings

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator
    from ..training.history import History


@dataclass(frozen=True)
class Objective:
    """What a training minimizes where images have not one class each.

    Attributes:
        loss: The loss.
        metrics: Names of metrics to watch.
        fit_probe: Sets the last layer of a model from training and validation images.
    """

    loss: keras.Loss
    metrics: tuple[str, ...]
    fit_probe: Callable[[keras.Model, Iterator, Iterator | None], object]


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    Args:
        name: Its name in the history.
        iterator: The images to train on.
        steps: Batches in an epoch.
        settings: The optimizer, the number of epochs, and the schedule.
        loss: The loss for the iterator's labels.
        prepare: Freezes or unfreezes layers before the phase begins.
        metrics: Names of metrics to watch.
    """

    name: str
    iterator: Iterator
    steps: int
    settings: PhaseSettings
    loss: str | keras.Loss
    prepare: Callable[[keras.Model], object] | None = None
    metrics: tuple[str, ...] = ("accuracy",)


class BestWeights:
    """Keeps the weights of the phase that validates best.

    Within a phase, `EarlyStopping` with `restore_best_weights` does the same for epochs. Without
    validation the weights of the last phase are kept.

    Args:
        model: The model that is trained.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._loss = math.inf
        self._weights: list[np.ndarray] = []

    def update(self, history: History) -> None:
        """Look at a phase that has ended.

        Args:
            history: The phase's history; its losses have to be comparable with the others'.
        """
        losses = history.history.get("val_loss", [-math.inf])
        if min(losses) <= self._loss:
            self._loss, self._weights = min(losses), self._model.get_weights()

    def restore(self) -> None:
        """Give the model the best weights."""
        self._model.set_weights(self._weights)


def phases_of(trial: Trial, iterators: Mapping[str, Iterator], model: keras.Model) -> list[Phase]:
    """Return the phases of a trial.

    Args:
        trial: The record.
        iterators: An iterator over each split, as `split_iterators` returns them.
        model: The model that will be trained; it is not changed.

    Returns:
        One phase or more, in order.

    Raises:
        ValueError: If a layer that the trial names is not in the model.
    """
    from ..models.freezing import freeze_weights, unfreeze_weights
    from ..models.layer_tree import LayerTree

    training, loss = trial.settings.training, f"{trial.settings.model.class_mode}_crossentropy"
    source, fine_tune, start = training.source, training.fine_tune, training.unfreeze_from
    tree = LayerTree(model)
    rates = [each.layer_rates for each in (source, training, fine_tune) if each]
    named = [name for each in rates if isinstance(each, Mapping) for name in each]
    for layer in (source and source.freeze_to, fine_tune and fine_tune.from_, start, *named):
        # Find out about a wrong name now, not after hours of training.
        if layer:
            tree.find(layer)
    train = iterators["train"]
    steps = training.steps_per_epoch or len(train)
    phases = []
    prepare: Callable[[keras.Model], object] | None = None
    if source:
        iterator, last = iterators["source"], source.freeze_to
        phases.append(Phase("source", iterator, len(iterator), source, loss))
        prepare = lambda model: freeze_weights(model, to=last)  # noqa: E731
    elif start:
        prepare = lambda model: unfreeze_weights(model, from_=start)  # noqa: E731
    name = "head" if fine_tune else "target"
    phases.append(Phase(name, train, steps, training, loss, prepare))
    if fine_tune:
        iterator, first = iterators.get(FINE_TUNING, train), fine_tune.from_
        prepare = lambda model: unfreeze_weights(model, from_=first)  # noqa: E731
        phases.append(Phase(FINE_TUNING, iterator, steps, fine_tune, loss, prepare))
    return phases


def train_phase(
    model: keras.Model,
    phase: Phase,
    validation: Iterator | None,
    initial_epoch: int,
    run_dir: Path | None = None,
    minutes: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    devices: Devices = None,
    mixed_precision: str | None = None,
) -> tuple[History, float]:
    """Train a model through one phase.

    Args:
        model: The model, changed in place.
        phase: The phase.
        validation: The images to evaluate after every epoch, or `None`.
        initial_epoch: The number of epochs of earlier phases.
        run_dir: The folder of checkpoints, from which an interrupted phase is resumed, or
            `None`.
        minutes: The time after which the phase ends even if it is not done, or `None`.
        callbacks: Callbacks beside the phase's own.
        devices: As in `fit`.
        mixed_precision: As in `fit`; the loss is scaled where it has to be.

    Returns:
        The history of the phase, and its duration in seconds.
    """
    from ..models.saving.classifier import load_classifier

    if phase.prepare is not None:
        phase.prepare(model)
    smoothing, loss = phase.settings.label_smoothing, phase.loss
    teacher = phase.settings.teacher
    # A teacher's labels are smooth.
    if smoothing and isinstance(loss, str) and not teacher:
        loss = cross_entropy(phase.iterator, smoothing)
    optimizer = make_phase_optimizer(phase, model)
    if mixed_precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, loss=loss, metrics=list(phase.metrics))
    used: list[keras.callbacks.Callback] = [timing := TimingCallback(), *callbacks]
    averaging, stopping = phase.settings.weight_averaging, phase.settings.early_stopping
    if averaging:
        used.append(WeightAveraging(**averaging.model_dump()))
    if minutes is not None:
        used.append(TimeLimit(minutes))
    if stopping:
        options = stopping.model_dump(exclude_unset=True)
        used.append(keras.callbacks.EarlyStopping(**options))
    history = fit(
        model,
        phase.iterator,
        epochs=initial_epoch + phase.settings.epochs,
        initial_epoch=initial_epoch,
        steps_per_epoch=phase.steps,
        validation_data=validation,
        callbacks=used,
        cached_augmented_epochs=phase.settings.cached_augmented_epochs,
        batch_augmentation=phase.settings.batch_augmentation,
        teacher=load_classifier(teacher).model if teacher else None,
        devices=devices,
        mixed_precision=mixed_precision,
        run_dir=run_dir,
    )
    return history, timing.seconds


def make_phase_optimizer(phase: Phase, model: keras.Model | None = None) -> keras.Optimizer:
    """Create the optimizer of a phase, with its schedule.

    Args:
        phase: The phase; a schedule counts its steps.
        model: The model, frozen as it will be trained; needed for learning rates by layer.

    Returns:
        The optimizer.

    Raises:
        TypeError: If the optimizer does not have one of the options.
        ValueError: If the optimizer is unknown or an option out of range.
    """
    settings, options = phase.settings, phase.settings.optimizer.options()
    rate = settings.optimizer.learning_rate
    if settings.schedule and rate is not None:
        steps = phase.steps * settings.epochs
        options["learning_rate"] = make_schedule(settings.schedule, rate, steps, settings.warmup)
    elif settings.lower_each_epoch:
        options["learning_rate"] = schedules.ExponentialDecay(
            rate, phase.steps, settings.lower_each_epoch, staircase=True
        )
    return make_optimizer(
        settings.optimizer.name, layer_rates=settings.layer_rates, model=model, **options
    )
