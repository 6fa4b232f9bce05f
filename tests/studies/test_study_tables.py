"""The page of the studies: its tables are written from results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.write_tables import write_tables
from pykeras_tl.studies import study_names
from pykeras_tl.studies.catalog import cats_and_dogs, histology

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    rows = [
        ("soco", f"case-{case}", seed, 0, f"p{seed}", "test accuracy", case / 10 + seed / 100)
        for case in (1, 4)
        for seed in (0, 2)
    ]
    columns = ["study", "trial", "seed", "fold", "images", "metric", "value"]
    (tmp_path / "runs" / "skin").mkdir(parents=True)
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "runs/skin/results.csv", index=False)
    pd.DataFrame({"layer": ["a"], "sparsity": [0.5]}).to_csv(
        tmp_path / "runs/skin/sparsity.csv", index=False
    )
    return tmp_path / "runs"


def test_tables_are_written_between_their_lines(runs: Path, tmp_path: Path) -> None:
    kinds = ["published", "summary test accuracy", "pairs test accuracy", "sparsity.csv"]
    page = tmp_path / "page.md"
    blocks = [f"<!-- table: skin {kind} -->\nold\n<!-- end -->" for kind in kinds]
    page.write_text("\n".join(["before", *blocks, "after"]))
    write_tables([page], runs)
    written = page.read_text()
    write_tables([page], runs)
    assert page.read_text() == written
    write_tables([page], tmp_path / "elsewhere")
    assert page.read_text() == written
    assert "old" not in written
    assert written.startswith("before\n")
    assert written.endswith("\nafter")
    assert "| case-4 | test accuracy | 0.4353 | 2 | 0.4100 |" in written
    assert "| case-1 | 2 | 0.1100 | 0.0141 |" in written
    assert "| case-1 | case-4 | 2 | -0.3000 |" in written
    assert "| a | 0.5000 |" in written


def test_a_run_that_is_not_there_is_said_to_be_missing(runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- table: nowhere published -->\n<!-- end -->")
    write_tables([page], runs)
    assert "had not ended" in page.read_text()


def test_the_page_names_every_study_and_every_first_trained_layer() -> None:
    page = (_ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    layers = cats_and_dogs.FINE_TUNE_FROM | histology.FINE_TUNE_FROM
    for name in (*study_names(), *(layer.name for layer in layers.values())):
        assert f"`{name}`" in page
