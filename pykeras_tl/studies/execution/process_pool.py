"""Trials in processes of their own, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from .trial_task import TrialTask, error_of, run_task


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
            yield index, error_of(task)
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
