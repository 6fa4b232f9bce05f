"""The one runner of all studies: runs the trials that are not done, and writes the report."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from ..files import whole_file, whole_folder
from .parts import digest
from .results import TrialResult, comparison_table, is_done, read_result, tidy_table
from .study import Settings, Study, chosen_trials, get_study
from .trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

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
        """The trials side by side, a row each."""
        return comparison_table(self.trials)

    def to_frame(self) -> pd.DataFrame:
        """All numbers, a row each: study, trial, seed, metric, value."""
        return tidy_table(self.study.name, self.trials)


def run_study(
    name: str | Study,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    quick: bool = False,
    epochs: int | None = None,
    trials: str | None = None,
    seed: int = 0,
    weights: str | None = "imagenet",
) -> StudyResult:
    """Run a study on a folder of pictures.

    A trial that is done is not run again, and one that was stopped starts anew; a trial that
    fails is reported with its error and does not stop the others.

    Args:
        name: The study's name, such as `"blood-cells"`.
        data: The folder of pictures, laid out as the study says.
        out: The folder of results; it is made when missing, and refused when it holds
            something else than this study.
        quick: Whether to run the form that ends in minutes.
        epochs: Epochs of every phase of every trial; the study's own when absent.
        trials: Comma-separated shell patterns of the trials to run, such as `"version-1-*"`;
            all when absent.
        seed: The seed of every trial.
        weights: Weights of the backbones: `"imagenet"`, a path to a file, or `None`.

    Returns:
        The results, with the comparison as `table` and the page as `report`.

    Raises:
        FileNotFoundError: When the folder of pictures, or a part of it, is missing.
        FileExistsError: When `out` holds something else.
        ValueError: When there is no such study, no trial matches, or `epochs` is below 1.

    Example:
        >>> result = run_study("blood-cells", "cells", "results")  # doctest: +SKIP
        >>> result.table  # doctest: +SKIP
    """
    chosen = get_study(name) if isinstance(name, str) else name
    settings = Settings(quick=quick, seed=seed, weights=weights)
    wanted = _with_epochs(chosen_trials(chosen.trials(settings), trials), epochs)
    tables = chosen.tables(Path(data).expanduser(), seed)
    folder = _study_folder(Path(out).expanduser().absolute(), chosen)
    digests = {part: digest(table) for part, table in tables.items()}
    wanted = [trial.on_files(digests) for trial in wanted]
    done, failures = _run_all(wanted, tables, folder / "trials")
    return _write_study(chosen, done, failures, folder)


def _with_epochs(trials: list[Trial], epochs: int | None) -> list[Trial]:
    if epochs is None:
        return trials
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected 1 or more.")
    changed = [trial.with_training(epochs=epochs) for trial in trials]
    return [
        trial.with_training(fine_tune={**trial.training["fine_tune"], "epochs": epochs})
        if "fine_tune" in trial.training
        else trial
        for trial in changed
    ]


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
    with whole_file(mark) as path:
        path.write_text(json.dumps({"study": chosen.name}), encoding="utf-8")
    return out


def _run_all(
    trials: list[Trial], tables: dict[str, pd.DataFrame], folder: Path
) -> tuple[list[TrialResult], dict[str, str]]:
    done, failures = [], {}
    for number, trial in enumerate(trials, start=1):
        place = folder / trial.folder
        label = f"[{number}/{len(trials)}] {trial.name}"
        if is_done(place):
            _console.print(label, "is done already", markup=False)
            done.append(read_result(place))
            continue
        _console.print(label, markup=False)
        try:
            done.append(_run_one(trial, tables, place))
        except Exception as error:
            # One trial's error must not cost the others; it is shown and kept.
            failures[trial.name] = f"{type(error).__name__}: {error}"
            _console.print(f"{trial.name} failed: {failures[trial.name]}", markup=False)
            with whole_file(folder / f"{trial.folder}.error.txt") as path:
                path.write_text(traceback.format_exc(), encoding="utf-8")
    return done, failures


def _run_one(trial: Trial, tables: dict[str, pd.DataFrame], place: Path) -> TrialResult:
    from .execution import run_trial

    with whole_folder(place) as working:
        run_trial(trial, tables, working)
    return read_result(place)


def _write_study(
    chosen: Study, done: list[TrialResult], failures: Mapping[str, str], folder: Path
) -> StudyResult:
    from .report import write_study_report

    report = write_study_report(chosen, done, failures, folder / "report.html")
    result = StudyResult(chosen, done, failures, folder, report)
    _write_table(folder / "trials.csv", result.table.to_csv)
    _write_table(folder / "results.csv", result.to_frame().to_csv)
    return result


def _write_table(path: Path, write: Callable[..., None]) -> None:
    with whole_file(path) as temporary:
        write(temporary, index=False)
