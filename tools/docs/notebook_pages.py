"""The notebooks in notebooks/, with their outputs, as pages of the site."""

from __future__ import annotations

import nbformat
from nbconvert import MarkdownExporter

from public_names import ROOT

FOLDER = ROOT / "notebooks"


def names() -> list[str]:
    """The pages of the notebooks, without their extension, those in Python first."""
    python = [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
    return python + [f"r/{path.stem}" for path in sorted(FOLDER.glob("r/*.md"))]


def pages() -> dict[str, str]:
    """The Markdown of each notebook.

    Returns:
        The text by the page's path, such as "notebooks/leaks.md".
    """
    return {f"notebooks/{name}.md": _markdown(name)[0] for name in names()}


def figures() -> dict[str, bytes]:
    """The figures of the notebooks by their path on the site."""
    found = {}
    for name in names():
        for path, content in _markdown(name)[1].items():
            found[f"notebooks/{path}"] = content
    return found


def _markdown(name: str) -> tuple[str, dict[str, bytes]]:
    if name.startswith("r/"):
        images = FOLDER.glob(f"{name}_files/*.png")
        content = {image.relative_to(FOLDER).as_posix(): image.read_bytes() for image in images}
        return (FOLDER / f"{name}.md").read_text("utf-8"), content
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    exporter = MarkdownExporter()
    text, resources = exporter.from_notebook_node(
        notebook, {"output_files_dir": f"{name}_files", "unique_key": name}
    )
    return text, resources["outputs"]
