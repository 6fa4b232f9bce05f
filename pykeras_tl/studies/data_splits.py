"""The parts of a study's data: tables of files, their digests, and the flows over them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..images.datasets.array_files import index_column
from ..images.datasets.folders import existing_folder, list_images
from .trial import TRAINED_ON, Trial

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator

# The flow over `train` with the augmentation of the fine tuning.
FINE_TUNING = "fine tuning"
# The column that tells how much an image weighs in training.
_WEIGHT = "weight"


def part_tables(data: Path, **folders: str) -> dict[str, pd.DataFrame]:
    """List the images of each part from a folder of its own.

    Args:
        data: The folder that holds the parts.
        **folders: The folder of each part, inside `data`.

    Returns:
        A table with the columns `filename` and `class` for each part.

    Raises:
        FileNotFoundError: When a folder is missing; the message lists those expected.
        ValueError: When the parts do not hold the same classes.
    """
    root = existing_folder(data)
    missing = [name for name in folders.values() if not (root / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{root} has no folder {', '.join(missing)}; "
            f"expected the folders {', '.join(folders.values())} in it."
        )
    tables = {part: list_images(root / name) for part, name in folders.items()}
    names = {part: sorted(table["class"].unique()) for part, table in tables.items()}
    first, *others = names
    for other in others:
        if names[other] != names[first]:
            raise ValueError(
                f"{folders[first]} and {folders[other]} in {root} hold different classes: "
                f"{names[first]} and {names[other]}."
            )
    return tables


def groups_of(table: pd.DataFrame) -> list[str] | None:
    """Return what each image of a part belongs to.

    Args:
        table: The part's images, with the column `group` where there are groups.

    Returns:
        The groups in the table's order; None where every image stands for itself.

    Example:
        >>> groups_of(pd.DataFrame({"filename": ["a.png"], "group": [7]}))
        ['7']
    """
    return table["group"].astype(str).tolist() if "group" in table else None


def digest(table: pd.DataFrame) -> str:
    """Return a digest of the files of a part: their places below the common folder and sizes.

    Args:
        table: Rows with `filename` and `class`.

    Returns:
        16 hexadecimal digits; the same for the same files wherever the folder stands.
    """
    made = hashlib.sha256()
    for filename, name in zip(table["filename"], table["class"], strict=True):
        path = Path(filename)
        made.update(f"{name}/{path.name}:{path.stat().st_size}\n".encode())
    if column := index_column(table):
        made.update(table[column].to_numpy("int64").tobytes())
    return made.hexdigest()[:16]


def part_flows(trial: Trial, tables: Mapping[str, pd.DataFrame]) -> dict[str, Iterator]:
    """Make a flow over each part: the images trained on are augmented, the others never.

    Args:
        trial: Its `data` says target size, batch size, standardization and augmentation.
        tables: A table for each part, `train` among them.

    Returns:
        A flow of batches for each part; and for `fine tuning`, where the trial augments it in
        another way.
    """
    classes = sorted(tables["train"]["class"].unique())
    statistics = _statistics(trial, tables["train"], classes)
    plain, augmentation = _Settings(trial, classes, statistics), trial.data.get("augmentation")
    flows = {
        part: plain.flow(table, augmentation, shuffle=True)
        if part in TRAINED_ON
        else plain.flow(table)
        for part, table in tables.items()
    }
    fine = trial.training.get("fine_tune", {}).get("augmentation")
    if fine:
        flows[FINE_TUNING] = plain.flow(tables["train"], fine, shuffle=True)
    return flows


@dataclass(frozen=True)
class _Settings:
    trial: Trial
    classes: list[str]
    statistics: tuple[np.ndarray, np.ndarray] | None = None

    def flow(
        self,
        table: pd.DataFrame,
        augmentation: Mapping[str, Any] | None = None,
        shuffle: bool = False,
    ) -> Iterator:
        from ..images.image_data_generator import ImageDataGenerator

        data = self.trial.data
        options = dict(augmentation or {})
        if self.statistics is not None:
            options |= {"featurewise_center": True, "featurewise_std_normalization": True}
        generator = ImageDataGenerator(rescale=data.get("rescale"), **options)
        if self.statistics is not None:
            generator.mean, generator.std = self.statistics
        settings = {
            "target_size": tuple(data["target_size"]),
            "batch_size": data["batch_size"],
            "classes": self.classes,
            "class_mode": class_mode(self.trial),
            "shuffle": shuffle,
            "seed": self.trial.seed,
            "interpolation": data.get("interpolation", "nearest"),
        }
        weights = _WEIGHT if shuffle and _WEIGHT in table else None
        if index_column(table):
            if weights:
                raise ValueError(
                    "Images that lie together in one file cannot weigh differently, as boosting "
                    "needs; give a table of image files."
                )
            return generator.flow_from_array_files(table, **settings)
        return generator.flow_from_dataframe(table, weight_col=weights, **settings)


def class_mode(trial: Trial) -> str:
    """Return how a trial's classes become labels: two may share one unit."""
    return "binary" if trial.model.get("binary") else "categorical"


def _statistics(
    trial: Trial, table: pd.DataFrame, classes: list[str]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Measure mean and deviation of each channel, a batch at a time."""
    if not trial.data.get("standardize"):
        return None
    flow = _Settings(trial, classes).flow(table)
    pixels, total, squares = 0, np.zeros(3), np.zeros(3)
    for _ in range(len(flow)):
        batch = next(flow)[0].astype("float64")
        pixels += batch[..., 0].size
        total += batch.sum(axis=(0, 1, 2))
        squares += (batch**2).sum(axis=(0, 1, 2))
    mean = total / pixels
    deviation = np.sqrt(np.maximum(squares / pixels - mean**2, 0))
    return mean.reshape(1, 1, 3).astype("float32"), deviation.reshape(1, 1, 3).astype("float32")
