"""The R code on the pages of the documentation runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from code_blocks import (
    code_blocks,
    folder_for,
    make_folder,
    pages_with,
    shortened,
    skip_without_weights,
)


@pytest.mark.slow
def test_r_runs(rscript: Any, tmp_path: Path) -> None:
    skip_without_weights()
    shared = tmp_path / "shared"
    make_folder(shared)
    # One session for all pages, since R and Python take long to start.
    code = ["grDevices::pdf(NULL)"]
    for page in pages_with("r"):
        folder = folder_for(page, "r", shared, tmp_path / "pages" / page.stem)
        blocks = [shortened(block.code) for block in code_blocks(page, "r") if block.runs]
        code += [f'setwd("{folder}")', "local({", *blocks, f'}}); message("{page.stem} has run")']
    rscript("\n".join(code))
