"""Runs one trial: builds, trains and evaluates the model, and writes the results."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..storage.atomic_files import require_free_space
from .data_splits import FINE_TUNING, split_iterators
from .image_groups import describe_images, groups_of
from .results.trial_results import EXPLANATIONS, TrialResult, write_result
from .trial import TRAINED_ON, Trial
from .trial_config import ModelSettings, OptimizerSettings, PhaseSettings, check_options

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator
    from ..training.history import History
    from .phases import Objective

# What earlier versions called these networks.
_OLD_NETWORKS = {"hybrids.network": "cnn_svr.network"}
# A phase may begin when the time is over; its first batches are enough.
_LEAST_MINUTES = 0.05
_GIVEN = {"classes", "input_shape", "seed", "backbone"}


def run_trial(
    trial: Trial,
    tables: Mapping[str, pd.DataFrame],
    folder: Path,
    run_dir: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> TrialResult:
    """Train a trial's model and evaluate it on the splits that it was not trained on.

    Args:
        trial: The record.
        tables: A table of files for each split: `train`, and any others.
        folder: An existing folder, which receives the record, the history, the evaluations,
            the trained classifier, what it saw in its worst mistakes and, last, the summary.
        run_dir: The folder for checkpoints, from which an interrupted trial is resumed; None
            saves none.
        callbacks: Callbacks of every phase, beside the trial's own.

    Returns:
        The results, as `read_result` reads them from the folder.

    Raises:
        ValueError: If the trial is incomplete, names an unknown network, or its weights do not
            fit.
        OSError: If the disk has no room for the results.
    """
    from ..evaluation import Evaluation, predict_flow
    from ..explanation.mistakes import explain_mistakes
    from ..models.saving.classifier import Classifier

    check_trial_options(trial)
    iterators = split_iterators(trial, tables)
    model = build_model(trial, classes=len(iterators["train"].class_names or ()))
    require_free_space(folder, _size_of_results(model))
    history, seconds = train_model(model, trial, iterators, run_dir, callbacks)
    views = trial.settings.data.test_time_augmentation
    evaluations = {
        split: Evaluation(
            predict_flow(model, iterator, views),
            *groups_of(tables[split]),
            subgroup=tables[split].get("subgroup"),
        )
        for split, iterator in iterators.items()
        if split not in (*TRAINED_ON, FINE_TUNING)
    }
    accuracies = {split: evaluation.accuracy for split, evaluation in evaluations.items()}
    classifier = Classifier.from_flow(model, iterators["train"], metrics=accuracies)
    classifier.describe(evaluations, describe_images(tables), trial.described())
    classifier.save(folder / "classifier")
    explain_mistakes(classifier, evaluations, folder / EXPLANATIONS)
    return write_result(folder, trial, history, evaluations, seconds, model.count_params())


def check_trial_options(trial: Trial) -> None:
    """Check that a trial is complete, and that its network and optimizers have its options.

    An unknown network is left for `build_model` to report.

    Args:
        trial: The trial.

    Raises:
        ValueError: If a setting is missing, unknown or out of range.

    Example:
        >>> check_trial_options(
        ...     Trial(
        ...         "a",
        ...         {"target_size": [50, 50], "batch_size": 32},
        ...         {"network": "soco.network", "binry": True},
        ...         {"optimizer": {"name": "adam"}, "epochs": 5},
        ...     )
        ... )
        Traceback (most recent call last):
            ...
        ValueError: Trial 'a': Unknown key 'binry' in model. Did you mean 'binary'?
    """
    model, training = trial.settings.model, trial.settings.training
    check_options(trial.name, "model", model.options(), _known_options(model))
    phases = {
        "training.source": training.source,
        "training": training,
        "training.fine_tune": training.fine_tune,
    }
    for section, phase in phases.items():
        if phase is not None:
            _check_optimizer(trial.name, f"{section}.optimizer", phase.optimizer)
            _check_batch_augmentation(trial.name, section, phase)


def build_model(trial: Trial, classes: int) -> keras.Model:
    """Build the network that a trial names, initialized with its seed.

    Args:
        trial: Its `model` holds `network` or `backbone`, with the options of either. A network
            is one of `pykeras_tl.models.networks`, such as `"blood_cells.version_1"`, or a
            function of your own as `"module:function"`, which takes `classes`, `input_shape`,
            `seed` and the options.
        classes: Number of classes.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If the network or backbone is unknown.
    """
    from ..models.transfer import transfer_model

    settings = trial.settings.model
    options = settings.options() | {
        "classes": classes,
        "input_shape": (*trial.settings.data.target_size, 3),
        "seed": trial.seed,
    }
    if settings.backbone:
        model = transfer_model(settings.backbone, **options)
        return _on_pixels_from_0_to_1(model) if settings.divide_by_255 else model
    return _network(str(settings.network))(**options)


def _known_options(model: ModelSettings) -> list[str] | None:
    """Return the options of the named network or backbone; None if they cannot be known."""
    import keras

    from ..models.backbones.registry import get_backbone
    from ..models.transfer import transfer_model

    functions: list[Callable[..., Any]]
    try:
        if model.backbone:
            entry = get_backbone(model.backbone)
            constructor = getattr(keras.applications, entry.constructor, None)
            functions = [transfer_model, *([constructor] if constructor else [])]
        else:
            functions = [_network(str(model.network))]
    except ValueError:
        return None
    parameters = [each for f in functions for each in inspect.signature(f).parameters.values()]
    if model.network and any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    names = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    return [name for name in dict.fromkeys(names) if name not in _GIVEN]


def _check_optimizer(name: str, section: str, settings: OptimizerSettings) -> None:
    from ..training.optimizers.by_name import make_optimizer

    options = settings.options()
    try:
        known = inspect.signature(type(make_optimizer(settings.name))).parameters
        check_options(name, section, options, [*known, "decay", "lr"])
        make_optimizer(settings.name, **options)
    except (TypeError, ValueError) as error:
        message = str(error)
        prefix = "" if message.startswith("Trial ") else f"Trial {name!r}, {section}: "
        raise ValueError(prefix + message) from error


def _check_batch_augmentation(name: str, section: str, phase: PhaseSettings) -> None:
    from ..training.batch_augmentation import BatchAugmenter

    try:
        BatchAugmenter(phase.batch_augmentation or [])
    except (TypeError, ValueError) as error:
        raise ValueError(f"Trial {name!r}, {section}.batch_augmentation: {error}") from error


def _network(name: str) -> Callable[..., keras.Model]:
    name = _OLD_NETWORKS.get(name, name)
    own_module, _, own_function = name.partition(":")
    module, _, function = name.rpartition(".")
    try:
        if own_function:
            network = getattr(import_module(own_module), own_function)
        else:
            network = getattr(import_module(f"..models.networks.{module}", __package__), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"Unknown network {name!r}. Expected one of pykeras_tl.models.networks, such as "
            "'soco.network', or 'module:function' for a function of your own."
        ) from error
    build: Callable[..., keras.Model] = network
    return build


def _on_pixels_from_0_to_1(model: keras.Model) -> keras.Model:
    """Divide the pixels by 255 even if the backbone expects others, as some studies did."""
    import keras

    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(keras.layers.Rescaling(1 / 255)(inputs)), name=model.name)


def train_model(
    model: keras.Model,
    trial: Trial,
    iterators: Mapping[str, Iterator],
    run_dir: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    objective: Objective | None = None,
) -> tuple[History, float]:
    """Train a model through all phases of a trial.

    Args:
        model: The model, changed in place.
        trial: The record.
        iterators: An iterator over each split, as `split_iterators` returns them.
        run_dir: As for `run_trial`.
        callbacks: As for `run_trial`.
        objective: What is minimized; the cross-entropy of one class an image by default.

    Returns:
        The history, and the seconds of training, including those before an interruption.

    Raises:
        KeyboardInterrupt: If the user interrupted the training.
    """
    from ..training.linear_probe import fit_linear_probe
    from .phases import BestWeights, phases_of, train_phase

    training, started = trial.settings.training, time.monotonic()
    validation = iterators.get("validation")
    phases = phases_of(trial, iterators, model)
    if objective:
        phases = [
            replace(phase, loss=objective.loss, metrics=objective.metrics) for phase in phases
        ]
    if training.linear_probe:
        fit_probe = objective.fit_probe if objective else fit_linear_probe
        fit_probe(model, iterators["train"], validation)
    history, seconds = None, 0.0
    best = BestWeights(model) if training.keep_best else None
    for phase in phases:
        initial_epoch = 0 if history is None else history.epoch[-1] + 1
        phase_dir = None if run_dir is None else run_dir / phase.name
        minutes = None
        if training.minutes:
            # Of phases that were finished before an interruption, their own time counts.
            passed = max(time.monotonic() - started, seconds)
            minutes = max(training.minutes - passed / 60, _LEAST_MINUTES)
        trained, duration = train_phase(
            model, phase, validation, initial_epoch, phase_dir, minutes, callbacks,
            training.devices, training.mixed_precision,
        )  # fmt: skip
        if trained.stopped:
            raise KeyboardInterrupt
        if best:
            best.update(trained)
        trained.phases = {phase.name: initial_epoch} if len(phases) > 1 else {}
        history, seconds = trained if history is None else history + trained, seconds + duration
    assert history is not None
    if best:
        best.restore()
    if training.temperature_scaling and validation is not None:
        scale_outputs(model, validation)
    return history, seconds


def scale_outputs(model: keras.Model, validation: Iterator) -> float:
    """Divide what goes into the last softmax or sigmoid by a temperature fitted on validation.

    Args:
        model: A classifier that ends with a dense layer, changed in place.
        validation: Images that it was not trained on.

    Returns:
        The temperature; 1 changes nothing.
    """
    from ..evaluation import fit_temperature, predict_flow

    temperature = fit_temperature(predict_flow(model, validation))
    last = model.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return temperature


def _size_of_results(model: keras.Model) -> int:
    # Weights as float32, twice while they are being written; three checkpoints, each with the
    # state of the optimizer; and tables and figures.
    return 44 * model.count_params() + 20_000_000
