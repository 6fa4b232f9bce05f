"""Kills trainings at random instants, starts them again, and tells what that cost."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import runpy
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from pykeras_tl.training.history import History

# The number of kills in the short form; PYKERAS_TL_KILLS=100 is the long one.
KILLS = int(os.environ.get("PYKERAS_TL_KILLS", "12"))


class Child(Protocol):
    """A process that trains."""

    @property
    def pid(self) -> int | None: ...

    def poll(self) -> int | None:
        """The exit status; `None` while it runs."""


class ForkedChild:
    """Runs a Python script in a process that has Keras imported already.

    It is forked from a process that has imported Keras and computed nothing, which costs a
    tenth of a second where starting Python anew costs several.

    Args:
        script: The script.
        *arguments: Its command line.
    """

    def __init__(self, script: Path, *arguments: str) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tensorflow", "pykeras_tl.training.fine_tuning"])
        self._process = context.Process(target=_run_script, args=(str(script), *arguments))
        self._process.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode


def _run_script(script: str, *arguments: str) -> None:
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


@dataclass
class Tally:
    """What the kills cost."""

    kills: int = 0
    while_saving: int = 0
    recoveries: int = 0
    trainings: int = 0
    steps_lost: list[int] = field(default_factory=list)
    largest_difference: float = 0.0
    other_histories: int = 0

    def __str__(self) -> str:
        lost = self.steps_lost
        return (
            f"{self.kills} kills ({self.while_saving} while a state was being written) in "
            f"{self.trainings} trainings; {self.recoveries} times training went on from a saved "
            f"state; steps lost: {max(lost)} at most, {sum(lost) / len(lost):.1f} on average; "
            f"largest difference of a weight: {self.largest_difference:g}; "
            f"other histories: {self.other_histories}"
        )


def kill_trainings(
    start: Callable[[Path], Child],
    folder: Path,
    expected: Path,
    kills: int,
    steps: int,
    seconds: float,
    chance: random.Random,
    tally: Tally,
) -> None:
    """Kill trainings until there have been enough kills, and compare how each ended.

    Args:
        start: Starts the training in a folder. It writes down each step in the file `steps`
            there, keeps its runs in folders there, and at its end writes `history.csv` and,
            last, `weights.npz`.
        folder: A folder for the trainings that are killed.
        expected: The folder of the same training, never interrupted.
        kills: How many.
        steps: Steps in an epoch.
        seconds: How long that takes.
        chance: Decides when.
        tally: Receives the figures.
    """
    until = tally.kills + kills
    while tally.kills < until:
        place = folder / str(tally.trainings)
        place.mkdir(parents=True)
        killed = False
        while not (place / "weights.npz").exists():
            tally.recoveries += killed and _newest(place, steps) > 0
            before = len(_steps(place))
            child = start(place)
            if tally.kills < until and _comes(_instant(place, before, seconds, chance), child):
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
                killed = True
            while child.poll() is None:
                time.sleep(0.001)
            if child.poll() != -signal.SIGKILL:
                assert child.poll() == 0, f"training failed in {place}"
                continue
            tally.kills += 1
            tally.while_saving += bool(_being_written(place))
            made = _steps(place)[before:]
            tally.steps_lost.append(max(0, made[-1] - _newest(place, steps)) if made else 0)
        tally.trainings += 1
        _compare(place, expected, tally)


def _comes(instant: Callable[[], bool], child: Child) -> bool:
    """Wait for the instant; False when the child ends before."""
    while child.poll() is None:
        if instant():
            return True
        time.sleep(0.0005)
    return False


def _instant(place: Path, before: int, seconds: float, chance: random.Random) -> Callable[[], bool]:
    """Choose an instant: any, one in training, or one while a state is being written."""
    kind = chance.choice(["any", "training", "saving", "saving"])
    delay = chance.random() * {"any": seconds, "training": seconds / 4, "saving": 0.03}[kind]
    begun = time.monotonic() if kind == "any" else None
    skipped, seen = chance.randrange(4), set()

    def due() -> bool:
        nonlocal begun
        if begun is None and kind == "training" and len(_steps(place)) > before:
            begun = time.monotonic()
        if begun is None and kind == "saving":
            seen.update(_being_written(place))
            if len(seen) > skipped:
                begun = time.monotonic()
        return begun is not None and time.monotonic() - begun >= delay

    return due


def _steps(place: Path) -> list[int]:
    """The steps written down, but for one that is half written."""
    try:
        lines = (place / "steps").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [int(line) for line in lines if line.endswith("\n")]


def _being_written(place: Path) -> list[Path]:
    return [*place.glob("checkpoints/.epoch-*"), *place.glob("*/checkpoints/.epoch-*")]


def _newest(place: Path, steps: int) -> int:
    """The steps that the newest state has."""
    found = [0]
    for folder in [*place.glob("checkpoints/epoch-*"), *place.glob("*/checkpoints/epoch-*")]:
        match = re.fullmatch(r"epoch-(\d+)(?:-step-(\d+))?", folder.name)
        assert match, folder
        found.append(int(match[1]) * steps + int(match[2] or 0))
    return max(found)


def _compare(place: Path, expected: Path, tally: Tally) -> None:
    with np.load(place / "weights.npz") as found, np.load(expected / "weights.npz") as wanted:
        assert found.files == wanted.files
        for name in found.files:
            difference = np.abs(found[name].astype("float64") - wanted[name].astype("float64"))
            largest = float(np.max(difference, initial=0.0))
            tally.largest_difference = max(tally.largest_difference, largest)
    one, other = (History.load(each / "history.csv") for each in (place, expected))
    tally.other_histories += (one.history, one.epoch) != (other.history, other.epoch)
