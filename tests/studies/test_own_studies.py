"""Studies in a file of your own, such as the one in the documentation."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pykeras_tl.studies import get_study, read_runs, run_study

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The complete example of the documentation, as a file."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "light_study", raising=False)
    page = (_ROOT / "docs" / "new_study.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "light_study.py").write_text(example)
    return tmp_path / "light_study.py"


@pytest.mark.slow
def test_the_documented_study_runs(written: Path, tmp_path: Path) -> None:
    result = run_study(str(written), None, tmp_path / "out", quick=True, repeats=1, epochs=1)
    assert not result.failures
    assert list(result.table["trial"]) == ["plain", "augmented"]
    assert list(read_runs([result.folder])["study"].unique()) == ["light"]


@pytest.mark.slow
def test_the_example_of_two_backbones_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = run_study(
        str(_ROOT / "examples" / "two_backbones.py"),
        *(None, tmp_path / "out"),
        **{"quick": True, "repeats": 1, "epochs": 1, "weights": None},
        trials="squeezenet-own-scaling",
    )
    assert not result.failures
    assert list(result.table["trial"]) == ["squeezenet-own-scaling"]


def test_a_module_beside_a_study_hides_no_other(written: Path) -> None:
    (written.parent / "json.py").write_text("")
    get_study(str(written))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(json.loads, "[1]").result() == [1]


def test_files_that_are_no_study_are_refused(tmp_path: Path) -> None:
    path = list(sys.path)
    with pytest.raises(FileNotFoundError, match="No such file"):
        get_study(str(tmp_path / "nowhere.py"))
    (tmp_path / "empty_study.py").write_text("")
    with pytest.raises(ValueError, match="defines no STUDY"):
        get_study(str(tmp_path / "empty_study.py"))
    (tmp_path / "json.py").write_text("")
    with pytest.raises(ValueError, match="not the name of another module"):
        get_study(str(tmp_path / "json.py"))
    (tmp_path / "no-name.py").write_text("")
    with pytest.raises(ValueError, match="cannot be imported"):
        get_study(str(tmp_path / "no-name.py"))
    assert sys.path == path


def test_a_study_that_was_mended_is_read_anew(written: Path) -> None:
    whole = written.read_text()
    written.write_text("raise RuntimeError('half written')")
    with pytest.raises(RuntimeError, match="half written"):
        get_study(str(written))
    written.write_text(whole)
    assert get_study(str(written)).name == "light"
