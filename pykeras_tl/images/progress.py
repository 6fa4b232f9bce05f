"""A progress bar with the remaining time, for work on many files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report: TypeAlias = Callable[[str, int, int], None]

_SECONDS_BETWEEN_REPORTS = 0.2
_report: Report | None = None


def report_progress_to(report: Report | None) -> None:
    """Have a function show progress, in place of the bar in a terminal or notebook.

    R's console is neither, and has a bar of its own.

    Args:
        report: Takes what is being done, the number of steps that are done, and of all. It is
            called on the main thread alone, up to five times a second and at the end; work
            begun on another thread is not shown. None brings back the bar.

    Example:
        >>> report_progress_to(lambda what, done, total: print(what, done, "of", total))
        >>> with progress_bar("Reading", 2) as advance:
        ...     advance(2)
        Reading 2 of 2
        >>> report_progress_to(None)
    """
    global _report
    _report = report


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar in a terminal, or in a notebook with ipywidgets; show nothing elsewhere.

    It is written to the standard error and disappears at the end, so that it never mixes with
    results.

    Args:
        description: What is being done, such as "Reading".
        total: The number of steps.

    Yields:
        A function to call with the number of steps that were just completed, in any thread.
    """
    if _report is not None:
        yield from _reported(_report, description, total)
        return
    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (console.is_terminal or (console.is_jupyter and _has_widgets())),
    )
    with shown:
        task = shown.add_task(description, total=total)
        yield lambda steps: shown.advance(task, steps)


def _reported(report: Report, description: str, total: int) -> Iterator[Callable[[int], None]]:
    # R must be called from the main thread alone; a call from another waits for it, maybe for ever.
    if not _on_main_thread():
        yield lambda steps: None
        return
    lock = threading.Lock()
    done, last = 0, time.monotonic()

    def advance(steps: int) -> None:
        nonlocal done, last
        with lock:
            done += steps
        now = time.monotonic()
        if _on_main_thread() and now - last >= _SECONDS_BETWEEN_REPORTS:
            last = now
            report(description, done, total)

    yield advance
    report(description, done, total)


def _has_widgets() -> bool:
    """Whether notebooks can show a bar; without it, rich warns in its place."""
    return find_spec("ipywidgets") is not None


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
