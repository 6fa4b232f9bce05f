"""Plans and runs the training of a task, and writes what came of it."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import pandas as pd

from ..images.decoding.content_hash import hashes_of_local_files
from ..images.decoding.value_range import DtypeRange
from ..images.image_data_generator import ImageDataGenerator
from ..models.averaging import average_models
from ..models.saving.classifier import load_predictor
from ..models.saving.preprocess_config import PreprocessConfig
from ..models.transfer import transfer_model
from ..recipe.plan import Plan
from ..recipe.planning import Request, plan_training
from ..recipe.probing import INTERPOLATION, ProbeResult, UpsideDown, turning_cost
from ..recipe.saved_plans import read_plans, save_plans
from ..recipe.speed import measure_speed
from ..storage.shards.reading import file_status
from ..studies.data_splits import FINE_TUNING
from ..studies.image_groups import split_sizes
from ..studies.study import empty_study
from ..studies.trial import Trial
from ..studies.trial_runner import build_model, train_model
from ..training.linear_probe import features_and_labels
from .report import metric_label, write_task_report
from .task import Evaluated, Predictor, Task

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator
    from ..training.history import History

_logger = logging.getLogger(__name__)
_STUDY = empty_study("own-table", "From a table of images")
_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class TaskRequest(Request):
    """What the user asks of a training.

    Attributes:
        task: What is learned from which images, as a digest.
    """

    task: str = ""


@dataclass(frozen=True)
class Settings:
    """What the user says of a training, as `train_multi_label_classifier` documents it."""

    quality: str = "good"
    minutes: float | None = None
    backbone: str | None = None
    weights: str | os.PathLike[str] | None = "imagenet"
    target_size: tuple[int, int] | None = None
    batch_size: int | None = None
    seed: int = 0
    dtype_range: DtypeRange = None


def train_task(
    task: Task,
    tables: Mapping[str, pd.DataFrame],
    out: str | os.PathLike[str],
    settings: Settings,
    started: float,
) -> Predictor:
    """Plan a training, run it, and write the predictor, the evaluations and the report.

    Args:
        task: The task.
        tables: The images `train`, `validation` and `test`, with the task's columns.
        out: The folder of results.
        settings: What the user says.
        started: When the time began, by `time.monotonic`.

    Returns:
        What was trained.

    Raises:
        FileExistsError: If the folder holds something else.
        KeyboardInterrupt: If the user interrupted the training; the same call resumes it.
    """
    target = Path(out).expanduser().absolute()
    request = TaskRequest(**vars(settings), task=_digest(task, tables))
    plans = read_plans(target, request, _STUDY)
    if plans and (target / task.folder).exists():
        loaded = load_predictor(target / task.folder)
        assert not hasattr(loaded, "novelty")
        return loaded
    if not plans:
        plans = _plan(task, tables, request, started)
        save_plans(target, request, plans, _STUDY)
    models, histories = [], {}
    for number, (name, plan) in enumerate(plans.items()):
        run_dir = target / _CHECKPOINTS / name
        model, flow, history = _train(task, plan, name, request, number, tables, run_dir)
        models.append(model)
        histories[name] = history
    images = PreprocessConfig.of_flow(flow)
    model = models[0] if len(models) == 1 else average_models(models, "mean")
    predictor = task.predictor(model, images, tables["validation"])
    predictor.trained_on = frozenset(hashes_of_local_files(flow.sample_names))
    evaluations = {name: task.evaluate(predictor, tables[name]) for name in ("validation", "test")}
    for name, evaluation in evaluations.items():
        evaluation.save(target / "evaluation" / name)
        predictor.metrics[name] = dict([evaluation.headline])
    made = {name: plan.to_record() for name, plan in plans.items()}
    sizes = {"Images of each split": split_sizes(tables)}
    predictor.describe(evaluations, sizes, next(iter(made.values())) if len(made) == 1 else made)
    write_task_report(target, task.name, predictor, evaluations, histories, made, sizes)
    predictor.save(target / task.folder)
    shutil.rmtree(target / _CHECKPOINTS, ignore_errors=True)
    _logger.info("Test: %s", _in_words(evaluations["test"]))
    return predictor


def _digest(task: Task, tables: Mapping[str, pd.DataFrame]) -> str:
    digest = hashlib.sha256(repr(task).encode("utf-8", "surrogateescape"))
    for name, table in tables.items():
        sizes = [file_status(file)[0] for file in table["filename"]]
        names = [Path(file).name for file in table["filename"]]
        values = table[task.columns].to_numpy("float64").round(9).tolist()
        digest.update(f"{name}{names}{sizes}{values}".encode("utf-8", "surrogateescape"))
    return f"{task.folder} {digest.hexdigest()[:16]}"


def _plan(
    task: Task, tables: Mapping[str, pd.DataFrame], request: TaskRequest, started: float
) -> dict[str, Plan]:
    def probe(
        name: str, size: tuple[int, int], sample: tuple[pd.DataFrame, pd.DataFrame]
    ) -> ProbeResult:
        model = transfer_model(
            name, len(task.columns), input_shape=(*size, 3), weights=request.weights_name,
            activation=task.activation,
        )  # fmt: skip
        reading = _Reading(size, 32, INTERPOLATION, request.dtype_range)
        flows = [reading.flow(table, task.columns) for table in sample]
        speed = measure_speed(model, name, flows[0])
        extractor = keras.Model(model.inputs, model.layers[-1].input)
        training, validation = (features_and_labels(extractor, flow) for flow in flows)
        fitted = task.fit(training, validation)
        labels, upright = validation[1], fitted.predict(validation[0])
        accuracy, loss = task.judge(labels, upright)
        features, _ = features_and_labels(extractor, UpsideDown(flows[1]))
        turned = fitted.predict(features)
        turned_accuracy, _ = task.judge(labels, turned)
        before, after = (task.rightness(labels, each) for each in (upright, turned))
        cost = turning_cost(before, after, sample[1])
        result = ProbeResult(
            name, size, accuracy, loss, turned_accuracy, cost, speed, *task.measure
        )
        _logger.info("%s.", result.describe())
        return result

    return plan_training(
        tables, request, started, probe, lambda survey: task.describe(survey, tables["train"])
    )


@dataclass(frozen=True)
class _Reading:
    """How images are read."""

    size: tuple[int, int]
    batch_size: int
    interpolation: str
    dtype_range: DtypeRange

    def flow(
        self,
        table: pd.DataFrame,
        columns: list[str],
        augmentation: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> Iterator:
        """Make a flow over the images, shuffled if there is a seed."""
        with redirect_stdout(io.StringIO()):
            return ImageDataGenerator(**(augmentation or {})).flow_from_dataframe(
                table,
                y_col=columns,
                class_mode="raw",
                target_size=self.size,
                batch_size=self.batch_size,
                shuffle=seed is not None,
                seed=seed,
                interpolation=self.interpolation,
                formats="all",
                dtype_range=self.dtype_range,
            )


def _train(
    task: Task,
    plan: Plan,
    name: str,
    request: TaskRequest,
    number: int,
    tables: Mapping[str, pd.DataFrame],
    run_dir: Path,
) -> tuple[keras.Model, Iterator, History]:
    seed = request.seed + number
    planned = plan.trial(name, seed, request.weights_name, dtype_range=request.dtype_range)
    trial = replace(
        planned,
        model={**planned.model, "activation": task.activation},
        training={**planned.training, "temperature_scaling": False},
    )
    iterators = _iterators(trial, tables, task.columns)
    model = build_model(trial, classes=len(task.columns))
    history, _ = train_model(model, trial, iterators, run_dir, objective=task.objective())
    return model, iterators["train"], history


def _iterators(
    trial: Trial, tables: Mapping[str, pd.DataFrame], columns: list[str]
) -> dict[str, Iterator]:
    data, fine_tuning = trial.settings.data, trial.settings.training.fine_tune
    reading = _Reading(data.target_size, data.batch_size, data.interpolation, data.dtype_range)
    iterators = {
        "train": reading.flow(tables["train"], columns, seed=trial.seed),
        "validation": reading.flow(tables["validation"], columns),
    }
    if fine_tuning and fine_tuning.augmentation:
        iterators[FINE_TUNING] = reading.flow(
            tables["train"], columns, fine_tuning.augmentation, trial.seed
        )
    return iterators


def _in_words(evaluation: Evaluated) -> str:
    name, value = evaluation.headline
    table = evaluation.overall
    row = table[table["metric"] == name].iloc[0]
    interval = f" ({row['low']:.4g} to {row['high']:.4g})" if "low" in row else ""
    return f"{metric_label(name)} {value:.4g}{interval} on {evaluation.size}."
