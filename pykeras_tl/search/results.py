"""The results of a search: its table, what mattered, and the best classifier on the test images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..storage.atomic_files import atomic_directory, atomic_file
from ..studies.execution.trial_task import TrialTask
from ..studies.image_groups import evaluate_by_groups
from ..studies.trial import Trial
from ..visualization.rich_display import Display, Displayed

if TYPE_CHECKING:
    import optuna

    from ..evaluation import Evaluation
    from ..models.saving.classifier import Classifier

# What trials are compared by: in their results, and in the table.
VALUE = "validation accuracy"
_ACCURACY = "validation_accuracy"
_BEST = "best-trial.json"
# Fewer trials do not show what mattered.
_FEW = 4


@dataclass(frozen=True, repr=False)
class SearchResult(Displayed):
    """The results of a search.

    Args:
        table: One row for each trial: `number`, `state` ("complete", "pruned" or "failed"),
            `validation_accuracy`, and one column for each setting.
        importances: The share of the variance of the validation accuracy that each setting
            explains, largest first; empty before four trials are complete.
        evaluation: The best classifier on the test images, which the search did not look at.
        classifier: The best classifier.
        folder: The folder of results.
        report: The HTML page.
    """

    table: pd.DataFrame
    importances: pd.Series
    evaluation: Evaluation
    classifier: Classifier
    folder: Path
    report: Path

    @property
    def best_settings(self) -> dict[str, Any]:
        """The settings of the best trial, by name."""
        hidden = ("number", "state", _ACCURACY)
        return {str(name): each for name, each in _best(self.table).items() if name not in hidden}

    def _display(self) -> Display:
        facts = {
            "trials": len(self.table),
            "test accuracy of the best": self.evaluation.accuracy,
            "report": self.report,
        }
        return Display(
            "Search", facts, {"Trials": self.table.sort_values(_ACCURACY, ascending=False)}
        )


def write_results(
    folder: Path,
    study: optuna.Study,
    task: Callable[[int], TrialTask],
    test: pd.DataFrame,
    seed: int,
) -> SearchResult:
    """Look at the test images with the best classifier, and write tables and page.

    Args:
        folder: The folder of results.
        study: The trials.
        task: Returns the task of a trial, by its number.
        test: The test images.
        seed: Seeds what tells important settings.

    Returns:
        The results.

    Raises:
        RuntimeError: If all trials failed.
    """
    from ..evaluation import Evaluation
    from ..models.saving.classifier import load_classifier
    from .report import write_search_report

    table = _table(study)
    best = task(int(_best(table)["number"]))
    target = folder / "classifier"
    with atomic_directory(target) as working:
        shutil.copytree(best.folder / "classifier", working, dirs_exist_ok=True)
    classifier = load_classifier(target)
    results = folder / "evaluation" / "test"
    if not (results / "summary.csv").exists() or _read_best(folder) != best.trial.name:
        evaluate_by_groups(classifier, test).save(results)
    classifier.metrics["test"] = Evaluation.load(results).accuracy
    classifier.save(target)
    with atomic_file(folder / _BEST) as path:
        path.write_text(best.trial.to_json(), encoding="utf-8")
    with atomic_file(folder / "search.csv") as path:
        table.to_csv(path, index=False)
    importances = _importances(study, table, seed)
    evaluation = Evaluation.load(results)
    report = write_search_report(folder / "report.html", table, importances, evaluation)
    return SearchResult(table, importances, evaluation, classifier, folder, report)


def _read_best(folder: Path) -> str | None:
    """Return the name of the trial whose classifier was evaluated last, or None."""
    path = folder / _BEST
    return Trial.read(path).name if path.is_file() else None


def _table(study: optuna.Study) -> pd.DataFrame:
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
    return pd.DataFrame(
        [
            {
                "number": each.number,
                "state": names.get(each.state.name, each.state.name),
                _ACCURACY: each.user_attrs.get(VALUE, float("nan")),
                **each.params,
            }
            for each in study.trials
        ]
    )


def _best(table: pd.DataFrame) -> pd.Series:
    complete = table[table["state"] == "complete"]
    if complete.empty:
        raise RuntimeError("All trials of the search failed. See the log for their errors.")
    return complete.iloc[int(complete[_ACCURACY].argmax())]


def _importances(study: optuna.Study, table: pd.DataFrame, seed: int) -> pd.Series:
    import optuna

    complete = table[table["state"] == "complete"]
    if len(complete) < _FEW or complete[_ACCURACY].nunique() < 2:
        return pd.Series(dtype=float)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return pd.Series(optuna.importance.get_param_importances(study, evaluator=evaluator))
