"""Runs all trials of a study that are not done, one by one or side by side."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

from ...storage.atomic_files import atomic_file
from ..results.trial_results import is_done
from ..trial import Trial
from .epoch_progress import epoch_progress
from .image_transfer import image_files
from .process_pool import run_tasks
from .ray_cluster import run_on_cluster
from .trial_task import TrialTask, error_file, error_of

_logger = logging.getLogger(__name__)
_Ended = tuple[int, Exception | None]


def run_all(tasks: list[TrialTask], jobs: int, cluster: str | None) -> dict[str, str]:
    """Run the trials that are not done.

    One that fails leaves its error in a file beside its results, and does not stop the others.

    Args:
        tasks: The trials.
        jobs: How many at a time; on a cluster, on each machine.
        cluster: The Ray cluster that runs them; None for this machine.

    Returns:
        The errors of those that failed, by their names.
    """
    labels = _labels([task.trial for task in tasks])
    waiting = [index for index, task in enumerate(tasks) if not is_done(task.folder)]
    for index in sorted(set(range(len(tasks))) - set(waiting)):
        _logger.info("%s: already done", labels[index])
    to_run, failures = [tasks[index] for index in waiting], {}
    one_by_one = jobs == 1 and cluster is None
    if one_by_one:
        ended = _one_by_one(to_run, [labels[index] for index in waiting])
    else:
        ended = _side_by_side(to_run, jobs, cluster)
    for done, (number, error) in enumerate(ended, start=1):
        label = labels[waiting[number]].partition("] ")[2]
        if error is not None:
            failures[label] = f"{type(error).__name__}: {error}"
            _logger.warning("%s failed: %s", label, failures[label])
            with atomic_file(error_file(to_run[number].folder)) as path:
                path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        elif not one_by_one:
            _logger.info("%s: done (%d of %d)", label, done, len(waiting))
    return failures


def _one_by_one(tasks: list[TrialTask], labels: list[str]) -> Iterator[_Ended]:
    for index, (task, label) in enumerate(zip(tasks, labels, strict=True)):
        _logger.info(label)
        yield index, error_of(task)


def _side_by_side(tasks: list[TrialTask], jobs: int, cluster: str | None) -> Iterator[_Ended]:
    if not tasks:
        return
    with epoch_progress(tasks) as update:
        if cluster is None:
            yield from run_tasks(tasks, jobs, update)
        else:
            files = image_files(table for task in tasks for table in task.tables.values())
            yield from run_on_cluster(tasks, files, cluster, jobs, update_progress=update)


def _labels(trials: list[Trial]) -> list[str]:
    names = [trial.name for trial in trials]
    labels = []
    for number, trial in enumerate(trials, start=1):
        label = f"[{number}/{len(trials)}] {trial.name}"
        if names.count(trial.name) > 1:
            label += f", seed {trial.seed}" + (f", fold {trial.fold}" if trial.fold else "")
        labels.append(label)
    return labels
