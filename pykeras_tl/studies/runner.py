"""The one runner of all studies: runs the trials that are not done, and writes the report."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from ..storage.atomic_files import atomic_directory, atomic_file, recover_directory
from .data_splits import digest
from .process_pool import error_file, run_several
from .results.baselines import study_baselines
from .results.comparison import paired_comparisons, summary_table
from .results.trial_results import TrialResult, comparison_table, is_done, read_result, tidy_table
from .study import Settings, Study, chosen_trials, get_study
from .trial import Trial, with_changes

if TYPE_CHECKING:
    from collections.abc import Callable

Tables = Mapping[str, pd.DataFrame]
_Bound = tuple[Trial, Tables]

_MARK = "study.json"
_console = Console()


@dataclass(frozen=True)
class StudyResult:
    """What a study left behind.

    Args:
        study: The study.
        trials: The results of the trials that ended, in the study's order.
        failures: The error of each trial that failed, by the trial's name.
        folder: The study's folder.
        report: The page that shows all of it.
    """

    study: Study
    trials: list[TrialResult]
    failures: Mapping[str, str]
    folder: Path
    report: Path

    @property
    def table(self) -> pd.DataFrame:
        """The trials side by side, a row each; means where they were repeated."""
        return comparison_table(self.trials)

    def to_frame(self) -> pd.DataFrame:
        """All numbers, a row each: study, trial, seed, fold, metric, value."""
        return tidy_table(self.study.name, self.trials)

    @property
    def summary(self) -> pd.DataFrame:
        """Mean, deviation and 95 % interval of every number, as `summary_table` gives them."""
        return summary_table(self.to_frame())

    def compare(self, metric: str | None = None) -> pd.DataFrame:
        """Compare the trials in pairs over the repeats and folds that they share.

        Args:
            metric: The number to compare; the study's own when absent.

        Returns:
            A row each pair, as `paired_comparisons` gives it.
        """
        return paired_comparisons(self.to_frame(), metric or self.study.metric)


def run_study(
    name: str | Study,
    data: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    quick: bool = False,
    epochs: int | None = None,
    repeats: int | None = None,
    trials: str | None = None,
    changes: Mapping[str, Any] | None = None,
    jobs: int = 1,
    seed: int = 0,
    weights: str | None = "imagenet",
) -> StudyResult:
    """Run a study on a folder of images.

    A trial that is done is not run again, and one that was stopped goes on after its last epoch;
    a trial that fails is reported with its error and does not stop the others.

    Args:
        name: The study's name, such as `"blood-cells"`.
        data: The folder of images, laid out as the study says. `None` draws small images
            for the quick form.
        out: The folder of results; it is made when missing, and refused when it holds
            something else than this study.
        quick: Whether to run the form that ends in minutes.
        epochs: Epochs of every phase of every trial; the study's own when absent.
        repeats: How often every trial is run, with seeds counted up from `seed`; as often as
            the authors did when absent, twice at most in the quick form.
        trials: Comma-separated shell patterns of the trials to run, such as `"version-1-*"`;
            all when absent.
        changes: Settings to change in every trial that has them, by their place in its record,
            such as `{"data.batch_size": 32}`.
        jobs: Trials at a time, each in a process of its own.
        seed: The seed of the first repeat.
        weights: Weights of the backbones: `"imagenet"`, a path to a file, or `None`.

    Returns:
        The results of all trials that are done in `out`, with the comparison as `table` and the
        page as `report`.

    Raises:
        FileNotFoundError: When the folder of images, or a part of it, is missing.
        FileExistsError: When `out` holds something else.
        ValueError: When there is no such study, no trial matches, no trial has a setting that
            is to be changed, or a number is below 1.

    Example:
        >>> result = run_study("blood-cells", "cells", "results")  # doctest: +SKIP
        >>> result.table  # doctest: +SKIP
    """
    chosen = get_study(name) if isinstance(name, str) else name
    every = _wanted(chosen, Settings(quick, seed, weights), _repeats(chosen, repeats, quick))
    every = _with_epochs(every, epochs)
    names = {trial.name for trial in with_changes(chosen_trials(every, trials), changes or {})}
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; expected 1 or more.")
    place = Path(out).expanduser().absolute()
    images = _drawn(chosen, quick, place) if data is None else Path(data).expanduser()
    bound = _bound(chosen, with_changes(every, changes or {}), images)
    folder = _study_folder(place, chosen)
    failures = _run_all(
        [one for one in bound if one[0].name in names], folder / "trials", int(jobs)
    )
    # Those that were run before, with other patterns, are part of the whole.
    places = [folder / "trials" / trial.folder for trial, _ in bound]
    done = [read_result(place) for place in places if is_done(place)]
    # Where each repeat cuts the images in its own way, the first cut stands for all.
    baselines = study_baselines(bound[0][1], folder / "baselines.csv") if done else None
    return _write_study(chosen, done, failures, folder, baselines)


def _repeats(chosen: Study, repeats: int | None, quick: bool) -> int:
    if repeats is None:
        return min(chosen.repeats, 2) if quick else chosen.repeats
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; expected 1 or more.")
    return int(repeats)


def _wanted(chosen: Study, settings: Settings, repeats: int) -> list[Trial]:
    seeds = range(int(settings.seed), int(settings.seed) + repeats)
    return [trial for seed in seeds for trial in chosen.trials(replace(settings, seed=seed))]


def _drawn(chosen: Study, quick: bool, out: Path) -> Path:
    if not quick or chosen.draw is None:
        raise ValueError(
            f"The study {chosen.name!r} needs a folder of data; only its quick form can run on "
            "drawn images."
        )
    images = recover_directory(_study_folder(out, chosen) / "drawn-data")
    if not images.exists():
        with atomic_directory(images) as working:
            # Drawing makes its folder itself.
            chosen.draw(working / "images")
    return images / "images"


def _bound(chosen: Study, trials: list[Trial], data: Path) -> list[_Bound]:
    """Give each trial the tables of its split, made once for all that share it."""
    tables: dict[str, Tables] = {}
    digests: dict[str, dict[str, str]] = {}
    bound = []
    for trial in trials:
        key = json.dumps(trial.split, sort_keys=True)
        if key not in tables:
            tables[key] = chosen.tables(data, trial.split)
            digests[key] = {part: digest(table) for part, table in tables[key].items()}
        bound.append((trial.on_files(digests[key]), tables[key]))
    return bound


def _with_epochs(trials: list[Trial], epochs: int | None) -> list[Trial]:
    if epochs is None:
        return trials
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected 1 or more.")
    return [trial.with_training(epochs=epochs, **_phases(trial, epochs)) for trial in trials]


def _phases(trial: Trial, epochs: int) -> dict[str, Any]:
    return {
        phase: {**trial.training[phase], "epochs": epochs}
        for phase in ("source", "fine_tune")
        if phase in trial.training
    }


def _study_folder(out: Path, chosen: Study) -> Path:
    mark = out / _MARK
    if mark.is_file():
        there = json.loads(mark.read_text(encoding="utf-8")).get("study")
        if there != chosen.name:
            raise FileExistsError(
                f"{out} holds the study {there!r}, not {chosen.name!r}; choose another folder."
            )
        return out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} holds something else; choose a new or empty folder.")
    out.mkdir(parents=True, exist_ok=True)
    with atomic_file(mark) as path:
        path.write_text(json.dumps({"study": chosen.name}), encoding="utf-8")
    return out


def _run_all(bound: list[_Bound], folder: Path, processes: int) -> dict[str, str]:
    labels, places = _labels(bound), [folder / trial.folder for trial, _ in bound]
    to_do = [number for number, place in enumerate(places) if not is_done(place)]
    for number in sorted(set(range(len(bound))) - set(to_do)):
        _console.print(labels[number], "is done already", markup=False)
    failures = {}
    jobs = [(*bound[number], places[number]) for number in to_do]
    if to_do:
        _console.print(labels[to_do[0]], markup=False)
    for ended, (job, error) in enumerate(run_several(jobs, processes), start=1):
        label = labels[to_do[job]].partition("] ")[2]
        if error is not None:
            # It is shown and kept; the others go on.
            failures[label] = f"{type(error).__name__}: {error}"
            _console.print(f"{label} failed: {failures[label]}", markup=False)
            with atomic_file(error_file(places[to_do[job]])) as path:
                path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        if ended < len(jobs):
            _console.print(labels[to_do[ended]], markup=False)
    return failures


def _labels(bound: list[_Bound]) -> list[str]:
    names = [trial.name for trial, _ in bound]
    labels = []
    for number, (trial, _) in enumerate(bound, start=1):
        label = f"[{number}/{len(bound)}] {trial.name}"
        if names.count(trial.name) > 1:
            label += f", seed {trial.seed}" + (f", fold {trial.fold}" if trial.fold else "")
        labels.append(label)
    return labels


def _write_study(
    chosen: Study,
    done: list[TrialResult],
    failures: Mapping[str, str],
    folder: Path,
    baselines: pd.DataFrame | None,
) -> StudyResult:
    from .results.report import write_study_report

    report = write_study_report(chosen, done, failures, folder / "report.html", baselines)
    result = StudyResult(chosen, done, failures, folder, report)
    _write_table(folder / "trials.csv", result.table.to_csv)
    _write_table(folder / "results.csv", result.to_frame().to_csv)
    _write_table(folder / "summary.csv", result.summary.to_csv)
    return result


def _write_table(path: Path, write: Callable[..., None]) -> None:
    with atomic_file(path) as temporary:
        write(temporary, index=False)
