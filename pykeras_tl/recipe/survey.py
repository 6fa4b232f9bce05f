"""A survey of the images to train on: how many, how balanced, how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from ..storage.shards.reading import open_file
from ..studies.image_groups import groups_of

_SAMPLE = 200


@dataclass(frozen=True)
class Survey:
    """What is known of a set of images before anything is trained on it.

    Attributes:
        images: Number of images.
        distinct: Number of groups of images that belong together, or of images without groups.
        copies: Whether these groups are the copies of one image.
        classes: Number of classes.
        smallest_class: The class with the fewest distinct images.
        smallest: How many those are.
        largest: How many distinct images the largest class has.
        height: Median height in pixels.
        width: Median width in pixels.
    """

    images: int
    distinct: int
    copies: bool
    classes: int
    smallest_class: str
    smallest: int
    largest: int
    height: int
    width: int

    def describe(self) -> str:
        """Return the survey as a sentence."""
        kind = "distinct" if self.copies else "groups"
        distinct = "" if self.distinct == self.images else f" ({self.distinct:,} {kind})"
        return (
            f"{self.images:,} images{distinct} of {self.classes} classes, "
            f"{self.height} × {self.width} pixels; the smallest class, {self.smallest_class}, has "
            f"{self.smallest:,}{'' if not distinct else ' of these'}."
        )


def survey_images(table: pd.DataFrame) -> Survey:
    """Look at a table of images.

    Args:
        table: The columns `filename` and `class`, and `group` or `original` where images belong
            together.

    Returns:
        The survey. The size is that of a sample of files, from their headers.

    Raises:
        ValueError: If no image has a size.

    Example:
        >>> from pathlib import Path
        >>> from pykeras_tl.images import list_images
        >>> from pykeras_tl.studies.catalog.synthetic_images import generate_class_folders
        >>> generate_class_folders(Path("images"), classes=2, count=3, size=8)
        >>> survey_images(list_images("images")).describe()
        '6 images of 2 classes, 8 × 8 pixels; the smallest class, class_00, has 3.'
    """
    found, copies = groups_of(table)
    groups = pd.Series(table.index if found is None else found, index=table.index)
    counts = groups.groupby(table["class"]).nunique()
    files = list(table["filename"].iloc[:: max(1, len(table) // _SAMPLE)])
    height, width = _median_size(files)
    return Survey(
        len(table),
        int(groups.nunique()),
        copies,
        len(counts),
        str(counts.idxmin()),
        int(counts.min()),
        int(counts.max()),
        height,
        width,
    )


def _median_size(files: Sequence[str]) -> tuple[int, int]:
    sizes = []
    for file in files:
        with open_file(file) as opened, Image.open(opened) as image:
            sizes.append((image.height, image.width))
    height, width = np.median(np.array(sizes), axis=0)
    return int(height), int(width)
