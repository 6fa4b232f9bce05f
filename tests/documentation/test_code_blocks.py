"""The Python code and the commands on the pages of the documentation run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import typer
from code_blocks import (
    PAGES,
    code_blocks,
    folder_for,
    make_folder,
    pages_with,
    shortened,
    skip_without_weights,
)

from pykeras_tl.cli.program import app


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation")
    make_folder(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: page.stem)
def test_python_runs(
    page: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [block for block in code_blocks(page, "python") if block.runs]
    if any("efficientnet_lite0" in block.code for block in blocks):
        skip_without_weights()
    matplotlib.use("agg")
    # A page that imports it expects that this does something.
    monkeypatch.delitem(sys.modules, "pykeras_tl.keras2", raising=False)
    monkeypatch.chdir(folder_for(page, "python", shared, tmp_path / page.stem))
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks:
        # The empty lines make tracebacks name the line of the page.
        code = "\n" * (block.line - 1) + shortened(block.code)
        exec(compile(code, str(page), "exec"), names)


def test_a_block_that_does_not_run_says_why(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n\n<!-- not run: no cluster -->\n```python\ny = 1\n```\n\n"
        '=== "Python"\n\n    ```python\n    if x:\n        z = x\n    ```\n'
    )
    blocks = code_blocks(page, "python")
    assert [(block.line, block.runs) for block in blocks] == [(2, True), (7, False), (13, True)]
    assert blocks[2].code == "if x:\n    z = x\n"


def _commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in code_blocks(page, "sh"):
            lines = re.sub(r"\\\n\s*", " ", block.code).splitlines()
            found += [
                (page.stem, line) for line in lines if re.match(r"(\.venv/bin/)?pykeras-tl ", line)
            ]
    return found


@pytest.mark.parametrize(("page", "line"), _commands())
def test_commands_have_the_options_that_the_pages_give(page: str, line: str) -> None:
    _, name, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    if hasattr(command, "commands"):
        arguments = [argument for argument in arguments if argument not in command.commands]
    given = {argument for argument in arguments if argument.startswith("--")}
    assert given <= options
