"""Runs a study: all trials that are not done, and the report."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..images.cluster import connect
from ..storage.atomic_files import atomic_directory, atomic_file, recover_directory
from ..visualization.rich_display import Display, Displayed
from .data_splits import digest_files, without_bad_files
from .execution.gpu_memory import leave_gpu_memory
from .execution.run_all import run_all
from .execution.trial_task import TrialTask
from .image_groups import split_sizes, with_originals
from .other_backbone import with_backbone
from .results.baselines import study_baselines
from .results.comparison import paired_comparisons, summary_table
from .results.intervals import interval_table
from .results.trial_results import TrialResult, comparison_table, is_done, read_result, tidy_table
from .study import Settings, Study, get_study, select_trials
from .trial import Trial, with_changes

_STUDY_FILE = "study.json"
# Where generated images are kept, and where earlier versions kept them.
_GENERATED, _OLD_GENERATED = Path("generated-data/images"), Path("drawn-data/pictures")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class StudyResult(Displayed):
    """The results of a study.

    Args:
        study: The study.
        trials: The results of the trials that are done, in the study's order.
        failures: The error of each trial that failed, by the trial's name.
        folder: The study's folder.
        report: The HTML page that shows all of it.
    """

    study: Study
    trials: list[TrialResult]
    failures: Mapping[str, str]
    folder: Path
    report: Path

    @property
    def table(self) -> pd.DataFrame:
        """The trials side by side, one row each; means if they were repeated."""
        return comparison_table(self.trials)

    def _display(self) -> Display:
        facts = {"trials": len(self.trials), "failed": len(self.failures), "report": self.report}
        return Display(self.study.title, facts, {"Trials": self.table})

    def to_frame(self) -> pd.DataFrame:
        """All numbers, one row each: study, trial, seed, fold, images, metric, value."""
        return tidy_table(self.study.name, self.trials)

    @property
    def summary(self) -> pd.DataFrame:
        """Mean, deviation and 95 % interval of every number, as `summary_table` returns them."""
        return summary_table(self.to_frame())

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Accuracies with 95 % intervals by group, as `interval_table` returns them."""
        return interval_table(self.trials)

    def compare(self, metric: str | None = None) -> pd.DataFrame:
        """Compare the trials in pairs over the repeats and folds that they share.

        Args:
            metric: The metric to compare; the study's own if `None`.

        Returns:
            One row for each pair, as `paired_comparisons` returns it.
        """
        return paired_comparisons(self.to_frame(), metric or self.study.metric)


