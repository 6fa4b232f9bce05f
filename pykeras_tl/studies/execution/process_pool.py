"""Trials in processes of their own, several at a time."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .epoch_progress import UpdateProgress
from .trial_task import TrialTask, run_task

# Seconds between two looks at what the trials have done.
_INTERVAL = 1.0


def run_tasks(
    tasks: Sequence[TrialTask], processes: int, update_progress: UpdateProgress
) -> Iterator[tuple[int, Exception | None]]:
    """Run trials at the same time.

    Args:
        tasks: The trials.
        processes: How many at a time.
        update_progress: Called every second, and with the indices of the tasks that ended.

    Yields:
        The index of each task that ended, and its error or None.
    """
    # Not forked, which TensorFlow does not survive.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run_quietly, task): index for index, task in enumerate(tasks)}
        try:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, _INTERVAL, FIRST_COMPLETED)
                update_progress([futures[future] for future in done])
                for future in done:
                    yield futures[future], _error(future)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run_quietly(task: TrialTask) -> None:
    """Run a trial in a process of its own, beside others.

    What Keras prints is left out, since its progress bars would mix with the others', and warnings
    name the trial.
    """

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"Warning: {task.trial.name}: {message}", file=sys.stderr)

    warnings.showwarning = show
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        run_task(task)


def _error(future: Future[None]) -> Exception | None:
    error = future.exception()
    return error if isinstance(error, Exception) else None
