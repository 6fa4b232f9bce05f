"""The report of a study: its trials beside the published numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...evaluation.evaluation import Evaluation
from ...evaluation.report import Report, Section, TrialReport, write_report
from ...explanation.mistakes import overlays_of_mistakes
from ..study import Study
from .comparison import paired_comparisons, summary_table
from .intervals import interval_table
from .trial_results import EXPLANATIONS, TrialResult, by_name, mean_numbers, tidy_table


def write_study_report(
    study: Study,
    done: list[TrialResult],
    failures: Mapping[str, str],
    path: Path,
    sizes: pd.DataFrame,
    baselines: pd.DataFrame | None = None,
) -> Path:
    """Write the HTML page of a study from the results of its trials.

    Args:
        study: The study.
        done: The results of the trials that are done.
        failures: The error of each trial that failed, by name.
        path: The file to write.
        sizes: The number of images of each split, as `split_sizes` returns them.
        baselines: The accuracies without a network, as `study_baselines` returns them.

    Returns:
        The path.
    """
    trials = [_trial_report(study, runs) for runs in by_name(done).values()]
    trials += [TrialReport(name, error=error) for name, error in failures.items()]
    versions = done[-1].versions if done else {}
    sections = [_images_section(sizes), *_intervals_section(done)]
    sections += _baseline_section(baselines) + _repeats_section(study, done)
    report = Report(
        study.title, study.notes, trials, sections, versions=versions, metric=study.metric
    )
    return write_report(path, report)


def _trial_report(study: Study, runs: list[TrialResult]) -> TrialReport:
    first = runs[0]
    published = [entry for entry in study.published if entry.trial == first.trial.name]
    remarks = [
        f"The published {entry.metric} is that {entry.remark}."
        for entry in published
        if entry.remark
    ]
    if len(runs) > 1:
        remarks.insert(
            0,
            f"The numbers and curves are means of {len(runs)} runs; settings and evaluations are "
            "those of the first.",
        )
    return TrialReport(
        name=first.trial.name,
        settings=first.trial.described(),
        metrics=mean_numbers(runs),
        published={entry.metric: entry.value for entry in published},
        history=first.history() if len(runs) == 1 else _MeanCurves(runs),
        evaluations={
            folder.name: Evaluation.load(folder)
            for folder in sorted((first.folder / "evaluation").iterdir())
        },
        overlays=overlays_of_mistakes(first.folder / EXPLANATIONS),
        remarks=remarks,
    )


_READABLE = {name: name.replace("_", " ") for name in ("difference_low", "difference_high")}


@dataclass(frozen=True)
class _MeanCurves:
    """The mean over the runs that reached each epoch."""

    runs: list[TrialResult]

    def to_frame(self) -> pd.DataFrame:
        tables = pd.concat([run.history().to_frame() for run in self.runs])
        keys = ["metric", "data", "epoch"]
        return tables.groupby(keys, sort=False)["value"].mean().reset_index()


def _images_section(sizes: pd.DataFrame) -> Section:
    paragraphs = []
    if "distinct" in sizes and (sizes["distinct"] < sizes["images"]).any():
        paragraphs.append(
            "Some images are copies of each other (turned, mirrored, moved or brighter). All "
            "copies of an image are one piece of evidence, so intervals resample distinct images."
        )
    for split, images, _, shared in sizes.itertuples(index=False):
        if shared:
            paragraphs.append(
                f"{shared:,} of the {images:,} images of {split} have copies, or others of their "
                "group, in training: the results on them are too good."
            )
    return Section("Images", paragraphs, {"Images of each split": sizes})


def _intervals_section(done: list[TrialResult]) -> list[Section]:
    if not done:
        return []
    table = interval_table(done)
    text = "The intervals are those of the bootstrap at 95 %, by distinct image or group."
    if "conclusion" in table:
        text += (
            " A trial is compared with the best one on the same samples of images; “within the "
            "interval” means that these images do not show a difference."
        )
    tables = {
        f"Accuracy on {split}": rows.drop(columns="split").rename(columns=_READABLE)
        for split, rows in table.groupby("split", sort=False)
    }
    return [Section("Accuracy with its interval", [text], tables)]


def _baseline_section(baselines: pd.DataFrame | None) -> list[Section]:
    if baselines is None or baselines.empty:
        return []
    text = (
        "Baselines without a network, which a useful trial must exceed. If the nearest image is "
        "nearly always right, the task is easy, or this split holds copies of training images, "
        "which pykeras-tl audit finds."
    )
    return [Section("Baselines", [text], {"Accuracy with its 95 % interval": baselines})]


def _repeats_section(study: Study, done: list[TrialResult]) -> list[Section]:
    """Show intervals and paired comparisons if trials were repeated."""
    results = tidy_table(study.name, done)
    if not any(len(runs) > 1 for runs in by_name(done).values()):
        return []
    summary = summary_table(results[results["metric"] == study.metric]).drop(columns="study")
    tables = {f"{study.metric} over the runs, with the 95 % interval of the mean": summary}
    pairs = paired_comparisons(results, study.metric)
    if len(pairs):
        shown = pairs.rename(columns={"pairs_needed": "pairs needed"})
        tables[f"Differences in {study.metric} over shared runs"] = shown
    text = (
        "The interval and p are those of the paired t-test; “pairs needed” is the number of runs "
        "at which a difference of this size is detected with a power of 80 %. Runs that split the "
        "same images at random are not independent, so the interval is too narrow and p too small."
    )
    return [Section("Repeats", [text], tables)]
