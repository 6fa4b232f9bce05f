"""The HTML report of trials: the best one first, then metrics beside published values, curves.

The page is one self-contained file without scripts, so that it can be mailed and archived.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..images.decoding.thumbnails import read_thumbnail
from ..models.sharing.model_card import limits
from ..visualization.html_page import (
    EmbeddedImage,
    embed_figure,
    embed_image,
    flatten_settings,
    write_page,
)
from .calibration import fit_temperature, scale_by_temperature
from .coverage import coverage_table, fit_sets
from .discrimination.thresholds import choose_threshold
from .figures import (
    plot_confusion,
    plot_history,
    plot_precision_recall,
    plot_reliability,
    plot_roc,
    worst_mistakes,
)
from .metrics import confused_pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..visualization.history_curves import HasFrame
    from .evaluation import Evaluation

MISTAKES = 12
THUMBNAIL = 200
# The temperature and thresholds for the other evaluations are chosen on the first evaluation, and
# prediction sets calibrated on the second, or on the first if there is no second.
_VALIDATION, _CALIBRATION = _CHOSEN_ON = ("validation", "calibration")
# With more classes the matrix is hard to read, so the most frequent confusions are listed too.
_FEW_CLASSES = 12
_ABBREVIATIONS = ("f1", "mcc", "auc")
_IN_DETAIL = ("loss", "macro", "calibration", "parameters")
_HIGHER_IS_BETTER = ("accuracy", "f1", "precision", "recall")


@dataclass(frozen=True)
class TrialReport:
    """One trial in the report.

    Args:
        name: The trial's name.
        settings: Its settings; nested dictionaries are shown line by line.
        metrics: Measured values by name, such as `"TEST accuracy"`, in the order of the columns;
            `"seconds"` is shown as a duration.
        published: Published values, under the same names.
        history: The training history, or None.
        evaluations: Evaluations by the name of the set of images. If one is called
            "validation", the reliability of the others is also shown with its temperature, and
            thresholds are chosen on it; prediction sets are calibrated on it, or on one called
            "calibration".
        overlays: For some of the sets, the images with their saliency maps (Grad-CAM of the
            predicted class), by the name of the image file; shown beside the mistakes.
        error: Why the trial failed, or None.
        remarks: Paragraphs that precede the results.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    history: HasFrame | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    overlays: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    error: str | None = None
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A section of the report besides the trials.

    Args:
        heading: Its heading.
        paragraphs: Plain text.
        tables: Tables by caption.
        figures: Figures by caption, which precede the tables.
        facts: What the section begins with in large type: numbers, or texts, by what they are.
    """

    heading: str
    paragraphs: Sequence[str] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    facts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The contents of a report.

    Args:
        title: The title.
        summary: Paragraphs below the title.
        trials: The trials.
        sections: Further sections, after the trials' table and curves.
        settings: Settings that all trials share.
        versions: Versions of the packages, by name.
        metric: The metric that ranks the trials. The best one's result opens the page.
        answer: What opens the page instead.
        warnings: Why its results cannot be trusted, above all else.
    """

    title: str
    summary: Sequence[str] = ()
    trials: Sequence[TrialReport] = ()
    sections: Sequence[Section] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    metric: str = "test accuracy"
    answer: Section | None = None
    warnings: Sequence[str] = ()


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write a report as one self-contained HTML file.

    All text is escaped, nothing is loaded from elsewhere, and the page has no scripts.

    Args:
        path: The file to write; its folder is created if missing.
        report: The contents.

    Returns:
        The path.

    Raises:
        OSError: If the file cannot be written.

    Example:
        >>> trial = TrialReport("adam", metrics={"accuracy": 0.9}, published={"accuracy": 0.8})
        >>> page = write_report("report.html", Report("Blood <cells>", trials=[trial]))
        >>> "Blood &lt;cells&gt;" in page.read_text(encoding="utf-8")
        True
    """
    trials = sorted(report.trials, key=partial(_rank, report.metric), reverse=True)
    first = trials[0] if trials else None
    judged_on = first and _judged_on(first, report.metric)
    answer = _part_on(first, judged_on) if first and judged_on else None
    return write_page(
        path,
        Path(__file__).with_name("report.html.j2"),
        report=replace(report, trials=trials),
        metric=report.metric,
        ranked=sum(report.metric in trial.metrics for trial in trials),
        answer=answer and {"trial": first, "shown": answer},
        at_chance={trial.name for trial in trials if _is_at_chance(trial, report.metric)},
        columns=_columns(trials, report.metric),
        best=_best(trials),
        curves=_common_curves(trials),
        trials=_trial_parts(trials, answer),
        limits=_limits(trials),
        few_classes=_FEW_CLASSES,
        flatten=flatten_settings,
        file_name=_file_name,
        label=_label,
    )


def _rank(metric: str, trial: TrialReport) -> tuple[bool, float]:
    value = trial.metrics.get(metric, np.nan)
    value = -value if "loss" in metric else value
    return not trial.error, value if np.isfinite(value) else -np.inf


def _judged_on(trial: TrialReport, metric: str) -> str | None:
    """Return the images that a trial is judged by: those of the metric, or else new ones."""
    names = list(trial.evaluations)
    measured = [name for name in names if metric.startswith(f"{name} ")]
    new = [name for name in names if name not in _CHOSEN_ON]
    return next(iter([*measured, *new, *names]), None)


def _is_at_chance(trial: TrialReport, metric: str) -> bool:
    """Return whether the interval of the mean recall, which no common class lifts, holds 1/n."""
    name = _judged_on(trial, metric)
    if name is None or (evaluation := trial.evaluations[name]).independent < 2:
        return False
    classes = evaluation.predictions["class"].nunique()
    table = evaluation.intervals
    low = table.loc[table["metric"] == "balanced_accuracy", "low"].iloc[0]
    return bool(classes > 1 and low <= 1 / classes)


@dataclass(frozen=True)
class _EvaluationPart:
    name: str
    evaluation: Evaluation
    interval: tuple[float, float] | None
    once: pd.Series | None
    confusion: EmbeddedImage
    reliability: EmbeddedImage
    temperature: float | None
    roc: EmbeddedImage | None
    precision_recall: EmbeddedImage | None
    intervals: pd.DataFrame | None
    thresholds: pd.DataFrame | None
    coverage: pd.DataFrame | None
    clean: bool
    subgroups: pd.DataFrame | None
    pairs: pd.DataFrame | None
    mistakes: list[tuple[Any, EmbeddedImage, EmbeddedImage | None]]
    explained: bool


@dataclass(frozen=True)
class _TrialPart:
    trial: TrialReport
    curves: EmbeddedImage | None
    evaluations: Iterator[_EvaluationPart]


def _trial_parts(
    trials: Sequence[TrialReport], answer: _EvaluationPart | None
) -> Iterator[_TrialPart]:
    # One trial at a time, so that memory does not grow with the number of trials.
    for trial in trials:
        history = _nonempty_history(trial)
        curves = None if history is None else embed_figure(plot_history(history))
        # The first trial's answer is not made twice.
        done = {answer.name: answer} if answer and trial is trials[0] else {}
        parts = (done.get(name) or _part_on(trial, name) for name in trial.evaluations)
        yield _TrialPart(trial, curves, parts)


def _part_on(trial: TrialReport, name: str) -> _EvaluationPart:
    others = {} if name in _CHOSEN_ON else _chosen_on(trial.evaluations)
    return _evaluation_part(name, trial.evaluations[name], others, trial.overlays.get(name, {}))


def _limits(trials: Sequence[TrialReport]) -> list[str]:
    """Return where one classifier should not be trusted; of several, a reader compares results."""
    if len(trials) != 1 or not trials[0].evaluations:
        return []
    return limits(trials[0].evaluations)


def _chosen_on(evaluations: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    return {name: evaluations[name] for name in _CHOSEN_ON if name in evaluations}


def _evaluation_part(
    name: str,
    evaluation: Evaluation,
    others: Mapping[str, Evaluation],
    overlays: Mapping[str, Path],
) -> _EvaluationPart:
    validation = others.get(_VALIDATION)
    calibration = others.get(_CALIBRATION, validation)
    temperature = None if validation is None else fit_temperature(validation.predictions)
    curves = evaluation.areas["auc"].notna().any()
    confusion = evaluation.confusion
    readable = evaluation.with_files
    worst = worst_mistakes(readable, MISTAKES) if len(readable) else pd.DataFrame()
    tables = {"as predicted": evaluation.predictions}
    if temperature is not None:
        scaled = scale_by_temperature(evaluation.predictions, temperature)
        tables[f"at temperature {temperature:.2f}"] = scaled
    return _EvaluationPart(
        name,
        evaluation,
        _interval(evaluation),
        _counted_once(evaluation),
        embed_figure(plot_confusion(confusion)),
        embed_figure(plot_reliability(tables)),
        temperature,
        embed_figure(plot_roc(evaluation.predictions)) if curves else None,
        embed_figure(plot_precision_recall(evaluation.predictions)) if curves else None,
        _overall_intervals(evaluation),
        None if validation is None else _thresholds(evaluation, validation),
        None if calibration is None else _coverage(evaluation, calibration),
        _CALIBRATION in others,
        _readable(evaluation.by_subgroup),
        confused_pairs(confusion) if len(confusion) > _FEW_CLASSES else None,
        [
            (
                row,
                _embed_file(row["filename"]),
                _embed_file(overlays[row["filename"]]) if row["filename"] in overlays else None,
            )
            for row in worst.to_dict("records")
        ],
        bool(overlays),
    )


def _embed_file(path: str | Path) -> EmbeddedImage:
    return embed_image(read_thumbnail(path, THUMBNAIL))


def _overall_intervals(evaluation: Evaluation) -> pd.DataFrame | None:
    if evaluation.independent < 2:
        return None
    rows = evaluation.overall_intervals
    return rows.assign(metric=rows["metric"].map(_label))


def _label(name: str) -> str:
    """Write the name of a metric as people do."""
    words = name.replace("_", " ").split()
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)


def _thresholds(evaluation: Evaluation, validation: Evaluation) -> pd.DataFrame | None:
    """Return sensitivity and specificity of the classes that are hardest to tell apart."""
    known = validation.areas.dropna(subset="auc")["class"]
    areas = evaluation.areas.dropna(subset="auc")
    areas = areas[areas["class"].isin(known)].sort_values("auc", kind="stable")
    rows = []
    for name in areas["class"].head(_FEW_CLASSES):
        threshold = choose_threshold(validation.predictions, name)
        measured = evaluation.at_threshold(name, threshold).set_index("measure")
        cells = {
            measure: f"{value:.3f} ({low:.3f} to {high:.3f})"
            for measure, value, low, high, _ in measured.itertuples()
        }
        rows.append({"class": name, "threshold": threshold, **cells})
    return pd.DataFrame(rows) if rows else None


def _coverage(evaluation: Evaluation, calibration: Evaluation) -> pd.DataFrame | None:
    if evaluation.class_names != calibration.class_names:
        return None
    return _readable(coverage_table(evaluation, fit_sets(calibration)))


def _readable(table: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if table is None else table.rename(columns=lambda name: name.replace("_", " "))


def _interval(evaluation: Evaluation) -> tuple[float, float] | None:
    if evaluation.independent < 2:
        return None
    row = evaluation.intervals.iloc[0]
    return float(row["low"]), float(row["high"])


def _counted_once(evaluation: Evaluation) -> pd.Series | None:
    """Return the accuracy by distinct image, with its interval; None without copies."""
    copies = evaluation.groups_are_copies and 1 < evaluation.independent < len(
        evaluation.predictions
    )
    return evaluation.by_group().intervals.iloc[0] if copies else None


def _common_curves(trials: Sequence[TrialReport]) -> EmbeddedImage | None:
    all_histories = {trial.name: _nonempty_history(trial) for trial in trials}
    histories = {name: history for name, history in all_histories.items() if history is not None}
    return embed_figure(plot_history(histories)) if len(histories) > 1 else None


def _nonempty_history(trial: TrialReport) -> HasFrame | None:
    return None if trial.history is None or trial.history.to_frame().empty else trial.history


def _columns(trials: Sequence[TrialReport], metric: str) -> list[str]:
    """Return the columns of the table, which fits a laptop; other numbers are in the details."""
    kept = {metric, *(name for trial in trials for name in trial.published)}
    names = dict.fromkeys(name for trial in trials for name in (*trial.metrics, *trial.published))
    detailed = [name for name in names if any(word in name for word in _IN_DETAIL)]
    return [name for name in names if name in kept or name not in detailed]


def _best(trials: Sequence[TrialReport]) -> dict[str, float]:
    """Return the best value of each column that has values of more than one trial."""
    best = {}
    for column in dict.fromkeys(name for trial in trials for name in trial.metrics):
        values = [t.metrics[column] for t in trials if np.isfinite(t.metrics.get(column, np.nan))]
        if len(values) > 1:
            if any(word in column for word in _HIGHER_IS_BETTER):
                best[column] = max(values)
            elif "loss" in column:
                best[column] = min(values)
    return best


def _file_name(path: str) -> str:
    # With its folder, which is usually the class.
    return "/".join(Path(path).parts[-2:])
