"""A progress bar with the remaining time, for work on many files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar in a terminal or notebook; show nothing elsewhere.

    It is written to the standard error and disappears at the end, so that it never mixes with
    results.

    Args:
        description: What is being done, such as "Reading".
        total: The number of steps.

    Yields:
        A function to call with the number of steps that were just completed, in any thread.
    """
    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (console.is_terminal or console.is_jupyter),
    )
    with shown:
        task = shown.add_task(description, total=total)
        yield lambda steps: shown.advance(task, steps)
