"""The result of an audit as an HTML page and as a figure: pairs of copies side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from ...visualization import html_page
from ...visualization.style import TEXT_COLOR, finalize, new_figure, shorten
from ..decoding.thumbnails import read_thumbnail
from .copies import RELATIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_PAIRS = 24
_MAX_PROBLEMS = 200
_THUMBNAIL = 240
_MEANINGS = {
    "across splits": "The same image is in two splits, so results on one of them say little.",
    "across classes": "The same image has two labels, one of which is wrong.",
    "within class": "Keep these copies on the same side when you split this set.",
}


class AuditResult(Protocol):
    """What the page needs of an `Audit`."""

    @property
    def directory(self) -> Path | str:
        """The directory that was audited."""

    @property
    def problems(self) -> pd.DataFrame:
        """One row per problem."""

    @property
    def copies(self) -> pd.DataFrame:
        """One row per image and kind of copy."""

    @property
    def leaks(self) -> pd.DataFrame:
        """One row per split other than training."""

    def classes(self) -> pd.DataFrame:
        """Return the number of images per class and split."""

    def distinct(self) -> pd.DataFrame:
        """Return the number of distinct images per class and split."""

    def summary(self) -> str:
        """Return the findings in a few lines."""


def write_page(result: AuditResult, path: str | os.PathLike[str]) -> Path:
    """Write the result of an audit as one self-contained HTML page.

    Args:
        result: The result of `audit`.
        path: The file to write. Missing parent directories are created.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.images.auditing import audit
        >>> folder = Path(tempfile.mkdtemp())
        >>> result = audit(generate_blood_cells(folder / "cells", 2, 0, 0, size=(60, 80)))
        >>> "Audit of cells" in write_page(result, folder / "audit.html").read_text()
        True
    """
    others = result.problems[~result.problems["problem"].isin(RELATIONS)]
    others = others.sort_values("serious", ascending=False, kind="stable")
    relations = set(result.copies["relation"])
    return html_page.write_page(
        path,
        Path(__file__).with_name("audit.html.j2"),
        name=Path(result.directory).name,
        review=Path(path).with_name("review.html").is_file(),
        summary=result.summary(),
        classes=result.classes().reset_index(),
        distinct=result.distinct().reset_index() if len(result.copies) else None,
        leaks=result.leaks.assign(share=result.leaks["share"].map("{:.1%}".format)),
        sections=[_section(result, name) for name in RELATIONS if name in relations],
        problems=others.head(_MAX_PROBLEMS),
        more_problems=max(0, len(others) - _MAX_PROBLEMS),
    )


def plot_copies(result: AuditResult, relation: str = "across splits", count: int = 8) -> Figure:
    """Plot pairs of copies, one pair per row.

    Args:
        result: The result of `audit`.
        relation: "across splits", "across classes" or "within class".
        count: At most this many pairs, each from another group of copies.

    Returns:
        The figure. If there is no such pair, it contains a text that says so.

    Raises:
        ValueError: If `relation` is unknown.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.images.auditing import audit
        >>> result = audit(generate_blood_cells(tempfile.mkdtemp(), 2, 0, 0, size=(60, 80)))
        >>> plot_copies(result).texts[0].get_text()
        'No copies across splits'
    """
    if relation not in RELATIONS:
        raise ValueError(
            f"Expected `relation` to be one of {', '.join(RELATIONS)}. Received: {relation!r}."
        )
    pairs = _pairs(result, relation).head(count)
    if pairs.empty:
        figure = new_figure(6, 1.6)
        text = f"No copies {relation}"
        figure.text(0.5, 0.4, text, ha="center", fontsize=12, color=TEXT_COLOR)
        return finalize(figure)
    figure = new_figure(7, 2.6 * len(pairs))
    grid = figure.subplots(len(pairs), 2, squeeze=False)
    for row, names in zip(grid, pairs[["filename", "copy"]].to_numpy()):
        for axes, name in zip(row, names):
            axes.imshow(read_thumbnail(name, _THUMBNAIL))
            axes.set_title(shorten(_relative(result, name), 48), fontsize=7, color=TEXT_COLOR)
            axes.set_axis_off()
    return finalize(figure)


def _section(result: AuditResult, relation: str) -> dict[str, Any]:
    copies = result.copies[result.copies["relation"] == relation]
    return {
        "relation": relation,
        "meaning": _MEANINGS[relation],
        "images": copies["filename"].nunique(),
        "groups": copies["group"].nunique(),
        "pairs": [
            {
                "exact": pair["exact"],
                "images": {
                    _relative(result, name): html_page.embed_image(read_thumbnail(name, _THUMBNAIL))
                    for name in (pair["filename"], pair["copy"])
                },
            }
            for pair in _pairs(result, relation).head(_MAX_PAIRS).to_dict("records")
        ],
    }


def _pairs(result: AuditResult, relation: str) -> pd.DataFrame:
    copies = result.copies[result.copies["relation"] == relation]
    return copies.drop_duplicates("group")


def _relative(result: AuditResult, name: str) -> str:
    return Path(name).relative_to(result.directory).as_posix()
