"""Runs the notebooks in Python, and saves them with their outputs.

    python tools/docs/run_notebooks.py [NAME ...]

Those in R are run by tools/docs/knit_notebooks.R.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


def run(path: Path, folder: str) -> nbformat.NotebookNode:
    """Run a notebook.

    Args:
        path: The notebook.
        folder: The folder that its code runs in.

    Returns:
        It, with outputs; what libraries log to the standard error is left out.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main(names: list[str]) -> None:
    """Run notebooks and save them.

    Args:
        names: Their names without the extension; all if empty.
    """
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory() as folder:
                nbformat.write(run(path, folder), path)


if __name__ == "__main__":
    main(sys.argv[1:])
