"""Draws docs/images/why.png with the toolkit: the README's Python lines, then why.

    python tools/docs/draw_figure.py [OUT]

Takes two minutes on two cores.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import keras
import pandas as pd

from pykeras_tl import Classifier, explain_images, list_images
from pykeras_tl.evaluation import worst_mistakes

_ROOT = Path(__file__).resolve().parents[2]


def main(out: str = str(_ROOT / "docs" / "images" / "why.png")) -> None:
    """Run the README's lines in an empty folder, and draw one test cell of each class.

    Args:
        out: The PNG file to write.
    """
    path = Path(out).resolve()
    (code,) = re.findall(
        r"```python\n(.*?)```", (_ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        keras.utils.set_random_seed(1)
        names: dict = {}
        exec(code, names)
        cells = list_images("cells/TEST").groupby("class").head(1)
        mistakes = worst_mistakes(names["result"].predictions, 2)
        shown = pd.concat([cells, mistakes[["filename", "class"]]])
        why = explain_images(Classifier.from_flow(names["model"], names["train"]), shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        why.plot().savefig(path, dpi=72)
        os.chdir(_ROOT)


if __name__ == "__main__":
    main(*sys.argv[1:])
