"""One trial from its record to its results: build, train, evaluate, write down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..storage.atomic_files import require_free_space
from .data_splits import FINE_TUNING, groups_of, part_flows
from .results.trial_results import TrialResult, write_result
from .trial import TRAINED_ON, Trial

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator
    from ..training.history import History


def run_trial(
    trial: Trial, tables: Mapping[str, pd.DataFrame], folder: Path, unfinished: Path | None = None
) -> TrialResult:
    """Train what a trial describes and evaluate it on the parts it was not trained on.

    Args:
        trial: The record.
        tables: A table of files for each part: `train`, and any others.
        folder: An existing folder, which receives the record, the history, the evaluations,
            the trained classifier and, last, the summary.
        unfinished: The folder that keeps the state of the training after every epoch, from
            which a trial that was stopped goes on; None keeps none.

    Returns:
        The results, as `read_result` reads them from the folder.

    Raises:
        ValueError: When the record names an unknown network, or weights do not fit.
        OSError: When the disk has no room for the results.
    """
    from ..evaluation import evaluate_classifier
    from ..models.saving.classifier import Classifier

    flows = part_flows(trial, dict(tables))
    model = build_model(trial, classes=len(flows["train"].class_names or ()))
    require_free_space(folder, _size_of_results(model))
    history, seconds = train_model(model, trial, flows, unfinished)
    evaluations = {
        part: evaluate_classifier(model, flow, groups=groups_of(tables[part]))
        for part, flow in flows.items()
        if part not in (*TRAINED_ON, FINE_TUNING)
    }
    accuracies = {part: evaluation.accuracy for part, evaluation in evaluations.items()}
    Classifier.from_flow(model, flows["train"], metrics=accuracies).save(folder / "classifier")
    return write_result(folder, trial, history, evaluations, seconds, model.count_params())


def build_model(trial: Trial, classes: int) -> keras.Model:
    """Build the network that a trial's record names, with its seed.

    Args:
        trial: `model` holds `network` or `backbone`, with the options of what it names. A
            network is one of `pykeras_tl.models`, such as `"blood_cells.version_1"`, or a
            function of your own as `"module:function"`, which takes `classes`, `input_shape`,
            `seed` and the options.
        classes: Number of classes.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: When there is no such network or backbone.
    """
    from ..models.transfer import transfer_model

    options = dict(trial.model)
    input_shape = (*trial.data["target_size"], 3)
    if "backbone" in options:
        name, divide = options.pop("backbone"), options.pop("divide_by_255", False)
        made = transfer_model(name, classes, input_shape=input_shape, seed=trial.seed, **options)
        return _on_pixels_from_0_to_1(made) if divide else made
    network = _network(options.pop("network"))
    return network(classes=classes, input_shape=input_shape, seed=trial.seed, **options)


def _network(name: str) -> Callable[..., keras.Model]:
    own, _, of_own = name.partition(":")
    module, _, function = name.rpartition(".")
    try:
        if of_own:
            found = getattr(import_module(own), of_own)
        else:
            found = getattr(import_module(f"..models.networks.{module}", __package__), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no network {name!r}") from error
    made: Callable[..., keras.Model] = found
    return made


def _on_pixels_from_0_to_1(model: keras.Model) -> keras.Model:
    """Divide the pixels by 255, also where a backbone expects others, as some studies did."""
    import keras

    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(keras.layers.Rescaling(1 / 255)(inputs)), name=model.name)


def train_model(
    model: keras.Model, trial: Trial, flows: Mapping[str, Iterator], unfinished: Path | None = None
) -> tuple[History, float]:
    """Train a model through all phases of a trial.

    Args:
        model: The model, changed in place.
        trial: The record.
        flows: A flow for each part, as `part_flows` makes them.
        unfinished: As for `run_trial`.

    Returns:
        The history, and the seconds that the training took, those before it was stopped included.

    Raises:
        KeyboardInterrupt: When the user stopped the training.
    """
    from .phases import phases_of, train_phase

    phases = phases_of(trial, flows, model)
    history, seconds = None, 0.0
    for phase in phases:
        begun = 0 if history is None else history.epoch[-1] + 1
        run_dir = None if unfinished is None else unfinished / phase.name
        trained, took = train_phase(model, phase, flows.get("validation"), begun, run_dir)
        if trained.stopped:
            raise KeyboardInterrupt
        trained.phases = {phase.name: begun} if len(phases) > 1 else {}
        history, seconds = trained if history is None else history + trained, seconds + took
    assert history is not None
    return history, seconds


def _size_of_results(model: keras.Model) -> int:
    # Weights as float32, twice for what is being written; two states of the training, each with
    # the optimizer's numbers, and a third that is being written; and tables and images.
    return 44 * model.count_params() + 20_000_000
