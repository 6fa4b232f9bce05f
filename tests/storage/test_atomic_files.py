from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pykeras_tl.storage.atomic_files import (
    _exchanging_rename,
    atomic_directory,
    atomic_file,
    cache_directory,
    recover_directories,
    recover_directory,
    require_free_space,
)


def _write_half_and_fail(path: Path) -> None:
    with path.open("w") as file:
        file.write("half")
        file.write(None)  # type: ignore[arg-type]


def test_atomic_file_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.csv"
    with atomic_file(target) as path:
        path.write_text("half")
        assert not target.exists()
        assert path.suffix == ".csv"
        path.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_atomic_file_keeps_the_old_content_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(TypeError, match="str"), atomic_file(target) as path:
        _write_half_and_fail(path)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_directory_replaces_a_folder_at_once(tmp_path: Path) -> None:
    target = tmp_path / "classifier"
    target.mkdir()
    (target / "old").write_text("old")
    with atomic_directory(target) as folder:
        (folder / "new").write_text("new")
        assert (target / "old").exists()
    assert [file.name for file in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_directory_keeps_the_old_folder_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "classifier"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(TypeError, match="str"), atomic_directory(target) as folder:
        _write_half_and_fail(folder / "new")
    assert (target / "old").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.kill
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("signal", ["kill", "ctrl-c"])
@pytest.mark.parametrize(
    ("way", "action"), [("exchange", "replace"), ("renames", "replace"), ("exchange", "create")]
)
def test_an_interruption_at_any_system_call_loses_nothing(
    tmp_path: Path, signal: str, way: str, action: str
) -> None:
    if way == "exchange" and _exchanging_rename() is None:
        pytest.skip("this system cannot exchange two directories")
    script = Path(__file__).with_name("interrupted_writes.py")
    command = [sys.executable, str(script), str(tmp_path), signal, way, action]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_a_directory_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "classifier"
    with atomic_directory(target) as first:
        (first / "first").touch()
        with atomic_directory(target) as second:
            (second / "second").touch()
        recover_directories(tmp_path)
        assert first.exists()
    assert [file.name for file in target.iterdir()] == ["first"]
    assert list(tmp_path.iterdir()) == [target]


def test_leftovers_of_other_directories_are_left_alone(tmp_path: Path) -> None:
    names = [".a-b-0f9a31c2-replaced", ".a-0f9a31c2-partial", ".a-settings", "a-b"]
    for name in names:
        (tmp_path / name).mkdir()
    assert not recover_directory(tmp_path / "a").exists()
    with atomic_directory(tmp_path / "a"):
        pass
    left = {folder.name for folder in tmp_path.iterdir()}
    assert left == {"a", ".a-b-0f9a31c2-replaced", ".a-settings", "a-b"}


def test_the_only_copy_is_never_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = tmp_path / ".a-0f9a31c2-replaced"
    replaced.mkdir()
    monkeypatch.setattr(Path, "rename", _refuse)
    recover_directories(tmp_path)
    with pytest.raises(PermissionError), atomic_directory(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == [replaced]


def test_files_and_directories_have_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file") as file:
            file.touch()
        with atomic_directory(tmp_path / "directory"):
            pass
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "directory")]
    assert modes == [0o640, 0o750]


def test_a_link_to_a_directory_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "behind").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "behind")
    with atomic_directory(tmp_path / "link") as folder:
        (folder / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "behind" / "new").exists()


def test_a_file_is_not_replaced_by_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with (
        pytest.raises(FileExistsError, match="Received the file"),
        atomic_directory(tmp_path / "file"),
    ):
        pass
    assert (tmp_path / "file").read_text() == "content"


def _refuse(*_: object) -> None:
    raise PermissionError("not allowed")


def test_cache_directory_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYKERAS_TL_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("PYKERAS_TL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory().name == "pykeras_tl"
    if sys.platform == "linux":
        assert cache_directory() == tmp_path / "xdg" / "pykeras_tl"


def test_free_space_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    require_free_space(tmp_path, 1)
    with pytest.raises(OSError, match=r"Expected .* MB of free space in .* Received: .* MB"):
        require_free_space(tmp_path, 10**18)


@pytest.mark.slow
def test_readers_find_what_a_killed_writer_had_moved_aside(tmp_path: Path) -> None:
    import keras
    import numpy as np

    from pykeras_tl.evaluation import Evaluation, prediction_table
    from pykeras_tl.models.saving.classifier import Classifier, load_classifier
    from pykeras_tl.models.saving.preprocess_config import PreprocessConfig
    from pykeras_tl.studies.results.trial_results import is_done
    from pykeras_tl.training.checkpoints.checkpoint_manager import (
        CheckpointManager,
        TrainingProgress,
    )

    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    classifier = Classifier(keras.Sequential(layers), ["cat", "dog"], PreprocessConfig((8, 8)))
    _move_aside(classifier.save(tmp_path / "classifier"))
    assert load_classifier(tmp_path / "classifier").class_names == ["cat", "dog"]

    table = prediction_table(["a"], ["cat"], np.array([[0.75, 0.25]]), ["cat", "dog"])
    _move_aside(Evaluation(table).save(tmp_path / "evaluation"))
    assert Evaluation.load(tmp_path / "evaluation").accuracy == 1

    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "result.json").touch()
    _move_aside(tmp_path / "trial")
    assert is_done(tmp_path / "trial")

    checkpoints = CheckpointManager(tmp_path / "run")
    checkpoints.save(TrainingProgress(1), {"loss": 2}, {})
    _move_aside(tmp_path / "run" / "checkpoints" / "epoch-000001")
    with CheckpointManager(tmp_path / "run").locked():
        assert checkpoints.load() == ({"loss": 2}, {})


def _move_aside(folder: Path) -> None:
    folder.rename(folder.with_name(f".{folder.name}-0f9a31c2-replaced"))
