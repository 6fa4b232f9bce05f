import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from pykeras_tl.training.fitting import fit
from pykeras_tl.training.history import History
from pykeras_tl.training.run_folder import Place, RunFolder

_CHILD = Path(__file__).with_name("killed_run.py")
# `PYKERAS_TL_KILLS=100` is the long form.
_KILLS = int(os.environ.get("PYKERAS_TL_KILLS", "2"))


def start(folder, kind, epochs=6):
    return subprocess.Popen(
        [sys.executable, str(_CHILD), str(folder), kind, str(epochs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder, kind, epochs=6):
    process = start(folder, kind, epochs)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    with np.load(folder / "weights.npz") as weights:
        return History.load(folder / "history.csv"), list(weights.values())


@pytest.mark.parametrize("kind", ["augmented", "frozen"])
def test_killed_at_any_instant_it_ends_as_if_it_had_not_been(tmp_path, kind):
    expected, expected_weights = finish(tmp_path / "whole", kind)
    folder, chance = tmp_path / "killed", random.Random(0)
    for _ in range(_KILLS):
        process = start(folder, kind)
        checkpoints, wanted = folder / "checkpoints", chance.randrange(1, 6)
        # From the time on when there is something to lose, at some instant.
        while process.poll() is None and not (
            checkpoints.is_dir() and any(checkpoints.glob(f"epoch-*{wanted}"))
        ):
            time.sleep(0.005)
        time.sleep(chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    found, weights = finish(folder, kind)
    assert found.history == expected.history
    assert found.epoch == expected.epoch
    for one, other in zip(weights, expected_weights, strict=True):
        np.testing.assert_array_equal(one, other)


class Killed(BaseException):
    pass


class Kill(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._epoch:
            raise Killed


class Nothing(keras.callbacks.Callback):
    """In the killing callback's place."""


Nothing.__name__ = "Kill"


@pytest.fixture
def killed(tmp_path, make_flow, small_model):
    """A run of which three epochs are done."""
    with pytest.raises(Killed):
        fit(small_model(), make_flow(), epochs=5, callbacks=[Kill(3)], run_dir=tmp_path, verbose=0)
    return tmp_path


def test_it_says_that_it_goes_on(killed, make_flow, small_model, capsys):
    history = fit(
        small_model(), make_flow(), epochs=5, callbacks=[Nothing()], run_dir=killed, verbose=2
    )
    assert "Going on after epoch 3" in capsys.readouterr().out
    assert history.epoch == [0, 1, 2, 3, 4]
    expected = fit(small_model(), make_flow(), epochs=5, verbose=0)
    assert history.history == expected.history


def test_a_run_that_is_done_trains_no_more_and_can_be_made_longer(tmp_path, make_flow, small_model):
    first = fit(small_model(), make_flow(), epochs=2, run_dir=tmp_path, verbose=0)
    model, flow = small_model(), make_flow()
    again = fit(model, flow, epochs=2, run_dir=tmp_path, verbose=0)
    assert (again.history, again.epoch) == (first.history, first.epoch)
    assert int(model.optimizer.iterations) == 10
    longer = fit(small_model(), make_flow(), epochs=3, run_dir=tmp_path, verbose=0)
    assert longer.history == fit(small_model(), make_flow(), epochs=3, verbose=0).history


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"flow": {"batch_size": 10}}, "the batches of training"),
        ({"flow": {"count": 32}}, "the pictures of training"),
        ({"flow": {"rotation_range": 5}}, "the augmentation of training"),
        ({"model": {"optimizer": "sgd"}}, "the optimizer"),
        ({"fit": {"steps_per_epoch": 2}}, "steps_per_epoch.*5 then, 2 now"),
    ],
)
def test_what_differs_is_told(killed, make_flow, small_model, change, told):
    model, flow = small_model(**change.get("model", {})), make_flow(**change.get("flow", {}))
    options = {"epochs": 5, "callbacks": [Nothing()], "verbose": 0} | change.get("fit", {})
    with pytest.raises(ValueError, match=f"cannot go on, since these differ: {told}"):
        fit(model, flow, run_dir=killed, **options)
    fit(model, flow, run_dir=killed, resume=False, **options | {"epochs": 1})


def test_resume_true_wants_a_checkpoint(tmp_path, make_flow, small_model):
    with pytest.raises(ValueError, match="no checkpoint"):
        fit(small_model(), make_flow(), run_dir=tmp_path, resume=True, verbose=0)


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "empty":
        data.clear()
    else:
        data[len(data) // 2] ^= 255
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["cut", "empty", "one byte"])
@pytest.mark.parametrize("name", ["arrays.npz", "state.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(killed, name, how):
    newest = sorted((killed / "checkpoints").iterdir())[-1]
    damage(newest / name, how)
    with pytest.warns(UserWarning, match=f"damaged checkpoint.*{newest.name}.*epoch-000002"):
        state, _ = RunFolder(killed).load()
    assert state["place"] == [2, 0]


def test_going_on_from_the_one_before_ends_the_same(killed, make_flow, small_model):
    damage(sorted((killed / "checkpoints").iterdir())[-1] / "arrays.npz", "one byte")
    with pytest.warns(UserWarning, match="damaged"):
        history = fit(
            small_model(), make_flow(), epochs=5, callbacks=[Nothing()], run_dir=killed, verbose=0
        )
    assert history.history == fit(small_model(), make_flow(), epochs=5, verbose=0).history


def test_with_all_damaged_it_stops(killed):
    for folder in (killed / "checkpoints").iterdir():
        damage(folder / "state.json", "cut")
    with pytest.raises(ValueError, match="Every checkpoint is damaged"):
        RunFolder(killed).load()


def test_the_last_two_are_kept(killed):
    names = sorted(folder.name for folder in (killed / "checkpoints").iterdir())
    assert names == ["epoch-000002", "epoch-000003"]


def test_a_second_process_is_refused(tmp_path, make_flow, small_model):
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(RuntimeError, match="Another process is training"),
    ):
        fit(small_model(), make_flow(), run_dir=tmp_path, verbose=0)
    fit(small_model(), make_flow(), run_dir=tmp_path, verbose=0)


def test_when_saving_fails_the_checkpoint_before_stays(killed, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        RunFolder(killed).save(Place(4), {}, {})
    assert RunFolder(killed).load()[0]["place"] == [3, 0]
    assert len(list((killed / "checkpoints").iterdir())) == 2


def test_a_flow_without_a_seed_goes_on_too(tmp_path, make_flow, small_model):
    def flow():
        made = make_flow(seed=None)
        made._random.seed(11)
        return made

    with pytest.raises(Killed):
        fit(small_model(), flow(), epochs=4, callbacks=[Kill(2)], run_dir=tmp_path, verbose=0)
    history = fit(
        small_model(), flow(), epochs=4, callbacks=[Nothing()], run_dir=tmp_path, verbose=0
    )
    assert history.history == fit(small_model(), flow(), epochs=4, verbose=0).history


def test_arrays_have_no_run_folder(tmp_path, pictures, small_model):
    with pytest.raises(TypeError, match="run_dir needs a flow"):
        fit(small_model(), *pictures, run_dir=tmp_path, verbose=0)
