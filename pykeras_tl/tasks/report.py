"""The HTML report of a task: metrics with intervals, figures, and where not to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..evaluation.multi_label.evaluation import MultiLabelEvaluation
from ..evaluation.multi_label.figures import (
    plot_label_confusions,
    plot_label_mistakes,
    plot_label_precision_recall,
)
from ..evaluation.regression.evaluation import RegressionEvaluation
from ..evaluation.regression.figures import (
    plot_largest_errors,
    plot_residuals,
    plot_true_against_predicted,
)
from ..evaluation.report import Report, Section, TrialReport, write_report

if TYPE_CHECKING:
    from ..training.history import History
    from .task import Evaluated, Predictor

_SHOWN = 15
_ABBREVIATIONS = {"f1": "F1", "mae": "MAE", "rmse": "RMSE", "r2": "R²", "spearman": "Spearman"}


def write_task_report(
    out: Path,
    title: str,
    predictor: Predictor,
    evaluations: Mapping[str, Evaluated],
    histories: Mapping[str, History] | None = None,
    made: Mapping[str, Mapping[str, Any]] | None = None,
    images: Mapping[str, pd.DataFrame] | None = None,
) -> Path:
    """Write `report.html` to a folder.

    Args:
        out: The folder.
        title: The title.
        predictor: What was trained.
        evaluations: Evaluations by the name of their images.
        histories: The history of each network that was trained.
        made: How each was made.
        images: Tables about the images, by caption.

    Returns:
        The path of the page.
    """
    # What counts comes first: images that nothing was chosen by.
    ordered = sorted(evaluations, key=lambda name: name in ("validation", "train"))
    sections = [evaluation_section(name, evaluations[name]) for name in ordered]
    limits = [sentence for name in ordered[:1] for sentence in evaluations[name].limits]
    if images:
        sections.append(Section("Images", tables=images))
    if limits:
        sections.append(Section("Limits", limits))
    trials = [
        TrialReport(
            name,
            {key: value for key, value in (made or {}).get(name, {}).items() if key != "reasons"},
            _headlines(evaluations) if len(histories or {}) == 1 else {},
            history=history,
            remarks=(made or {}).get(name, {}).get("reasons", ()),
        )
        for name, history in (histories or {}).items()
    ]
    report = Report(title, trials=trials, sections=sections, versions=predictor.versions)
    return write_report(out / "report.html", report)


def evaluation_section(name: str, evaluation: Evaluated) -> Section:
    """Make the section of a report about one set of images.

    Args:
        name: The name of the images.
        evaluation: The evaluation.

    Returns:
        The section.
    """
    how = (
        "95 % intervals of the bootstrap, by distinct image or group"
        if evaluation.groups is not None
        else "95 % intervals of the bootstrap, for independent images"
    )
    overall = evaluation.overall
    overall = overall.assign(metric=[metric_label(name) for name in overall["metric"]])
    tables = {how if "low" in overall else "Metrics": overall}
    figures: dict[str, Any] = {}
    shown = evaluation.with_files
    if isinstance(evaluation, MultiLabelEvaluation):
        paragraphs = [
            f"{evaluation.size}.",
            "The thresholds are those with the highest F1 on the validation images.",
        ]
        tables["By label, at its threshold"] = _readable(evaluation.by_label)
        if evaluation.by_label["average_precision"].notna().any():
            caption = "Precision and recall of each label; the dot is its threshold"
            figures[caption] = plot_label_precision_recall(evaluation)
        figures["Images that have a label and are given it"] = plot_label_confusions(evaluation)
        if isinstance(shown, MultiLabelEvaluation) and len(shown.largest_mistakes(1)):
            figures["The most confident mistakes"] = plot_label_mistakes(shown, _SHOWN)
    else:
        paragraphs = [f"{evaluation.size}."]
        tables[f"By {evaluation.target}"] = _readable(evaluation.by_range)
        figures["On the dotted line, both are equal"] = plot_true_against_predicted(evaluation)
        figures["Errors, and how often they occur"] = plot_residuals(evaluation)
        if isinstance(shown, RegressionEvaluation) and len(shown.predictions):
            figures["The largest errors"] = plot_largest_errors(shown, _SHOWN)
    return Section(name, paragraphs, tables, figures)


def _headlines(evaluations: Mapping[str, Evaluated]) -> dict[str, float]:
    shown = {}
    for name, evaluation in evaluations.items():
        metric, value = evaluation.headline
        shown[f"{name} {metric_label(metric)}"] = value
    return shown


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=metric_label)


def metric_label(name: str) -> str:
    """Write the name of a metric as people do.

    Args:
        name: Such as `"macro_f1"`.

    Returns:
        The text.

    Example:
        >>> metric_label("macro_f1"), metric_label("r2"), metric_label("mae")
        ('macro F1', 'R²', 'MAE')
    """
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name.split("_"))
