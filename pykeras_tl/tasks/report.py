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
from ..evaluation.results.training_images import training_image_notes
from ..visualization.html_page import format_number

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
    answer, *sections = [evaluation_section(name, evaluations[name]) for name in ordered]
    limits = [sentence for name in ordered[:1] for sentence in evaluations[name].limits]
    if images:
        sections.append(Section("Images", tables=images))
    if limits:
        sections.append(Section("Limits", limits))
    trials = [
        TrialReport(
            name,
            {key: value for key, value in (made or {}).get(name, {}).items() if key != "reasons"},
            history=history,
            remarks=(made or {}).get(name, {}).get("reasons", ()),
        )
        for name, history in (histories or {}).items()
    ]
    report = Report(
        title,
        trials=trials,
        sections=sections,
        versions=predictor.versions,
        answer=answer,
        warnings=training_image_notes(predictor, evaluations),
    )
    return write_report(out / "report.html", report)


def evaluation_section(name: str, evaluation: Evaluated) -> Section:
    """Make the section of a report about one set of images.

    Args:
        name: The name of the images.
        evaluation: The evaluation.

    Returns:
        The section, which begins with what counts most.
    """
    how = (
        "95 % intervals of the bootstrap, by distinct image or group"
        if evaluation.groups is not None
        else "95 % intervals of the bootstrap, for independent images"
    )
    overall = evaluation.overall
    facts = _facts(name, evaluation, overall)
    overall = overall.assign(metric=[metric_label(name) for name in overall["metric"]])
    tables = {how if "low" in overall else "Metrics": overall}
    figures: dict[str, Any] = {}
    paragraphs = []
    shown = evaluation.with_files
    if isinstance(evaluation, MultiLabelEvaluation):
        paragraphs.append("The thresholds are those with the highest F1 on the validation images.")
        tables["By label, at its threshold"] = _readable(evaluation.by_label)
        if evaluation.by_label["average_precision"].notna().any():
            caption = "Precision and recall of each label; the dot is its threshold"
            figures[caption] = plot_label_precision_recall(evaluation)
        if isinstance(shown, MultiLabelEvaluation) and len(shown.largest_mistakes(1)):
            figures["The most confident mistakes"] = plot_label_mistakes(shown, _SHOWN)
        figures["Images that have a label and are given it"] = plot_label_confusions(evaluation)
    else:
        tables[f"By {evaluation.target}"] = _readable(evaluation.by_range)
        caption = "Each image; on the dotted line, the predicted number is the true one"
        figures[caption] = plot_true_against_predicted(evaluation)
        if isinstance(shown, RegressionEvaluation) and len(shown.predictions):
            figures["The largest errors"] = plot_largest_errors(shown, _SHOWN)
        figures["Errors, and how often they occur"] = plot_residuals(evaluation)
    return Section(name, paragraphs, tables, figures, facts)


def _facts(name: str, evaluation: Evaluated, overall: pd.DataFrame) -> dict[str, float | str]:
    metric, value = evaluation.headline
    label = metric_label(metric)
    if isinstance(evaluation, RegressionEvaluation):
        label = f"{label} of {evaluation.target}"
    facts: dict[str, float | str] = {f"{label} on {evaluation.size} ({name})": value}
    if "low" in overall:
        ends = overall.loc[overall["metric"] == metric, ["low", "high"]].iloc[0]
        facts["95 % interval"] = " to ".join(map(format_number, ends))
    return facts


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
