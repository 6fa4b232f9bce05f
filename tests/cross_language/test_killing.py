"""A training in Rscript, killed at random instants, ends as if it had not been.

Two kills, or a tenth of `PYKERAS_TL_KILLS`.
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


def test_killed_at_any_instant_it_ends_as_if_it_had_not_been(
    start_rscript: Callable[..., subprocess.Popen[bytes]],
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def start(folder: Path) -> subprocess.Popen[bytes]:
        return start_rscript(_CHILD, images, folder)

    begun = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    seconds, tally = time.monotonic() - begun, Tally()
    kill_trainings(
        start,
        tmp_path / "killed",
        tmp_path / "whole",
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
