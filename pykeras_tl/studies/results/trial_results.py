"""What a trial left behind: its folder, its summary, and the tables over many trials."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...storage.atomic_files import atomic_file, recover_directory
from ...versions import package_versions
from ..trial import Trial

if TYPE_CHECKING:
    from ...evaluation import Evaluation
    from ...training.history import History

_SUMMARY = "result.json"
_COLUMNS = ["study", "trial", "seed", "fold", "images", "metric", "value"]


@dataclass(frozen=True)
class TrialResult:
    """The results of a trial that ended.

    Args:
        trial: Its record.
        folder: The folder that holds all of it.
        metrics: Accuracies and losses by name, such as `"test accuracy"`.
        epochs: Number of epochs trained.
        seconds: Time of the training.
        parameters: Number of the model's parameters.
        versions: The versions of the packages it was made with.
    """

    trial: Trial
    folder: Path
    metrics: Mapping[str, float]
    epochs: int
    seconds: float
    parameters: int
    versions: Mapping[str, str]

    def history(self) -> History:
        """Read the training's history."""
        from ...training.history import History

        return History.load(self.folder / "history.csv")

    def predictions(self, part: str = "test") -> pd.DataFrame:
        """Read what the trained network said of the images of a part.

        Args:
            part: A part that was not trained on, such as `"test"` or `"validation"`.

        Returns:
            A table as `predict_flow` gives it, for `average_predictions`, `fit_stack` and
            `error_by_members`.

        Raises:
            FileNotFoundError: When there is no such part.
        """
        from ...evaluation import Evaluation

        return Evaluation.load(self.folder / "evaluation" / part).predictions


def write_result(
    folder: Path,
    trial: Trial,
    history: History,
    evaluations: Mapping[str, Evaluation],
    seconds: float,
    parameters: int,
) -> TrialResult:
    """Write a trial's results into its folder; the summary comes last and marks it whole.

    Args:
        folder: An existing folder.
        trial: The trial's record.
        history: What training measured after every epoch.
        evaluations: An evaluation for each part of the data.
        seconds: Time of the training.
        parameters: Number of the model's parameters.

    Returns:
        The results, as `read_result` reads them.
    """
    trial.write(folder / "trial.json")
    history.save(folder / "history.csv")
    for part, evaluation in evaluations.items():
        evaluation.save(folder / "evaluation" / part)
    summary = {
        "metrics": _training_metrics(history) | _final_metrics(evaluations),
        "epochs": len(history.epoch),
        "seconds": seconds,
        "parameters": parameters,
        "versions": {"python": platform.python_version()} | package_versions(),
    }
    with atomic_file(folder / _SUMMARY) as path:
        path.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return read_result(folder)


def read_result(folder: Path) -> TrialResult:
    """Read the results that `write_result` wrote.

    Args:
        folder: The trial's folder.

    Returns:
        The results.

    Raises:
        FileNotFoundError: When the folder holds no complete results.
    """
    summary = json.loads((recover_directory(folder) / _SUMMARY).read_text(encoding="utf-8"))
    return TrialResult(Trial.read(folder / "trial.json"), folder, **summary)


def is_done(folder: Path) -> bool:
    """Whether the folder holds the results of a trial that ended."""
    return (recover_directory(folder) / _SUMMARY).is_file()


def tidy_table(study: str, results: list[TrialResult]) -> pd.DataFrame:
    """Return all numbers of all trials, a row each.

    Args:
        study: Name of the study.
        results: The results of the trials that ended.

    Returns:
        A table with the columns `study`, `trial`, `seed` (the repeat), `fold` (0 where there
        are none), `images` (a digest of those it was measured on), `metric` and `value`.
    """
    rows = [
        (
            *(study, result.trial.name, result.trial.seed, result.trial.fold),
            *(result.trial.measured_on, metric, value),
        )
        for result in results
        for metric, value in all_numbers(result).items()
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def read_runs(folders: Sequence[str | os.PathLike[str]]) -> pd.DataFrame:
    """Read the numbers of all trials in the result folders of studies.

    Args:
        folders: Folders that `run_study` made. Trials of equal names in several folders are
            told apart by their folders' names.

    Returns:
        A table as `tidy_table` makes it.

    Raises:
        FileNotFoundError: When a folder holds no results of a study.
        ValueError: When its table has other columns.
    """
    tables = {}
    for folder in folders:
        path = Path(folder).expanduser() / "results.csv"
        if not path.is_file():
            raise FileNotFoundError(f"{folder} holds no results of a study: no results.csv.")
        # A digest may look like a number.
        tables[path.parent.name] = pd.read_csv(path, dtype={"images": str})
        if list(tables[path.parent.name]) != _COLUMNS:
            raise ValueError(
                f"{path} has other columns than {', '.join(_COLUMNS)}; the study's command, given "
                "again, writes it anew from the trials that are done."
            )
    names = [name for table in tables.values() for name in table["trial"].unique()]
    if len(set(names)) < len(names):
        tables = {
            run: table.assign(trial=f"{run}/" + table["trial"]) for run, table in tables.items()
        }
    return pd.concat(tables.values(), ignore_index=True)


def by_name(results: list[TrialResult]) -> dict[str, list[TrialResult]]:
    """Gather the repeats and folds of each trial, in the order of the trials."""
    found: dict[str, list[TrialResult]] = {}
    for result in results:
        found.setdefault(result.trial.name, []).append(result)
    return found


def comparison_table(results: list[TrialResult]) -> pd.DataFrame:
    """Return the trials side by side, a row each, with the numbers that people compare.

    Args:
        results: The results of the trials that ended.

    Returns:
        A table with `trial` and a column for each metric, in the order of the trials. Where
        trials were repeated, the column `runs` tells how often, and the numbers are means.
    """
    named = by_name(results)
    rows = [{"trial": name, **mean_numbers(runs)} for name, runs in named.items()]
    table = pd.DataFrame(rows, columns=None if rows else ["trial"])
    if len(results) > len(named):
        table.insert(1, "runs", [len(runs) for runs in named.values()])
    return table


def mean_numbers(runs: list[TrialResult]) -> dict[str, float]:
    """Return the means of the numbers of a trial's repeats and folds."""
    if len(runs) == 1:
        return all_numbers(runs[0])
    return {str(k): float(v) for k, v in pd.DataFrame(map(all_numbers, runs)).mean().items()}


def all_numbers(result: TrialResult) -> dict[str, float]:
    """Return the numbers of a trial that people compare, in the order of the tables."""
    return {
        "parameters": result.parameters,
        "epochs": result.epochs,
        **result.metrics,
        "seconds": result.seconds,
    }


def _training_metrics(history: History) -> dict[str, float]:
    values = history.history
    found = {"training accuracy": values["accuracy"][-1]}
    if "val_accuracy" in values:
        found["best validation accuracy"] = max(values["val_accuracy"])
    return found


def _final_metrics(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    found = {
        f"{part} {metric}": value
        for part, evaluation in evaluations.items()
        for metric, value in (("accuracy", evaluation.accuracy), ("loss", evaluation.loss))
    }
    if "test" in evaluations:
        summary = evaluations["test"].summary
        for metric in ("precision", "recall", "f1"):
            found[f"test macro {metric}"] = summary[f"macro_{metric}"]
    return found
