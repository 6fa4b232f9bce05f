"""The results of a trial in its folder, and tables over many trials."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...storage.atomic_files import atomic_file, recover_directory
from ...versions import training_versions
from ..trial import Trial

if TYPE_CHECKING:
    from ...evaluation import Evaluation
    from ...training.history import History

# Folder of the overlays of the mistakes.
EXPLANATIONS = "explanations"
_SUMMARY = "result.json"
# What earlier versions called a column.
_OLD_COLUMNS = {"pictures": "images"}
_COLUMNS = ["study", "trial", "seed", "fold", "images", "metric", "value"]


@dataclass(frozen=True)
class TrialResult:
    """The results of a trial that is done.

    Args:
        trial: Its record.
        folder: The folder of all its results.
        metrics: Accuracies and losses by name, such as `"test accuracy"`.
        epochs: Number of epochs trained.
        seconds: Duration of the training.
        parameters: Number of parameters of the model.
        versions: The versions of the packages used, by package.
    """

    trial: Trial
    folder: Path
    metrics: Mapping[str, float]
    epochs: int
    seconds: float
    parameters: int
    versions: Mapping[str, str]

    def history(self) -> History:
        """Read the history of the training."""
        from ...training.history import History

        return History.load(self.folder / "history.csv")

    def predictions(self, split: str = "test") -> pd.DataFrame:
        """Read the predictions of the trained network for the images of a split.

        Args:
            split: A split that was not trained on, such as `"test"` or `"validation"`.

        Returns:
            A table as `predict_flow` returns it, for `average_predictions`, `fit_stack` and
            `error_by_members`.

        Raises:
            FileNotFoundError: If there is no such split.
        """
        return self.evaluation(split).predictions

    def evaluation(self, split: str = "test") -> Evaluation:
        """Read the evaluation of the trained network on the images of a split.

        Args:
            split: A split that was not trained on, such as `"test"` or `"validation"`.

        Returns:
            The evaluation, with the groups of the images.

        Raises:
            FileNotFoundError: If there is no such split.
        """
        from ...evaluation import Evaluation

        return Evaluation.load(self.folder / "evaluation" / split)

    @property
    def splits(self) -> list[str]:
        """The splits that were evaluated at the end, by name."""
        folder = self.folder / "evaluation"
        return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []


def write_result(
    folder: Path,
    trial: Trial,
    history: History,
    evaluations: Mapping[str, Evaluation],
    seconds: float,
    parameters: int,
) -> TrialResult:
    """Write the results of a trial into its folder.

    The summary comes last: a folder that has one is complete.

    Args:
        folder: An existing folder.
        trial: The trial's record.
        history: The history of the training.
        evaluations: An evaluation for each split that was not trained on.
        seconds: Duration of the training.
        parameters: Number of parameters of the model.

    Returns:
        The results, as `read_result` reads them.
    """
    trial.write(folder / "trial.json")
    history.save(folder / "history.csv")
    for split, evaluation in evaluations.items():
        evaluation.save(folder / "evaluation" / split)
    summary = {
        "metrics": _training_metrics(history) | _final_metrics(evaluations),
        "epochs": len(history.epoch),
        "seconds": seconds,
        "parameters": parameters,
        "versions": training_versions(),
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
        FileNotFoundError: If the folder holds no complete results.
    """
    summary = json.loads((recover_directory(folder) / _SUMMARY).read_text(encoding="utf-8"))
    return TrialResult(Trial.read(folder / "trial.json"), folder, **summary)


def is_done(folder: Path) -> bool:
    """Whether the folder holds the results of a trial that is done."""
    return (recover_directory(folder) / _SUMMARY).is_file()


def tidy_table(study: str, results: list[TrialResult]) -> pd.DataFrame:
    """Return all numbers of all trials, one row each.

    Args:
        study: Name of the study.
        results: The results of the trials that are done.

    Returns:
        A table with the columns `study`, `trial`, `seed` (of the repeat), `fold` (0 if there
        are no folds), `images` (a digest of those it was evaluated on), `metric` and `value`.
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
        folders: Folders that `run_study` created. If trials in several folders have the same
            name, the name of the folder is prepended.

    Returns:
        A table as `tidy_table` returns it.

    Raises:
        FileNotFoundError: If a folder holds no results of a study.
        ValueError: If its table has other columns.
    """
    tables = {}
    for folder in folders:
        path = Path(folder).expanduser() / "results.csv"
        if not path.is_file():
            raise FileNotFoundError(f"Expected the results of a study in {folder}: no results.csv.")
        # A digest may look like a number.
        table = pd.read_csv(path, dtype=dict.fromkeys(["images", *_OLD_COLUMNS], str))
        tables[path.parent.name] = table = table.rename(columns=_OLD_COLUMNS)
        if list(table) != _COLUMNS:
            raise ValueError(
                f"Expected the columns {', '.join(_COLUMNS)} in {path}. Received: "
                f"{', '.join(map(str, table))}. Run the study's command again to rewrite the file."
            )
    names = [name for table in tables.values() for name in table["trial"].unique()]
    if len(set(names)) < len(names):
        tables = {
            run: table.assign(trial=f"{run}/" + table["trial"]) for run, table in tables.items()
        }
    return pd.concat(tables.values(), ignore_index=True)


def by_name(results: list[TrialResult]) -> dict[str, list[TrialResult]]:
    """Group the repeats and folds of each trial, in the order of the trials."""
    runs: dict[str, list[TrialResult]] = {}
    for result in results:
        runs.setdefault(result.trial.name, []).append(result)
    return runs


def comparison_table(results: list[TrialResult]) -> pd.DataFrame:
    """Return the trials side by side, one row each, with the numbers to compare.

    Args:
        results: The results of the trials that are done.

    Returns:
        A table with `trial` and a column for each metric, in the order of the trials. If
        trials were repeated, the column `runs` holds how often, and the numbers are means.
    """
    named = by_name(results)
    rows = [{"trial": name, **mean_numbers(runs)} for name, runs in named.items()]
    table = pd.DataFrame(rows, columns=None if rows else ["trial"])
    if len(results) > len(named):
        table.insert(1, "runs", [len(runs) for runs in named.values()])
    return table


def mean_numbers(runs: list[TrialResult]) -> dict[str, float]:
    """Return the means of the numbers over the repeats and folds of a trial."""
    if len(runs) == 1:
        return all_numbers(runs[0])
    return {str(k): float(v) for k, v in pd.DataFrame(map(all_numbers, runs)).mean().items()}


def all_numbers(result: TrialResult) -> dict[str, float]:
    """Return the numbers of a trial that are compared, in the order of the tables."""
    return {
        "parameters": result.parameters,
        "epochs": result.epochs,
        **result.metrics,
        "seconds": result.seconds,
    }


def _training_metrics(history: History) -> dict[str, float]:
    values = history.history
    metrics = {"training accuracy": values["accuracy"][-1]}
    if "val_accuracy" in values:
        metrics["best validation accuracy"] = max(values["val_accuracy"])
    return metrics


def _final_metrics(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    metrics = {
        f"{split} {metric}": value
        for split, evaluation in evaluations.items()
        for metric, value in (("accuracy", evaluation.accuracy), ("loss", evaluation.loss))
    }
    if "test" in evaluations:
        summary = evaluations["test"].summary
        for metric in ("precision", "recall", "f1"):
            metrics[f"test macro {metric}"] = summary[f"macro_{metric}"]
    return metrics
