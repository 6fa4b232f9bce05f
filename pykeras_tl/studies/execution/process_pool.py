"""Trials in processes of their own, several at a time."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ...images.progress import progress_bar
from .trial_task import TrialTask, error_of, run_task

# Seconds between looks at what the trials have saved.
_INTERVAL = 1.0


def run_tasks(tasks: Sequence[TrialTask], processes: int) -> Iterator[tuple[int, Exception | None]]:
    """Run trials, several at a time; show one progress bar for all of them then.

    Args:
        tasks: The trials.
        processes: How many at a time; 1 runs them in this process, in order.

    Yields:
        The index of each task that ended, and its error or None.
    """
    if processes == 1:
        for index, task in enumerate(tasks):
            yield index, error_of(task)
        return
    with (
        progress_bar("Training", sum(task.epochs for task in tasks)) as advance,
        # Not forked, which TensorFlow does not survive.
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        futures = {pool.submit(_run_quietly, task): index for index, task in enumerate(tasks)}
        try:
            progress = _Epochs(tasks, advance)
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, _INTERVAL, FIRST_COMPLETED)
                progress.update([futures[future] for future in done])
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


class _Epochs:
    """Moves a progress bar by the epochs of several trials."""

    def __init__(self, tasks: Sequence[TrialTask], advance: Callable[[int], None]) -> None:
        self._running = dict(enumerate(tasks))
        self._counted = [0] * len(tasks)
        self._advance = advance

    def update(self, ended: Sequence[int]) -> None:
        """Count the epochs finished since the last time; of trials that ended, all."""
        for index, task in list(self._running.items()):
            if index in ended:
                del self._running[index]
            finished = task.epochs if index in ended else task.finished_epochs
            if finished > self._counted[index]:
                self._advance(finished - self._counted[index])
                self._counted[index] = finished
