"""Trials in processes of their own, several at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from ..storage.atomic_files import atomic_directory
from .trial import Trial

Job = tuple[Trial, Mapping[str, pd.DataFrame], Path]


def run_one(trial: Trial, tables: Mapping[str, pd.DataFrame], place: Path) -> None:
    """Run a trial into a folder that is there whole or not at all.

    What a trial that was stopped had learned stands beside it, in a folder whose name ends in
    `.unfinished`, until it is done.

    Args:
        trial: The record.
        tables: A table of files for each part.
        place: The folder to make.
    """
    from .trial_runner import run_trial

    unfinished = place.with_name(f"{place.name}.unfinished")
    with atomic_directory(place) as working:
        run_trial(trial, tables, working, unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)
    error_file(place).unlink(missing_ok=True)


def error_file(place: Path) -> Path:
    """Return the file that keeps the error of a trial that failed.

    Args:
        place: The folder of the trial's results.

    Returns:
        A file beside it.
    """
    return place.with_name(f"{place.name}.error.txt")


def run_several(jobs: Sequence[Job], processes: int) -> Iterator[tuple[int, Exception | None]]:
    """Run trials, several at a time.

    Args:
        jobs: The arguments of `run_one`.
        processes: How many at a time; 1 runs them in this process, in their order.

    Yields:
        The number of each job that ended, from 0, and its error or None.
    """
    if processes == 1:
        for number, job in enumerate(jobs):
            yield number, _error_of(job)
        return
    # Not forked: TensorFlow does not survive it.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_one, *job): number for number, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], error if isinstance(error, Exception) else None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _error_of(job: Job) -> Exception | None:
    try:
        run_one(*job)
    except Exception as error:
        # One trial's error must not cost the others.
        return error
    return None
