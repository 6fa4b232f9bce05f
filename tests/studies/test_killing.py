"""A study that is killed resumes within the trial, and ends with the same classifier."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from killing import ForkedChild

from pykeras_tl.models.saving.classifier import load_classifier
from pykeras_tl.studies.results.trial_results import read_result

_CHILD = Path(__file__).with_name("killed_study.py")


def wait(child: ForkedChild) -> None:
    while child.poll() is None:
        time.sleep(0.01)


def test_a_killed_study_goes_on_within_the_trial(colours: Path, tmp_path: Path) -> None:
    def start(folder: str) -> ForkedChild:
        return ForkedChild(_CHILD, str(colours), str(tmp_path / folder))

    child = start("killed")
    trials = tmp_path / "killed" / "trials"
    while not any(trials.glob("*.unfinished/*/checkpoints/epoch-000002")):
        assert child.poll() is None, "the study ended before it was killed"
        time.sleep(0.001)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    wait(child)
    # What was being done is taken for done by nobody.
    assert not any(trials.glob("*/result.json"))
    (state,) = trials.glob("*.unfinished/*/checkpoints/epoch-000002/state.json")
    written = state.stat().st_mtime_ns
    child = start("killed")
    while child.poll() is None:
        # An epoch that is trained again would be written again.
        with suppress(FileNotFoundError):
            assert state.stat().st_mtime_ns == written
        time.sleep(0.001)
    whole = start("whole")
    wait(whole)
    assert (child.poll(), whole.poll()) == (0, 0)
    places = [next((tmp_path / name / "trials").glob("only-*")) for name in ("killed", "whole")]
    one, other = (read_result(place) for place in places)
    assert one.metrics == other.metrics
    assert one.history().history == other.history().history
    assert [place.name for place in (tmp_path / "killed" / "trials").iterdir()] == [places[0].name]
    weights = [load_classifier(place / "classifier").model.get_weights() for place in places]
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
