"""Trials in processes of their own, several at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from ..storage.atomic_files import atomic_directory
from .trial import Trial


@dataclass(frozen=True)
class TrialTask:
    """A trial to run.

    Args:
        trial: The record.
        tables: A table of files for each split.
        folder: The folder of results to create.
    """

    trial: Trial
    tables: Mapping[str, pd.DataFrame]
    folder: Path


def run_task(task: TrialTask) -> None:
    """Run a trial into a folder that appears only when it is complete.

    The checkpoints of an interrupted trial are kept beside it, in a folder whose name ends in
    `.unfinished`, until it is done.

    Args:
        task: The trial, its data and the folder to create.
    """
    from .trial_runner import run_trial

    folder = task.folder
    run_dir = folder.with_name(f"{folder.name}.unfinished")
    with atomic_directory(folder) as working:
        run_trial(task.trial, task.tables, working, run_dir)
    shutil.rmtree(run_dir, ignore_errors=True)
    error_file(folder).unlink(missing_ok=True)


def error_file(folder: Path) -> Path:
    """Return the file that keeps the error of a failed trial.

    Args:
        folder: The folder of the trial's results.

    Returns:
        A file beside it.

    Example:
        >>> error_file(Path("trials/modern-a08e760292")).name
        'modern-a08e760292.error.txt'
    """
    return folder.with_name(f"{folder.name}.error.txt")


def run_tasks(tasks: Sequence[TrialTask], processes: int) -> Iterator[tuple[int, Exception | None]]:
    """Run trials, several at a time.

    Args:
        tasks: The trials.
        processes: How many at a time; 1 runs them in this process, in order.

    Yields:
        The index of each task that ended, and its error or None.
    """
    if processes == 1:
        for index, task in enumerate(tasks):
            yield index, _error_of(task)
        return
    # Not forked, which TensorFlow does not survive.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_task, task): index for index, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], error if isinstance(error, Exception) else None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _error_of(task: TrialTask) -> Exception | None:
    try:
        run_task(task)
    except Exception as error:
        # The error of one trial must not cost the others.
        return error
    return None
