"""The splits of a study's data: tables of files, their digests, and the iterators over them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..images.datasets.array_files import index_column
from ..images.datasets.directory_tree import folder_or_url, join
from ..images.datasets.folders import list_images
from ..images.decoding.reading import BadImageError
from ..images.decoding.validation import check_files, list_bad_files
from ..storage.shards.reading import file_status
from .trial import TRAINED_ON, Trial
from .trial_config import TrialSettings

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator

# The iterator over `train` with the augmentation of the fine tuning.
FINE_TUNING = "fine tuning"
# The column that holds the weight of each image in training.
_WEIGHT = "weight"


def split_tables(data: Path | str, **folders: str) -> dict[str, pd.DataFrame]:
    """List the images of each split, where each has a folder of its own.

    Args:
        data: The folder that holds the splits, or its URL.
        **folders: The folder of each split, inside `data`.

    Returns:
        A table with the columns `filename` and `class` for each split.

    Raises:
        FileNotFoundError: If a folder is missing; the message lists the expected ones.
        ValueError: If the splits have different classes.

    Example:
        >>> from pykeras_tl.studies.catalog.synthetic_images import generate_class_folders
        >>> for split in ("train", "test"):
        ...     generate_class_folders(Path("images") / split, classes=2, count=3, size=8)
        >>> {split: len(table) for split, table in split_tables("images", train="train").items()}
        {'train': 6}
    """
    root = folder_or_url(data)
    missing = [
        name for name in folders.values() if isinstance(root, Path) and not (root / name).is_dir()
    ]
    if missing:
        raise FileNotFoundError(
            f"Expected the folders {', '.join(folders.values())} in {root}. "
            f"Missing: {', '.join(missing)}."
        )
    tables = {split: list_images(join(root, name)) for split, name in folders.items()}
    classes = {split: sorted(table["class"].unique()) for split, table in tables.items()}
    first, *others = classes
    for other in others:
        if classes[other] != classes[first]:
            raise ValueError(
                f"Expected the same classes in {folders[first]} and {folders[other]} of {root}. "
                f"Received: {classes[first]} and {classes[other]}."
            )
    return tables


def without_bad_files(
    tables: Mapping[str, pd.DataFrame], on_bad: str | None
) -> dict[str, pd.DataFrame]:
    """Look all image files through before anything is trained on them.

    Args:
        tables: The images of each split. Images in array files are not looked at.
        on_bad: "raise" an error that names all bad files, "skip" to leave them out with a
            warning, or None to not look.

    Returns:
        The tables, without the bad files.

    Raises:
        BadImageError: If there are bad files and `on_bad` is "raise".
        ValueError: If `on_bad` is something else.

    Example:
        >>> Path("empty.png").touch()
        >>> table = pd.DataFrame({"filename": ["empty.png"], "class": ["cat"]})
        >>> without_bad_files({"train": table}, "raise")
        Traceback (most recent call last):
        pykeras_tl.images.decoding.reading.BadImageError: 1 of 1 image files cannot be used:
        empty.png is empty. Remove them, or leave them out with on_bad="skip" (--skip-bad on the
        command line).
    """
    if on_bad not in ("raise", "skip", None):
        raise ValueError(f'Expected on_bad to be "raise", "skip" or None. Received: {on_bad!r}')
    if on_bad is None:
        return dict(tables)
    columns = [table["filename"] for table in tables.values() if index_column(table) is None]
    files = list(dict.fromkeys(pd.concat(columns))) if columns else []
    bad = check_files(files, raise_error=False, quick=True)
    if not bad:
        return dict(tables)
    count = f"{len(bad)} of {len(files)} image files"
    listed = list_bad_files(bad)
    if on_bad == "raise":
        raise BadImageError(
            count,
            f'cannot be used: {listed}. Remove them, or leave them out with on_bad="skip" '
            "(--skip-bad on the command line)",
        )
    warnings.warn(f"{count} are left out: {listed}.", stacklevel=2)
    return {split: table[~table["filename"].isin(bad)] for split, table in tables.items()}


def digest_files(table: pd.DataFrame) -> str:
    """Return a digest of the names, classes and sizes of the files of a split.

    Args:
        table: Rows with `filename` and `class`.

    Returns:
        16 hexadecimal digits; the same for the same files, wherever their folder is.

    Example:
        >>> _ = Path("a.png").write_bytes(b"1234")
        >>> table = pd.DataFrame({"filename": ["a.png"], "class": ["cat"]})
        >>> digest_files(table) == digest_files(table.assign(filename=Path("a.png").resolve()))
        True
    """
    digest = hashlib.sha256()
    for filename, name in zip(table["filename"], table["class"], strict=True):
        path = Path(filename)
        line = f"{name}/{path.name}:{file_status(filename)[0]}\n"
        # Names on disk may hold bytes that are not valid UTF-8.
        digest.update(line.encode(errors="surrogateescape"))
    if column := index_column(table):
        digest.update(table[column].to_numpy("int64").tobytes())
    return digest.hexdigest()[:16]


def split_iterators(trial: Trial, tables: Mapping[str, pd.DataFrame]) -> dict[str, Iterator]:
    """Create an iterator over each split; only the images that are trained on are augmented.

    Args:
        trial: Its `data` determines target size, batch size, standardization and augmentation.
        tables: A table for each split, `train` among them.

    Returns:
        An iterator over batches for each split, and one called `fine tuning` if the trial
        augments the images differently there.

    Raises:
        ValueError: If the trial is incomplete, or images in one file have different weights.
    """
    classes = sorted(tables["train"]["class"].unique())
    factory = _IteratorFactory(trial.settings, classes)
    if trial.settings.data.standardize:
        factory = replace(factory, statistics=_channel_statistics(factory, tables["train"]))
    augmentation = trial.settings.data.augmentation
    iterators = {
        split: factory.iterate(table, augmentation, shuffle=True)
        if split in TRAINED_ON
        else factory.iterate(table)
        for split, table in tables.items()
    }
    fine_tuning = trial.settings.training.fine_tune
    if fine_tuning and fine_tuning.augmentation:
        iterators[FINE_TUNING] = factory.iterate(
            tables["train"], fine_tuning.augmentation, shuffle=True
        )
    return iterators


@dataclass(frozen=True)
class _IteratorFactory:
    settings: TrialSettings
    classes: list[str]
    statistics: tuple[np.ndarray, np.ndarray] | None = None

    def iterate(
        self,
        table: pd.DataFrame,
        augmentation: Mapping[str, Any] | None = None,
        shuffle: bool = False,
    ) -> Iterator:
        from ..images.image_data_generator import ImageDataGenerator

        data = self.settings.data
        augmenter_options = dict(augmentation or {})
        if self.statistics is not None:
            augmenter_options |= {"featurewise_center": True, "featurewise_std_normalization": True}
        generator = ImageDataGenerator(rescale=data.rescale, **augmenter_options)
        if self.statistics is not None:
            generator.mean, generator.std = self.statistics
        options: dict[str, Any] = {
            "target_size": data.target_size,
            "batch_size": data.batch_size,
            "classes": self.classes,
            "class_mode": self.settings.model.class_mode,
            "shuffle": shuffle,
            "seed": self.settings.seed,
            "interpolation": data.interpolation,
        }
        weights = _WEIGHT if shuffle and _WEIGHT in table else None
        if index_column(table):
            if weights:
                raise ValueError(
                    "Expected a table of image files: images in one array file cannot have "
                    "different weights, as boosting needs."
                )
            if data.dtype_range is not None:
                raise ValueError(
                    "Expected a table of image files with dtype_range. Received: images in one "
                    "array file; use rescale for their range."
                )
            return generator.flow_from_array_files(table, **options)
        return generator.flow_from_dataframe(
            table, weight_col=weights, formats="all", dtype_range=data.dtype_range, **options
        )


def _channel_statistics(
    factory: _IteratorFactory, table: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean and standard deviation of each channel, a batch at a time."""
    iterator = factory.iterate(table)
    count, total, squares = 0, np.zeros(3), np.zeros(3)
    for _ in range(len(iterator)):
        batch = next(iterator)[0].astype("float64")
        count += batch[..., 0].size
        total += batch.sum(axis=(0, 1, 2))
        squares += (batch**2).sum(axis=(0, 1, 2))
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.reshape(1, 1, 3).astype("float32"), deviation.reshape(1, 1, 3).astype("float32")
