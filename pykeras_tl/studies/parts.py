"""The parts of a study's data: tables of files, their digests, and the flows over them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..images.scan import existing_folder, list_images

if TYPE_CHECKING:
    from ..images.iterators import Iterator
    from .trial import Trial


def part_tables(data: Path, **folders: str) -> dict[str, pd.DataFrame]:
    """List the pictures of each part from a folder of its own.

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
    return made.hexdigest()[:16]


def part_flows(trial: Trial, tables: dict[str, pd.DataFrame]) -> dict[str, Iterator]:
    """Make a flow over each part: the training pictures augmented, the others never.

    Args:
        trial: Its `data` says target size, batch size, factor and augmentation.
        tables: A table for each part, `train` among them.

    Returns:
        A flow of batches for each part.
    """
    from ..images.generator import ImageDataGenerator

    rescale = trial.data.get("rescale")
    augmented = ImageDataGenerator(rescale=rescale, **_augmentation(trial))
    plain = ImageDataGenerator(rescale=rescale)
    classes = sorted(tables["train"]["class"].unique())
    return {
        part: (augmented if part == "train" else plain).flow_from_dataframe(
            table,
            target_size=tuple(trial.data["target_size"]),
            batch_size=trial.data["batch_size"],
            classes=classes,
            shuffle=part == "train",
            seed=trial.seed,
            interpolation=trial.data.get("interpolation", "nearest"),
        )
        for part, table in tables.items()
    }


def _augmentation(trial: Trial) -> dict[str, Any]:
    return dict(trial.data.get("augmentation") or {})
