from __future__ import annotations

from pathlib import Path

import pytest

from pykeras_tl.storage.atomic_files import (
    atomic_directory,
    atomic_file,
    cache_directory,
    require_free_space,
)


def _write_half_and_fail(path: Path) -> None:
    with path.open("w") as file:
        file.write("half")
        file.write(None)  # type: ignore[arg-type]


def test_whole_file_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.csv"
    with atomic_file(target) as path:
        path.write_text("half")
        assert not target.exists()
        assert path.suffix == ".csv"
        path.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_whole_file_keeps_the_old_content_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(TypeError, match="str"), atomic_file(target) as path:
        _write_half_and_fail(path)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_whole_folder_replaces_a_folder_at_once(tmp_path: Path) -> None:
    target = tmp_path / "classifier"
    target.mkdir()
    (target / "old").write_text("old")
    with atomic_directory(target) as folder:
        (folder / "new").write_text("new")
        assert (target / "old").exists()
    assert [file.name for file in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_whole_folder_keeps_the_old_folder_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "classifier"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(TypeError, match="str"), atomic_directory(target) as folder:
        _write_half_and_fail(folder / "new")
    assert (target / "old").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_cache_directory_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYKERAS_TL_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("PYKERAS_TL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory().name == "pykeras_tl"


def test_free_space_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    require_free_space(tmp_path, 1)
    with pytest.raises(OSError, match=r"MB are free in .* are needed: make room"):
        require_free_space(tmp_path, 10**18)
