"""Trainings killed at random instants end as if they had not been: 12 kills, or more.

`PYKERAS_TL_KILLS=100 pytest -s tests/training/test_killing.py` is the long form.
"""

import random
import time
from pathlib import Path

import pytest
from killing import KILLS, ForkedChild, Tally, kill_trainings

_CHILD = Path(__file__).with_name("killed_run.py")
_KINDS = ("augmented", "frozen", "passes", "fine tuning")
_STEPS = 10


@pytest.mark.parametrize("kind", _KINDS)
def test_killed_at_any_instant_it_ends_as_if_it_had_not_been(tmp_path, kind, capsys):
    def start(folder):
        return ForkedChild(_CHILD, str(folder), kind)

    expected = tmp_path / "whole"
    begun = time.monotonic()
    whole = start(expected)
    while whole.poll() is None:
        time.sleep(0.01)
    assert whole.poll() == 0
    seconds = time.monotonic() - begun
    tally = Tally()
    number = _KINDS.index(kind)
    kills = len(range(number, KILLS, len(_KINDS)))
    chance = random.Random(number)
    kill_trainings(start, tmp_path / "killed", expected, kills, _STEPS, seconds, chance, tally)
    with capsys.disabled():
        print(f"\n{kind}: {tally}")
    assert tally.kills == kills
    assert tally.largest_difference == 0
    assert tally.other_histories == 0
