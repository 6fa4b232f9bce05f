"""The notebooks in Python run, and are committed with their outputs."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from code_blocks import ROOT

sys.path.insert(0, str(ROOT / "tools" / "docs"))

from run_notebooks import FOLDER, run

_NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
_MOST_BYTES = 300_000


@pytest.mark.slow
@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_its_outputs_are_of_the_same_kinds(path: Path, tmp_path: Path) -> None:
    committed, now = nbformat.read(path, as_version=4), run(path, str(tmp_path))
    assert [_kinds(cell) for cell in now.cells] == [_kinds(cell) for cell in committed.cells]


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_small(path: Path) -> None:
    assert path.stat().st_size < _MOST_BYTES


def test_each_has_a_twin_in_r_that_was_run() -> None:
    names = {path.stem for path in _NOTEBOOKS}
    assert names == {path.stem for path in FOLDER.glob("r/*.qmd")}
    assert names == {path.stem for path in FOLDER.glob("r/*.md")}


def _kinds(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell shows: text that is printed in several pieces counts once."""
    kinds = [
        mime for output in cell.get("outputs", []) for mime in output.get("data", {"printed": ""})
    ]
    return sorted(set(kinds))
