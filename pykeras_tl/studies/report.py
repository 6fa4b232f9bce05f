"""A study's page: its trials beside what was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ..evaluation.evaluation import Evaluation
from ..evaluation.report import Report, TrialReport, write_report
from .results import TrialResult, all_numbers
from .study import Study


def write_study_report(
    study: Study, done: list[TrialResult], failures: Mapping[str, str], path: Path
) -> Path:
    """Write the page of a study from what its trials left in their folders.

    Args:
        study: The study.
        done: The results of the trials that ended.
        failures: The error of each trial that failed, by name.
        path: The file to write.

    Returns:
        The path.
    """
    trials = [_ended(study, result) for result in done]
    trials += [TrialReport(name, error=error) for name, error in failures.items()]
    versions = done[-1].versions if done else {}
    return write_report(path, Report(study.title, study.notes, trials, versions=versions))


def _ended(study: Study, result: TrialResult) -> TrialReport:
    published = [entry for entry in study.published if entry.trial == result.trial.name]
    return TrialReport(
        name=result.trial.name,
        settings={name: value for name, value in asdict(result.trial).items() if name != "name"},
        metrics=all_numbers(result),
        published={entry.metric: entry.value for entry in published},
        history=result.history(),
        evaluations={
            place.name: Evaluation.load(place)
            for place in sorted((result.folder / "evaluation").iterdir())
        },
        remarks=[
            f"The published {entry.metric} is that {entry.remark}."
            for entry in published
            if entry.remark
        ],
    )
