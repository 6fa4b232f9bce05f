"""Searches for the settings of a training, and keeps the best classifier."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..images.cluster import connect
from ..images.datasets.corrections import Corrections
from ..images.decoding.value_range import DtypeRange
from ..recipe.folder_splits import read_splits, split_off
from ..recipe.plan import Plan
from ..recipe.planning import Request
from ..recipe.sampling import without_surplus_copies
from ..recipe.saved_plans import read_plans, save_plans
from ..studies.data_splits import digest_files
from ..studies.execution.image_transfer import image_files
from ..studies.execution.ray_cluster import run_on_cluster
from ..studies.execution.trial_task import TrialTask, error_of
from ..studies.results.trial_results import is_done, read_result
from ..studies.runner import create_results_folder
from ..studies.study import empty_study
from ..training.devices.selection import Devices, find_devices
from .results import VALUE, SearchResult, write_results
from .space import planned_settings, suggest_settings, trial_with

if TYPE_CHECKING:
    import optuna


_JOURNAL = "search.journal"
_PLAN = "search"
_STUDY = empty_study("search", "A search for settings")
_HARDWARE = "hardware"
# Of the first epochs only the head is trained: they say little.
_HEAD_EPOCHS = 3
_logger = logging.getLogger(__name__)


def search_classifier(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    trials: int = 20,
    minutes: float = 5,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    target_size: tuple[int, int] | None = None,
    batch_size: int | None = None,
    groups: str | None = "copies",
    cluster: str | None = None,
    jobs: int = 1,
    seed: int = 0,
    on_bad: str | None = "raise",
    dtype_range: DtypeRange = None,
    corrections: Corrections | None = None,
    devices: Devices = None,
    mixed_precision: str | None = None,
) -> SearchResult:
    """Search for the settings with which a classifier does best on the validation images.

    The training that `train_classifier` would plan comes first. Then Optuna's tree-structured
    Parzen estimator suggests from which stage on to fine-tune, learning rates, weight decay, label
    smoothing, dropout and augmentation. A trial that is behind the median of those before it is
    ended early. The test images are looked at once, by the best classifier, at the end.

    The same command goes on with an interrupted search.

    Args:
        directory: The folder, as for `train_classifier`.
        out: The folder of results: the best classifier, the tables, and `report.html`.
        trials: How many trainings, 1 or more, those of an interrupted search included.
        minutes: The time to plan each of them with.
        backbone: As for `train_classifier`.
        weights: As for `train_classifier`.
        target_size: As for `train_classifier`.
        batch_size: As for `train_classifier`.
        groups: As for `train_classifier`.
        cluster: The Ray cluster that runs the trials, as for `run_study`; `"local"` runs several
            at a time on this machine.
        jobs: With a cluster, trials at a time on each machine.
        seed: The seed of splits, trainings and suggestions.
        on_bad: As for `train_classifier`.
        dtype_range: As for `train_classifier`.
        corrections: As for `train_classifier`.
        devices: The devices that each trial trains on, as in `fit`.
        mixed_precision: As in `fit`.

    Returns:
        The results.

    Raises:
        ImportError: If Optuna is not installed, or Ray with a cluster.
        FileExistsError: If `out` holds something else, or a search with other settings.
        ValueError: If an argument is out of range, this machine lacks the devices, or there is no
            time for fine tuning.
        RuntimeError: If all trials failed.

    Example:
        >>> result = search_classifier("birds", "birds-search", trials=30)  # doctest: +SKIP
        >>> result.best_settings  # doctest: +SKIP

    Source:
        Akiba et al., Optuna: A Next-generation Hyperparameter Optimization Framework, KDD 2019.
    """
    started = time.monotonic()
    if trials < 1 or jobs < 1:
        raise ValueError(f"Expected trials and jobs >= 1. Received: {trials} and {jobs}.")
    _check_optuna()
    if cluster is not None:
        connect(cluster)
    else:
        find_devices(devices)
    named = devices if devices is None or isinstance(devices, int | str) else list(devices)
    hardware = {"devices": named, "mixed_precision": mixed_precision}
    request = Request(
        "good", minutes, backbone, weights, target_size, batch_size, seed, dtype_range
    )
    folder = Path(out).expanduser().absolute()
    plan = read_plans(folder, request, _STUDY).get(_PLAN)
    given = read_splits(directory, on_bad, corrections)
    tables = without_surplus_copies(split_off(given, groups, seed), given, seed)
    test = tables.pop("test")
    create_results_folder(folder, _STUDY)
    if plan is None:
        plan = _plan(tables, request, started)
        save_plans(folder, request, {_PLAN: plan}, _STUDY)
    search = _Search(folder, plan, tables, request, {"groups": groups}, trials, hardware)
    search.run(cluster, jobs)
    return write_results(folder, search.study, search.task, test, seed)


def _check_optuna() -> None:
    try:
        import optuna
    except ImportError as error:
        raise ImportError('A search needs Optuna. Run pip install "pykeras-tl[search]".') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _plan(tables: Mapping[str, pd.DataFrame], request: Request, started: float) -> Plan:
    from ..recipe.planning import plan_training

    plan = next(iter(plan_training(tables, request, started).values()))
    if plan.fine_tune_from is None:
        raise ValueError(
            "Expected time for fine tuning, whose settings are searched for. Received: "
            f"minutes={request.minutes:g} for {len(tables['train']):,} images. Give more minutes, "
            "or a smaller target_size."
        )
    return plan


class _Search:
    """A search in its folder: Optuna's study, and the trials that it suggests."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        tables: Mapping[str, pd.DataFrame],
        request: Request,
        split: Mapping[str, Any],
        trials: int,
        hardware: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        from ..models.backbones.registry import get_backbone

        self.folder, self.plan, self.tables, self.request = folder, plan, tables, request
        self._split, self._count = split, trials
        self._hardware = {name: value for name, value in hardware.items() if value is not None}
        self._stages = _later_stages(get_backbone(plan.backbone).stages, plan.fine_tune_from)
        self._digests = {name: digest_files(table) for name, table in tables.items()}
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(folder / _JOURNAL))),
            study_name=_STUDY.name,
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=request.seed, constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=_HEAD_EPOCHS),
        )
        # A trial's record, and so its folder, names its devices.
        if self.study.user_attrs.get(_HARDWARE, self._hardware) != self._hardware:
            raise FileExistsError(
                f"Expected the devices and precision of the search in {folder}: "
                f"{self.study.user_attrs[_HARDWARE]}. Received: {self._hardware}. Pass those, or "
                "choose another folder."
            )
        if not self.study.trials:
            self.study.set_user_attr(_HARDWARE, self._hardware)
            self.study.enqueue_trial(planned_settings(plan))

    def run(self, cluster: str | None, jobs: int) -> None:
        """Run the trials that are not done."""
        if cluster is None:
            for number, task in self._tasks():
                self._tell(number, task, error_of(task, partial(self._report, number)))
            return
        begun: list[tuple[int, TrialTask]] = []

        def tasks() -> Iterator[TrialTask]:
            for number, task in self._tasks():
                begun.append((number, task))
                yield task

        def report(index: int, epoch: int, accuracy: float) -> bool:
            return self._report(begun[index][0], epoch, accuracy)

        files = image_files(self.tables.values())
        for index, failed in run_on_cluster(tasks(), files, cluster, jobs, report):
            self._tell(*begun[index], failed)

    def task(self, number: int) -> TrialTask:
        """Return the task of a trial that was suggested."""
        import optuna

        suggested = optuna.trial.FixedTrial(self.study.trials[number].params)
        trial = trial_with(
            suggest_settings(suggested, self._stages), self.plan, f"trial-{number:03d}",
            self.request.seed, self.request.weights_name, self._split, self.request.dtype_range,
        )  # fmt: skip
        trial = trial.with_training(**self._hardware).on_files(self._digests)
        return TrialTask(trial, self.tables, self.folder / "trials" / trial.folder)

    def _tasks(self) -> Iterator[tuple[int, TrialTask]]:
        from optuna.trial import TrialState

        # Those that were running when the search was interrupted go on.
        for frozen in self.study.get_trials(states=[TrialState.RUNNING]):
            task = self.task(frozen.number)
            if is_done(task.folder):
                self._tell(frozen.number, task, None)
            else:
                yield frozen.number, task
        waiting = TrialState.WAITING
        while sum(each.state != waiting for each in self.study.trials) < self._count:
            asked = self.study.ask()
            suggest_settings(asked, self._stages)
            _logger.info("[%d/%d] %s", asked.number + 1, self._count, _describe(asked.params))
            yield asked.number, self.task(asked.number)

    def _report(self, number: int, epoch: int, accuracy: float) -> bool:
        """Tell Optuna of an epoch of a trial; return whether to end the trial."""
        trial = self._optuna_trial(number)
        trial.report(accuracy, epoch)
        if prune := trial.should_prune():
            trial.set_user_attr("pruned", True)
        return prune

    def _optuna_trial(self, number: int) -> optuna.trial.Trial:
        import optuna

        return optuna.trial.Trial(self.study, self.study.trials[number]._trial_id)

    def _tell(self, number: int, task: TrialTask, error: Exception | None) -> None:
        from optuna.trial import TrialState

        if error is not None:
            _logger.warning("%s failed: %s: %s", task.trial.name, type(error).__name__, error)
            self.study.tell(number, state=TrialState.FAIL)
            return
        accuracy = float(read_result(task.folder).metrics[VALUE])
        self._optuna_trial(number).set_user_attr(VALUE, accuracy)
        if self.study.trials[number].user_attrs.get("pruned"):
            self.study.tell(number, state=TrialState.PRUNED)
        else:
            self.study.tell(number, accuracy)
        _logger.info("%s: validation accuracy %.4f", task.trial.name, accuracy)


def _later_stages(stages: Iterable[str], first: str | None) -> list[str]:
    """Return the stages from one on: earlier ones would take longer than there is time for."""
    known = list(stages)
    return known[known.index(first) :] if first in known else known


def _describe(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings.items()
    )
