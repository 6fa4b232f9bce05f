"""One progress bar for trials that run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ...images.progress import progress_bar
from .trial_task import TrialTask

# Called now and then, with the indices of the trials that ended since the last time.
Watch: TypeAlias = Callable[[Sequence[int]], None]


@contextmanager
def epoch_progress(tasks: Sequence[TrialTask]) -> Iterator[Watch]:
    """Show how many epochs of several trials are done, as far as they are saved.

    Args:
        tasks: The trials.

    Yields:
        A function that looks, and moves the bar. It takes the indices of the trials that ended.
    """
    running = dict(enumerate(tasks))
    counted = [0] * len(tasks)
    with progress_bar("Training", sum(task.epochs for task in tasks)) as advance:

        def watch(ended: Sequence[int]) -> None:
            for index, task in list(running.items()):
                if index in ended:
                    del running[index]
                finished = task.epochs if index in ended else task.finished_epochs
                if finished > counted[index]:
                    advance(finished - counted[index])
                    counted[index] = finished

        yield watch