def run_study(
    study: str | Study | None = None,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    quick: bool = False,
    epochs: int | None = None,
    repeats: int | None = None,
    trials: str | None = None,
    backbone: str | None = None,
    changes: Mapping[str, Any] | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    seed: int = 0,
    weights: str | None = "imagenet",
    on_bad: str | None = "raise",
    name: str | Study | None = None,
) -> StudyResult:
    """Run a study on a folder of images.

    A trial that is done is not run again, and one that was interrupted resumes after its last
    epoch. A trial that fails is reported with its error and does not stop the others.

    Args:
        study: The study's name, such as `"blood-cells"`, the path of a Python file that defines
            one, or the study itself.
        data: The folder of images, laid out as the study describes. `None` generates small
            images for the quick form.
        out: The folder of results. It is created if missing, and must not hold anything other
            than this study.
        quick: Whether to run the short form that takes minutes.
        epochs: Epochs of every phase of every trial; the study's own if `None`.
        repeats: How often every trial is run, with consecutive seeds from `seed` on. `None` is
            the number of the study's authors, at most two in the quick form.
        trials: Comma-separated shell patterns of the trials to run, such as `"version-1-*"`;
            all if `None`.
        backbone: A backbone to try beside the published ones, as `with_backbone` does, for
            example one whose weights are at hand.
        changes: Settings to change in every trial that has them, by their path in its record,
            such as `{"data.batch_size": 32}`.
        jobs: Trials at a time, each in a process of its own; on a cluster, on each machine.
        cluster: The Ray cluster that runs the trials: `"auto"` for the one that this machine
            belongs to, or `"ray://HOST:10001"`. Its machines need this package in the same
            versions, not the same disk. None runs them here.
        seed: The seed of the first repeat.
        weights: Weights of the backbones: `"imagenet"`, the path of a file, or `None`.
        on_bad: All image files are looked through before the first trial: "raise" an error that
            names the bad ones, or "skip" to leave them out; `None` does not look.
        name: The old name of `study`.

    Returns:
        The results of all trials that are done in `out`, with the comparison as `table` and the
        page as `report`.

    Raises:
        FileNotFoundError: If the folder of images, or a split of it, is missing.
        FileExistsError: If `out` holds something else.
        BadImageError: If image files cannot be read and `on_bad` is "raise".
        ValueError: If the study is unknown, no trial matches, a setting is unknown or out of
            range, or a number is below 1.
        ImportError: If a cluster is given and Ray is not installed.
        ConnectionError: If there is no cluster at the address.

    Example:
        >>> result = run_study("blood-cells", "cells", "results")  # doctest: +SKIP
        >>> result.table  # doctest: +SKIP
    """
    if name is not None:
        warnings.warn(
            "The argument `name` of run_study is now called `study`.", FutureWarning, stacklevel=2
        )
        study = name
    if study is None or out is None:
        raise TypeError("run_study() needs the arguments `study` and `out`.")
    if jobs < 1:
        raise ValueError(f"Expected jobs >= 1. Received: {jobs}.")
    if cluster is not None:
        # Before the images are looked through.
        connect(cluster)
    elif jobs > 1:
        # The trials' processes too, which have the environment of this one.
        leave_gpu_memory()
    chosen = get_study(study) if isinstance(study, str) else study
    repeats = _number_of_repeats(chosen, repeats, quick)
    every = _with_epochs(_all_trials(chosen, Settings(quick, seed, weights), repeats), epochs)
    if backbone is not None:
        every = with_backbone(every, backbone)
    selected = {trial.name for trial in select_trials(every, trials)}
    every = with_changes(every, changes or {})
    target = Path(out).expanduser().absolute()
    _check_options([trial for trial in every if trial.name in selected])
    images = _generated(chosen, quick, target) if data is None else Path(data).expanduser()
    tasks = _tasks(chosen, every, images, target / "trials", on_bad)
    folder = create_results_folder(target, chosen)
    _log_sizes(split_sizes(tasks[0].tables))
    failures = run_all([task for task in tasks if task.trial.name in selected], int(jobs), cluster)
    # Trials that were run before, with other patterns, belong to the results too.
    done = [read_result(task.folder) for task in tasks if is_done(task.folder)]
    # If the repeats split the images differently, the first split represents all.
    tables = tasks[0].tables
    baselines = study_baselines(tables, folder / "baselines.csv") if done else None
    return _write_study(chosen, done, failures, folder, split_sizes(tables), baselines)


def _number_of_repeats(study: Study, repeats: int | None, quick: bool) -> int:
    if repeats is None:
        return min(study.repeats, 2) if quick else study.repeats
    if repeats < 1:
        raise ValueError(f"Expected repeats >= 1. Received: {repeats}.")
    return int(repeats)


def _all_trials(study: Study, settings: Settings, repeats: int) -> list[Trial]:
    seeds = range(int(settings.seed), int(settings.seed) + repeats)
    return [trial for seed in seeds for trial in study.trials(replace(settings, seed=seed))]


def _check_options(trials: list[Trial]) -> None:
    """Find misspelt options before anything is created, once for trials that share them."""
    from .trial_runner import check_trial_options

    different: dict[str, Trial] = {}
    for trial in trials:
        key = json.dumps([trial.data, trial.model, trial.training], sort_keys=True, default=str)
        different.setdefault(key, trial)
    for trial in different.values():
        check_trial_options(trial)


def _generated(study: Study, quick: bool, out: Path) -> Path:
    """Return the folder of generated images, which is kept with the results."""
    if not quick or study.generate_data is None:
        raise ValueError(
            f"The study {study.name!r} needs a folder of data. Only its quick form can generate "
            "images."
        )
    folder = create_results_folder(out, study)
    for images in (folder / _GENERATED, folder / _OLD_GENERATED):
        recover_directory(images.parent)
        if images.exists():
            return images
    images = folder / _GENERATED
    with atomic_directory(images.parent) as working:
        # The study creates the folder itself.
        study.generate_data(working / images.name)
    return images


