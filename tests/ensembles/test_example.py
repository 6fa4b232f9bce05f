"""The example of ensembles on one's own images, in its quick form."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ensembles.py"


def test_the_example_leaves_its_tables_and_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.environ.get("PYKERAS_TL_QUICK_FORMS"):
        pytest.skip("half a minute; its parts are tested one by one: PYKERAS_TL_QUICK_FORMS=1")
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["ensembles", str(tmp_path / "drawn"), str(out), "--quick"])
    runpy.run_path(str(_EXAMPLE), run_name="__main__")
    assert pd.read_csv(out / "error-by-members.csv")["members"].max() == 2
    assert len(pd.read_csv(out / "ensembles.csv")) == 6
    assert len(pd.read_csv(out / "hybrids.csv")) == 3
    for name in ("error-by-members", "sparsity", "feature-maps", "filters"):
        assert (out / f"{name}.png").is_file()
