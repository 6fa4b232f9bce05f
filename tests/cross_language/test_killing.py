"""A training run in Rscript that is killed at random ends as an uninterrupted one.

Kills it twice, or a tenth as often as `PYKERAS_TL_KILLS` says.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from killing import KILLS, Tally, kill_trainings

_CHILD = Path(__file__).with_name("killed_run.R")


def test_killed_runs_end_as_uninterrupted_ones(
    start_rscript: Callable[..., subprocess.Popen[bytes]],
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def start(folder: Path) -> subprocess.Popen[bytes]:
        return start_rscript(_CHILD, images, folder)

    started = time.monotonic()
    assert start(tmp_path / "uninterrupted").wait() == 0
    seconds, tally = time.monotonic() - started, Tally()
    kill_trainings(
        start,
        tmp_path / "killed",
        tmp_path / "uninterrupted",
        max(2, KILLS // 10),
        4,
        seconds,
        random.Random(0),
        tally,
    )
    with capsys.disabled():
        print(f"\nRscript: {tally}")
    assert tally.largest_difference == 0
    assert tally.other_histories == 0
