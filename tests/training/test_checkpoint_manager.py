import os
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from killing import ForkedChild

from pykeras_tl.training.checkpoints.checkpoint_manager import (
    CheckpointManager,
    TrainingProgress,
    finished_epochs,
)
from pykeras_tl.training.fit_function import fit

_CHILD = Path(__file__).with_name("killed_run.py")
_FILES = ("arrays.npz", "state.json", "checksums.txt")


def save(folder, *places, size=10):
    for place in places:
        folder.save(place, {"place": place}, {"a": np.arange(size) * (1 + place.epochs)})


def names(folder):
    return sorted(each.name for each in (folder.path / "checkpoints").iterdir())


@pytest.fixture
def three(tmp_path):
    folder = CheckpointManager(tmp_path / "run")
    save(folder, TrainingProgress(1), TrainingProgress(2), TrainingProgress(2, 30))
    return folder


def test_the_last_two_are_kept_in_the_order_of_training(three):
    assert names(three) == ["epoch-000002", "epoch-000002-step-000000030"]
    save(three, TrainingProgress(2, 400), TrainingProgress(3))
    assert names(three) == ["epoch-000002-step-000000400", "epoch-000003"]
    state, arrays = three.load()
    assert state == {"place": [3, 0]}
    np.testing.assert_array_equal(arrays["a"], np.arange(10) * 4)


def test_another_process_sees_how_far_it_has_come(three):
    assert finished_epochs(three.path) == 2
    save(three, TrainingProgress(3))
    # One that is being written has another name.
    (three.path / "checkpoints" / ".epoch-000004.tmp").mkdir()
    (three.path / "checkpoints" / "epoch-000004.part").mkdir()
    assert finished_epochs(three.path) == 3
    assert finished_epochs(three.path / "missing") == 0


def test_checksums_are_those_of_b2sum(three):
    if shutil.which("b2sum") is None:
        pytest.skip("no program b2sum to compare with")
    for folder in (three.path / "checkpoints").iterdir():
        subprocess.run(["b2sum", "--check", "--quiet", "checksums.txt"], cwd=folder, check=True)


@st.composite
def damages(draw):
    """A function that damages bytes: cut off, some changed, some put in, or all gone."""
    kind = draw(st.sampled_from(["cut", "change", "insert", "missing"]))
    where, what = draw(st.floats(0, 1, exclude_max=True)), draw(st.binary(min_size=1, max_size=40))

    def damage(path):
        data = path.read_bytes()
        place = int(where * len(data))
        if kind == "missing":
            path.unlink()
        elif kind == "cut":
            path.write_bytes(data[:place])
        elif kind == "insert":
            path.write_bytes(data[:place] + what + data[place:])
        else:
            changed = bytes(byte ^ (mask or 1) for byte, mask in zip(data[place:], what))
            path.write_bytes(data[:place] + changed + data[place + len(changed) :])

    return damage


@pytest.mark.slow
@given(damage=damages(), name=st.sampled_from(_FILES))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(tmp_path, damage, name):
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    folder = CheckpointManager(tmp_path / "run")
    save(folder, TrainingProgress(1), TrainingProgress(2))
    whole = (tmp_path / "run" / "checkpoints" / "epoch-000002" / name).read_bytes()
    damage(tmp_path / "run" / "checkpoints" / "epoch-000002" / name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        state, arrays = folder.load()
    if caught:
        assert "Skipping a damaged checkpoint" in str(caught[0].message)
        assert "epoch-000002" in str(caught[0].message)
        assert "Resuming from epoch-000001" in str(caught[0].message)
    else:
        # Only what stands between and around the checksums may change unseen.
        assert name == "checksums.txt"
        kept = (tmp_path / "run" / "checkpoints" / "epoch-000002" / name).read_bytes()
        assert set(whole.splitlines()) <= set(kept.splitlines())
    number = 1 if caught else 2
    assert state == {"place": [number, 0]}
    np.testing.assert_array_equal(arrays["a"], np.arange(10) * (1 + number))


def test_a_damaged_checkpoint_takes_no_place_of_the_last_two(three):
    (three.path / "checkpoints" / "epoch-000002-step-000000030" / "arrays.npz").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"arrays\.npz does not have its checksum"):
        three.load()
    save(three, TrainingProgress(2, 20))
    assert names(three) == ["epoch-000002", "epoch-000002-step-000000020"]


def test_with_all_damaged_it_stops(three):
    for folder in (three.path / "checkpoints").iterdir():
        (folder / "state.json").write_text("{}")
    with pytest.raises(ValueError, match=r"Every checkpoint is damaged.*epoch-000002.*start over"):
        three.load()


def test_what_a_killed_process_left_half_written_is_removed(three):
    (three.path / "checkpoints" / ".epoch-000003-x1y2").mkdir()
    with three.locked():
        assert names(three) == ["epoch-000002", "epoch-000002-step-000000030"]


@pytest.mark.slow
def test_a_second_process_is_refused_until_the_first_has_gone(tmp_path, make_flow, small_model):
    first = ForkedChild(_CHILD, str(tmp_path), "augmented")
    while not (tmp_path / "steps").exists():
        assert first.poll() is None
        time.sleep(0.01)
    with pytest.raises(RuntimeError, match=f"Another process is training in {tmp_path}"):
        fit(small_model(), make_flow(), run_dir=tmp_path, verbose=0)
    os.kill(first.pid, signal.SIGKILL)
    while first.poll() is None:
        time.sleep(0.01)
    assert fit(small_model(), make_flow(), run_dir=tmp_path, resume=False, verbose=0).epoch == [0]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(tmp_path, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def mount(place, *arguments):
    if shutil.which("mount") is None:
        pytest.skip("no program mount, to make a small disk")
    made = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small disk can be mounted by root only: {made.stderr.strip()}")


def test_on_a_full_disk_the_checkpoints_before_stay(small_disk):
    folder = CheckpointManager(small_disk)
    save(folder, TrainingProgress(1), TrainingProgress(2), size=50_000)
    with pytest.raises(OSError, match="No space left on device"):
        save(folder, TrainingProgress(3), size=50_000)
    assert names(folder) == ["epoch-000001", "epoch-000002"]
    assert folder.load()[0] == {"place": [2, 0]}


@pytest.mark.slow
def test_training_goes_on_beside_a_full_disk(small_disk, make_flow, small_model):
    def call(epochs, **run):
        # Its states take 300 kB each, of which two and the one being written do not fit.
        model = small_model(units=45)
        return fit(model, make_flow(), epochs=epochs, verbose=0, **run), model

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    with pytest.warns(UserWarning, match=r"after epoch 3.*No space left.*Free some space"):
        first, _ = call(3, run_dir=small_disk)
    assert first.epoch == [0, 1, 2]
    ballast.unlink()
    # It goes on from the second epoch.
    again, model = call(4, run_dir=small_disk)
    expected, other = call(4)
    assert again.history == expected.history
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_read_only_folder_is_refused_at_once(small_disk, make_flow, small_model):
    mount(small_disk, "-o", "remount,ro", str(small_disk))
    for place in (small_disk, small_disk / "run"):
        with pytest.raises(OSError, match=r"run folder cannot be written.*choose another run_dir"):
            fit(small_model(), make_flow(), run_dir=place, verbose=0)