def _tasks(
    study: Study, trials: list[Trial], data: Path, folder: Path, on_bad: str | None
) -> list[TrialTask]:
    """Join each trial with the tables of its split, made once for all that share it."""
    tables: dict[str, Mapping[str, pd.DataFrame]] = {}
    keys = [json.dumps(trial.split, sort_keys=True) for trial in trials]
    for key, trial in zip(keys, trials, strict=True):
        if key not in tables:
            # Other splits of the same images need not be read again to raise an error.
            look = on_bad if on_bad == "skip" or not tables else None
            tables[key] = without_bad_files(study.tables(data, trial.split), look)
    grouped = with_originals(tables)
    digests = {
        key: {split: digest_files(table) for split, table in parts.items()}
        for key, parts in grouped.items()
    }
    tasks = []
    for key, trial in zip(keys, trials, strict=True):
        trial = trial.on_files(digests[key])
        tasks.append(TrialTask(trial, grouped[key], folder / trial.folder))
    return tasks


def _with_epochs(trials: list[Trial], epochs: int | None) -> list[Trial]:
    if epochs is None:
        return trials
    if epochs < 1:
        raise ValueError(f"Expected epochs >= 1. Received: {epochs}.")
    return [trial.with_training(epochs=epochs, **_phases(trial, epochs)) for trial in trials]


def _phases(trial: Trial, epochs: int) -> dict[str, Any]:
    return {
        phase: {**trial.training[phase], "epochs": epochs}
        for phase in ("source", "fine_tune")
        if trial.training.get(phase)
    }


def check_results_folder(out: Path, study: Study) -> None:
    """Check that a folder is empty, missing, or holds results of the same study.

    Args:
        out: The folder.
        study: The study.

    Raises:
        FileExistsError: If it holds something else.
    """
    study_file = out / _STUDY_FILE
    if study_file.is_file():
        name = json.loads(study_file.read_text(encoding="utf-8")).get("study")
        if name != study.name:
            raise FileExistsError(
                f"{out} holds the study {name!r}, not {study.name!r}. Choose another folder."
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} holds something else. Choose a new or empty folder.")


def create_results_folder(out: Path, study: Study) -> Path:
    """Create the folder of a study's results, if it is missing.

    Args:
        out: The folder.
        study: The study.

    Returns:
        The folder.

    Raises:
        FileExistsError: If it holds something else.
    """
    check_results_folder(out, study)
    if not (out / _STUDY_FILE).is_file():
        out.mkdir(parents=True, exist_ok=True)
        with atomic_file(out / _STUDY_FILE) as path:
            path.write_text(json.dumps({"study": study.name}), encoding="utf-8")
    return out


def _log_sizes(sizes: pd.DataFrame) -> None:
    """Say how many images are distinct, if some are copies or belong together."""
    groups = sizes.columns[2]
    if (sizes[groups] == sizes["images"]).all():
        return
    for split, images, independent, shared in sizes.itertuples(index=False):
        leaked = f", {shared:,} in training too" if shared else ""
        _logger.info(f"{split}: {images:,} images, {independent:,} {groups}{leaked}")


def _write_study(
    study: Study,
    done: list[TrialResult],
    failures: Mapping[str, str],
    folder: Path,
    sizes: pd.DataFrame,
    baselines: pd.DataFrame | None,
) -> StudyResult:
    from .results.report import write_study_report

    report = write_study_report(study, done, failures, folder / "report.html", sizes, baselines)
    result = StudyResult(study, done, failures, folder, report)
    _write_table(folder / "trials.csv", result.table.to_csv)
    _write_table(folder / "results.csv", result.to_frame().to_csv)
    _write_table(folder / "summary.csv", result.summary.to_csv)
    _write_table(folder / "intervals.csv", result.intervals.to_csv)
    _write_table(folder / "splits.csv", sizes.to_csv)
    return result


def _write_table(path: Path, write: Callable[..., None]) -> None:
    with atomic_file(path) as temporary:
        write(temporary, index=False)
