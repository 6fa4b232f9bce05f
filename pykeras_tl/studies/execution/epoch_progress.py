"""One progress bar for trials that run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ...images.progress import progress_bar
from .trial_task import TrialTask

# Called now and then, with the indices of the trials that ended since the last time.
UpdateProgress: TypeAlias = Callable[[Sequence[int]], None]


@contextmanager
def epoch_progress(tasks: Sequence[TrialTask]) -> Iterator[UpdateProgress]:
    """Show how many epochs of several trials are done, as far as they are saved.

    Args:
        tasks: The trials.

    Yields:
        A function that looks, and moves the bar. It takes the indices of the trials that ended.
    """
    counted = [0] * len(tasks)
    with progress_bar("Training", sum(task.epochs for task in tasks)) as advance:

        def update(ended: Sequence[int]) -> None:
            for index, task in enumerate(tasks):
                finished = task.epochs if index in ended else task.finished_epochs
                # Of one that ended before, what was saved is gone.
                if finished > counted[index]:
                    advance(finished - counted[index])
                    counted[index] = finished

        yield update
