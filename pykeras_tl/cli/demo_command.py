"""The command `demo`."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress

# Seconds on two cores, which weigh the parts of the bar, and epochs.
_DRAWING = (8, 1)
_CLASSIFIER = (75, 18)
_STUDY = (85, 24)
_TRAINING: dict[str, Any] = {
    "target_size": (96, 128),
    "epochs": 10,
    "learning_rate": 0.01,
    "unfreeze_from": "block3",
    "fine_tune_epochs": 8,
    "fine_tune_learning_rate": 0.0003,
}
_TRIALS = "version-1-rmsprop,version-2-rmsprop,modern"


def demo(
    out: Annotated[Path, typer.Option(help="Folder of results; created if missing.")] = Path(
        "demo"
    ),
) -> None:
    """Generate blood cells and train networks on them, in four minutes; begin here."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    out.mkdir(parents=True, exist_ok=True)
    total = sum(seconds for seconds, _ in (_DRAWING, _CLASSIFIER, _STUDY))
    with os.fdopen(os.dup(2), "w") as screen:
        console = Console(file=screen)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            # The mean speed from the beginning, since the parts differ.
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        bar = Progress(
            *columns, console=console, transient=True, speed_estimate_period=3600,
            disable=not console.is_terminal,
        )  # fmt: skip
        with bar:
            bar.add_task("Demo", total=total)
            intervals, results = _work(out, bar)
    for line in _end(out, intervals, results):
        typer.echo(line)


def _work(out: Path, bar: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the classifier's accuracies with their intervals, and those of the study's trials."""
    import pandas as pd

    cells, log = out / "cells", out / "log.txt"
    with _part(bar, log, "Generating 1,060 images of blood cells", *_DRAWING):
        from ..images import generate_blood_cells

        if not cells.exists():
            generate_blood_cells(cells)
    with _part(bar, log, "Training a classifier on a pretrained network", *_CLASSIFIER):
        from ..classifier_training import train_classifier

        train_classifier(cells, out / "classifier", **_TRAINING)
    with _part(bar, log, "Training three networks of a study from random weights", *_STUDY):
        from ..studies import run_study

        result = run_study(
            "blood-cells", cells, out / "study", quick=True, weights=None, epochs=8, trials=_TRIALS
        )
    return pd.read_csv(out / "classifier" / "intervals.csv"), result.table


@contextmanager
def _part(bar: Progress, log: Path, title: str, seconds: int, epochs: int) -> Iterator[None]:
    """Do a part of the work, with all that libraries say in a file."""
    task = bar.task_ids[0]
    begin = bar.tasks[0].completed
    bar.console.print(f"{title} …")
    with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
        with _quietly(file, lambda count: bar.advance(task, count * seconds / epochs)):
            yield
        bar.update(task, completed=begin + seconds)


@contextmanager
def _quietly(file: TextIO, advance: Callable[[int], None]) -> Iterator[None]:
    # TensorFlow's C++ code writes to the descriptor, whatever sys.stderr is.
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        with redirect_stdout(_EpochCounter(file, advance)), redirect_stderr(file):
            yield
    finally:
        file.flush()
        os.dup2(kept, 2)
        os.close(kept)


class _EpochCounter(io.TextIOBase):
    """Copies to a file what Keras prints, and reports each epoch that begins."""

    def __init__(self, file: TextIO, advance: Callable[[int], None]) -> None:
        self._file, self._advance = file, advance

    def write(self, text: str) -> int:
        """Write text to the file."""
        self._advance(text.count("Epoch "))
        return self._file.write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()


def _end(out: Path, intervals: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    """Say what was reached, what it means, and what to try next."""
    row = intervals.set_index("split").loc["test"]
    low, high = (f"{100 * row[name]:.1f}" for name in ("low", "high"))
    others = results["test accuracy"]
    yield (
        f"\nThe classifier names {100 * row['accuracy']:.1f} % of the test cells correctly "
        f"(95 % interval {low} to {high} %)."
    )
    yield (
        f"On the same images, {len(others)} networks that began with random weights reach "
        f"{100 * others.min():.0f} to {100 * others.max():.0f} %; guessing would give 25 %."
    )
    if row["low"] > others.max():
        yield "So it pays to begin with a network that has learned from photographs."
    yield "The cells are generated: the numbers say nothing about real blood."
    yield f"\nLook at {out / 'classifier/report.html'} and {out / 'study/report.html'}. Then try"
    program, classifier = _program(), out / "classifier" / "classifier"
    yield "  # a page in the browser that says what an image is, and why"
    yield f"  {program} app {classifier}"
    yield "  # a class for each image of a folder, and pictures of what spoke for it"
    yield f"  {program} predict {classifier} {out / 'cells/TEST'} --explain {out / 'why'}"
    yield "  # your own images: a folder with one folder for each class"
    yield f"  {program} train YOUR_FOLDER --out my-classifier"


def _program() -> str:
    """Return how the shell finds this program, which `make` installs into a folder of its own."""
    script = Path(sys.executable).with_name("pykeras-tl")
    if shutil.which("pykeras-tl") or not script.exists():
        return "pykeras-tl"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
