"""The phases of a trial's training: a source set first, the training itself, fine tuning last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data_splits import FINE_TUNING, class_mode
from .trial import Trial

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator
    from ..training.history import History


@dataclass(frozen=True)
class Phase:
    """One stretch of training.

    Args:
        name: What the history calls it.
        flow: The images trained on.
        steps: Batches in an epoch.
        settings: `optimizer`, `epochs`, and where they apply `schedule`, `lower_each_epoch` and
            `early_stopping`.
        loss: The loss for the flow's labels.
        prepare: Freezes or unfreezes layers before it begins.
    """

    name: str
    flow: Iterator
    steps: int
    settings: Mapping[str, Any]
    loss: str
    prepare: Callable[[keras.Model], object] | None = None


def phases_of(trial: Trial, flows: Mapping[str, Iterator], model: keras.Model) -> list[Phase]:
    """Read the phases from a trial's record.

    Args:
        trial: The record.
        flows: A flow for each part, as `part_flows` makes them.
        model: The model that will be trained; it stays as it is.

    Returns:
        One phase, or several in their order.

    Raises:
        ValueError: When a layer that the record names is not in the model.
    """
    from ..models.freezing import freeze_weights, unfreeze_weights
    from ..models.layer_tree import LayerTree

    training, loss = trial.training, f"{class_mode(trial)}_crossentropy"
    source, fine, start = (training.get(name) for name in ("source", "fine_tune", "unfreeze_from"))
    tree = LayerTree(model)
    for layer in (source and source["freeze_to"], fine and fine["from"], start):
        # A wrong name is to be found now, not after hours of training.
        if layer:
            tree.find(layer)
    train, steps = flows["train"], training.get("steps_per_epoch") or len(flows["train"])
    phases = []
    prepare: Callable[[keras.Model], object] | None = None
    if source:
        flow = flows["source"]
        phases.append(Phase("source", flow, len(flow), source, loss))
        prepare = lambda model: freeze_weights(model, to=source["freeze_to"])  # noqa: E731
    elif start:
        prepare = lambda model: unfreeze_weights(model, from_=start)  # noqa: E731
    phases.append(Phase("head" if fine else "target", train, steps, training, loss, prepare))
    if fine:
        flow = flows.get(FINE_TUNING, train)
        prepare = lambda model: unfreeze_weights(model, from_=fine["from"])  # noqa: E731
        phases.append(Phase(FINE_TUNING, flow, steps, fine, loss, prepare))
    return phases


def train_phase(
    model: keras.Model,
    phase: Phase,
    validation: Iterator | None,
    begun: int,
    run_dir: Path | None = None,
) -> tuple[History, float]:
    """Train a model through one phase.

    Args:
        model: The model, changed in place.
        phase: The phase.
        validation: The images looked at after every epoch, or `None`.
        begun: Number of epochs that were trained before.
        run_dir: The folder from which the phase goes on when it was stopped, or `None`.

    Returns:
        The history of the phase, and the seconds that it took.
    """
    import keras

    from ..training import fit
    from .stopwatch import TimingCallback

    if phase.prepare is not None:
        phase.prepare(model)
    model.compile(make_phase_optimizer(phase), loss=phase.loss, metrics=["accuracy"])
    stopping, stopwatch = phase.settings.get("early_stopping"), TimingCallback()
    history = fit(
        model,
        phase.flow,
        epochs=begun + phase.settings["epochs"],
        initial_epoch=begun,
        steps_per_epoch=phase.steps,
        validation_data=validation,
        callbacks=[
            stopwatch,
            *([keras.callbacks.EarlyStopping(**stopping)] if stopping else []),
        ],
        run_dir=run_dir,
    )
    return history, stopwatch.seconds


def make_phase_optimizer(phase: Phase) -> keras.Optimizer:
    """Make the optimizer of a phase, with its schedule.

    Args:
        phase: The phase; a schedule counts its steps.

    Returns:
        The optimizer.

    Raises:
        ValueError: When there is no such optimizer.
    """
    from keras.optimizers import schedules

    from ..training.optimizers import make_optimizer

    settings, options = phase.settings, dict(phase.settings["optimizer"])
    rate = options.get("learning_rate")
    if settings.get("schedule") == "cosine":
        options["learning_rate"] = schedules.CosineDecay(rate, phase.steps * settings["epochs"])
    elif settings.get("lower_each_epoch"):
        options["learning_rate"] = schedules.ExponentialDecay(
            rate, phase.steps, settings["lower_each_epoch"], staircase=True
        )
    return make_optimizer(options.pop("name"), **options)
