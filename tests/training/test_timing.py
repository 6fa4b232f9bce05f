"""Training ends when its time is up, also if it was interrupted."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pykeras_tl import ImageDataGenerator, fit
from pykeras_tl.training import TimeLimit
from pykeras_tl.training.callbacks import timing


class _Time:
    """A clock that goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1
        return self.now


def train(monkeypatch: pytest.MonkeyPatch, minutes: float, **options):
    monkeypatch.setattr(timing, "time", _Time())
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    model.compile("sgd", "categorical_crossentropy")
    flow = ImageDataGenerator().flow(np.zeros((8, 4, 4, 3)), np.eye(2)[[0, 1] * 4], batch_size=2)
    limit = TimeLimit(minutes)
    return fit(model, flow, epochs=50, callbacks=[limit], verbose=0, **options), limit


def test_training_ends_in_the_middle_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Five ticks an epoch: four batches and the end. The clock is read once more at the start.
    history, limit = train(monkeypatch, 12.5 / 60)
    assert history.epoch == [0, 1, 2]
    assert 13 <= limit.seconds <= 15


def test_the_time_before_an_interruption_counts(monkeypatch, tmp_path) -> None:
    train(monkeypatch, 12.5 / 60, run_dir=tmp_path)
    history, _ = train(monkeypatch, 12.5 / 60, run_dir=tmp_path)
    assert len(history.epoch) <= 4


def test_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="minutes above 0"):
        TimeLimit(0)
