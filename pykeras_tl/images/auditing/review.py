"""A page that shows images to filter and mark, and writes the marks as a table of corrections."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...visualization import html_page
from ..decoding.thumbnails import read_thumbnail
from ..progress import progress_bar
from ..threads import default_workers, parallel_for

# About 10 MB of thumbnails: what a browser still scrolls through smoothly.
MAX_IMAGES = 2000
_THUMBNAIL = 128
_FOLDER = Path(__file__).parent


def write_review(
    path: str | os.PathLike[str],
    images: pd.DataFrame,
    directory: Path | str,
    classes: Sequence[str],
    title: str,
    total: int | None = None,
) -> Path:
    """Write a self-contained HTML page on which images are marked to be left out or relabelled.

    The page works without a network. Its button saves the marks as a CSV file, `corrections.csv`,
    which `read_corrections` reads.

    Args:
        path: The file to write. Missing parent directories are created.
        images: The readable images, of which the page holds the first 2,000: `filename`, `class`,
            `split` ("" if there is none), `issues` (names of problems, one a line), and
            optionally `suggested` and `probability`, of another class.
        directory: The directory that they are in; the table has their names relative to it.
        classes: The classes that there are.
        title: Title of the page.
        total: Number of all images, if these are a part of them.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.

    Example:
        >>> from pykeras_tl.images import generate_blood_cells, list_images
        >>> folder = generate_blood_cells("cells", 1, 0, 0, size=(24, 32)) / "TRAIN"
        >>> images = list_images(folder).assign(split="", issues="")
        >>> page = write_review("review.html", images, folder, ["MONOCYTE"], "Cells")
        >>> page.read_text().count("<figure")
        4
    """
    total = len(images) if total is None else total
    images = images.head(MAX_IMAGES)
    issues = {issue for text in images["issues"] for issue in text.split("\n")} - {""}
    return html_page.write_page(
        path,
        _FOLDER / "review.html.j2",
        script=(_FOLDER / "review.js.j2").read_text(encoding="utf-8"),
        title=title,
        count=len(images),
        total=total,
        classes=sorted(classes),
        splits=sorted(set(images["split"]) - {""}),
        issues=sorted(issues),
        cards=_cards(images, directory),
    )


def choose_images(images: pd.DataFrame, count: int = MAX_IMAGES) -> pd.DataFrame:
    """Choose the images to show: those with the most serious problems, then any.

    Args:
        images: Rows with the column `seriousness`, a number, in the order of the page.
        count: How many, at most.

    Returns:
        The chosen rows, in their order. Among equals they are drawn at random, with a fixed seed.

    Example:
        >>> images = pd.DataFrame({"filename": list("abcd"), "seriousness": [0, 2, 0, 1]})
        >>> choose_images(images, 2)["filename"].tolist()
        ['b', 'd']
    """
    if len(images) <= count:
        return images
    chance = np.random.default_rng(0).random(len(images))
    order = np.lexsort([chance, -images["seriousness"].to_numpy()])
    return images.iloc[np.sort(order[:count])]


def _cards(images: pd.DataFrame, directory: Path | str) -> Iterator[dict[str, Any]]:
    names = images["filename"].tolist()
    sources = [""] * len(names)

    def embed(number: int) -> None:
        sources[number] = html_page.embed_image(read_thumbnail(names[number], _THUMBNAIL)).source
        advance(1)

    with progress_bar("Making thumbnails", len(names)) as advance:
        parallel_for(embed, len(names), default_workers())
    for row, source in zip(images.to_dict("records"), sources):
        name = Path(row["filename"])
        inside = name.is_relative_to(directory)
        yield {
            "file": name.relative_to(directory).as_posix() if inside else str(name),
            "label": row["class"],
            "split": row["split"],
            "issues": [issue for issue in row["issues"].split("\n") if issue],
            "source": source,
            "suggested": row.get("suggested", ""),
            "certainty": f"{row.get('probability', 0):.0%}",
        }
