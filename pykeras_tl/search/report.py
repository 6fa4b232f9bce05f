"""The page of a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation.report import Report, Section, TrialReport, write_report
from ..versions import training_versions
from .figures import plot_importances, plot_search

if TYPE_CHECKING:
    from ..evaluation import Evaluation


def write_search_report(
    path: Path, table: pd.DataFrame, importances: pd.Series, evaluation: Evaluation
) -> Path:
    """Write the page of a search: the best classifier, the trials, and what mattered.

    Args:
        path: The file to write.
        table: One row for each trial, as in `SearchResult.table`.
        importances: As in `SearchResult.importances`.
        evaluation: The best classifier on the test images.

    Returns:
        The path.
    """
    ordered = table.sort_values("validation_accuracy", ascending=False)
    best = ordered[ordered["state"] == "complete"].iloc[0]
    figures = {"Validation accuracy of each trial": plot_search(table)}
    if len(importances):
        figures["Settings by how much they mattered"] = plot_importances(importances)
    sections = [
        Section(
            "Search",
            [
                f"{len(table)} trials, {(table['state'] == 'pruned').sum()} of them ended early. "
                "They were compared by validation accuracy, of which the best is flattering: the "
                "more trials, the more. The test images were looked at once."
            ],
            {"Trials, best first": ordered},
            figures,
        )
    ]
    hidden = ("number", "state", "validation_accuracy")
    settings = {str(name): value for name, value in best.items() if name not in hidden}
    trial = TrialReport(
        f"trial {best['number']}",
        settings=settings,
        metrics={
            "validation accuracy": float(best["validation_accuracy"]),
            "test accuracy": evaluation.accuracy,
        },
        evaluations={"test": evaluation},
    )
    report = Report(
        "Search for settings", trials=[trial], sections=sections, versions=training_versions()
    )
    return write_report(path, report)
