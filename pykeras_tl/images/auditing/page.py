"""The audit as one page and as a figure: the pairs of copies side by side."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import jinja2
import numpy as np
import pandas as pd

from ...storage.atomic_files import atomic_file
from ..decoding.reading import read_image
from .copies import RELATIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .findings import Audit

_MOST_PAIRS = 24
_MOST_PROBLEMS = 200
_SIDE = 240
_MEANINGS = {
    "across splits": "The same thing stands in two splits: results on one say little.",
    "across classes": "The same thing bears two labels: one of them is wrong.",
    "within class": "Keep the copies on one side when this set is split.",
}


def write_page(found: Audit, path: str | os.PathLike[str]) -> Path:
    """Write the audit as one self-contained HTML page.

    Args:
        found: What `audit` returned.
        path: The file to write.

    Returns:
        Its path.

    Raises:
        OSError: When the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.images.auditing import audit
        >>> folder = Path(tempfile.mkdtemp())
        >>> found = audit(generate_blood_cells(folder / "cells", 2, 0, 0, size=(60, 80)))
        >>> "Audit of cells" in write_page(found, folder / "audit.html").read_text()
        True
    """
    # Names of files and classes are strangers' text.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pykeras_tl.images.auditing", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    others = found.problems[~found.problems["problem"].isin(RELATIONS)]
    others = others.sort_values("serious", ascending=False, kind="stable")
    leaks = found.leaks.assign(share=found.leaks["share"].map("{:.1%}".format))
    page = environment.get_template("page.html.j2").render(
        name=found.directory.name,
        summary=found.summary(),
        classes=_cells(found.classes().reset_index()),
        leaks=_cells(leaks),
        sections=[
            _section(found, name) for name in RELATIONS if name in set(found.copies["relation"])
        ],
        problems=_cells(others.head(_MOST_PROBLEMS)),
        more_problems=max(0, len(others) - _MOST_PROBLEMS),
    )
    target = Path(path)
    with atomic_file(target) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="surrogateescape")
    return target


def plot_copies(found: Audit, relation: str = "across splits", count: int = 8) -> Figure:
    """Draw pairs of images that show the same, one pair a row.

    Args:
        found: What `audit` returned.
        relation: "across splits", "across classes" or "within class".
        count: Pairs to draw, each of another group.

    Returns:
        The figure; it says so when there is no such pair.

    Raises:
        ValueError: When the relation is unknown.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.images.auditing import audit
        >>> found = audit(generate_blood_cells(tempfile.mkdtemp(), 2, 0, 0, size=(60, 80)))
        >>> plot_copies(found).texts[0].get_text()
        'No copies across splits'
    """
    from matplotlib.figure import Figure

    if relation not in RELATIONS:
        raise ValueError(f"relation={relation!r}; expected one of {list(RELATIONS)}.")
    pairs = _pairs(found, relation).head(count)
    if pairs.empty:
        figure = Figure(figsize=(4, 1))
        figure.text(0.5, 0.5, f"No copies {relation}", ha="center", va="center")
        return figure
    figure = Figure(figsize=(7, 2.6 * len(pairs)), layout="constrained")
    axes = figure.subplots(len(pairs), 2, squeeze=False)
    for row, names in zip(axes, pairs[["filename", "copy"]].to_numpy()):
        for axis, name in zip(row, names):
            axis.imshow(_thumbnail(name))
            axis.set_title(_shown(found, name), fontsize=7, parse_math=False)
            axis.set_axis_off()
    return figure


def _section(found: Audit, relation: str) -> dict[str, Any]:
    copies = found.copies[found.copies["relation"] == relation]
    return {
        "relation": relation,
        "meaning": _MEANINGS[relation],
        "images": copies["filename"].nunique(),
        "groups": copies["group"].nunique(),
        "pairs": [
            {
                "exact": pair["exact"],
                "images": [
                    {"name": _shown(found, name), "data": _encoded(name)}
                    for name in (pair["filename"], pair["copy"])
                ],
            }
            for pair in _pairs(found, relation).head(_MOST_PAIRS).to_dict("records")
        ],
    }


def _pairs(found: Audit, relation: str) -> pd.DataFrame:
    copies = found.copies[found.copies["relation"] == relation]
    return copies.drop_duplicates("group")


def _shown(found: Audit, name: str) -> str:
    return Path(name).relative_to(found.directory).as_posix()


def _thumbnail(name: str) -> np.ndarray:
    image = read_image(name)
    scale = _SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _encoded(name: str) -> str:
    content = cv2.imencode(".jpeg", _thumbnail(name)[..., ::-1])[1]
    return base64.b64encode(content.tobytes()).decode()


def _cells(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {"columns": list(table.columns), "rows": table.to_numpy().tolist()}
