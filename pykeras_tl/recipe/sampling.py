"""Chooses some of many images: for the probes, and where most images are copies of few."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from ..studies.image_groups import groups_of
from .folder_splits import CALIBRATION

_logger = logging.getLogger(__name__)
# Images of the training part and of the validation part that probes look at.
_TRAINING, _PER_CLASS, _VALIDATION = 600, 8, 400
# Copies of an image that are used, on average: training turns and moves each anyway.
_COPIES = 8


def probe_sample(
    tables: Mapping[str, pd.DataFrame], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose the images that the probes look at.

    Args:
        tables: The images of each split, with `train` and `validation`.
        seed: Seeds the choice.

    Returns:
        Images to learn from and images to judge by: as many of each class as possible, and of
        each group one before a second.
    """
    training = tables["train"]
    count = max(_TRAINING, _PER_CLASS * training["class"].nunique())
    return sample_evenly(training, count, seed), sample_evenly(
        tables["validation"], _VALIDATION, seed
    )


def sample_evenly(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Choose images: as many of each class as possible, and of each group one before a second.

    Args:
        table: Images with the column `class`, and `group` or `original` if there are groups.
        count: How many, at most.
        seed: Seeds the choice.

    Returns:
        The chosen rows, in the table's order.
    """
    shuffled = table.sample(frac=1, random_state=seed)
    groups, _ = groups_of(shuffled)
    if groups is not None:
        # The first image of every group comes before the second of any.
        turn = shuffled.groupby([shuffled["class"], pd.Series(groups, shuffled.index)]).cumcount()
        shuffled = shuffled.iloc[np.argsort(turn.to_numpy(), kind="stable")]
    place = shuffled.groupby("class").cumcount()
    chosen = shuffled.iloc[np.argsort(place.to_numpy(), kind="stable")[:count]]
    return chosen.sort_index().reset_index(drop=True)


def without_surplus_copies(
    tables: Mapping[str, pd.DataFrame], on_disk: Collection[str], seed: int
) -> dict[str, pd.DataFrame]:
    """Leave out copies of images where a set is few images in very many copies.

    Training makes copies of its own as it goes, and an epoch ends with a look at all images for
    validation, so that more of them take time and teach nothing.

    Args:
        tables: The images of each split, with the column `class`, and `original` if copies were
            looked for.
        on_disk: The splits that have a folder of their own. Where `validation` has one, all of it
            counts, since these images were given to judge by.
        seed: Seeds the choice.

    Returns:
        The tables. Those that are thinned out have eight images for each distinct one: each class
        keeps its share, and of each image one copy comes before a second, so that no image is lost
        altogether. A test part is complete.

    Example:
        >>> names = [f"{image}-{copy}.png" for image in "abcd" for copy in range(50)]
        >>> table = pd.DataFrame({"filename": names, "original": [name[0] for name in names]})
        >>> table["class"] = np.where(table["original"] < "c", "dark", "light")
        >>> thinned = without_surplus_copies({"train": table}, ["train"], seed=0)
        >>> thinned["train"]["original"].value_counts().tolist()
        [8, 8, 8, 8]
    """
    thin = ("train",) if "validation" in on_disk else ("train", "validation", CALIBRATION)
    return {
        name: _thin_out(name, table, seed) if name in thin else table
        for name, table in tables.items()
    }


def _thin_out(name: str, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    groups, copies = groups_of(table)
    if not copies or groups is None:
        return table
    distinct = len(set(groups))
    share = _COPIES * distinct / len(table)
    if share >= 1:
        return table
    originals = pd.Series(groups, table.index)
    kept = [
        sample_evenly(
            images, max(originals[images.index].nunique(), round(share * len(images))), seed
        )
        for _, images in table.groupby("class", sort=False)
    ]
    chosen = table[table["filename"].isin(pd.concat(kept)["filename"])]
    _logger.info(
        f"{name}: {len(table):,} images are copies of {distinct:,}. {len(chosen):,} of them are "
        "used, as training turns and moves them anyway."
    )
    return chosen
