"""What all trained predictors of images share: reading files, and the folder they are saved in.

A model file alone does not say how to read an image for it or what its outputs mean. The folder
holds JSON and arrays only, so that loading a predictor from someone else cannot run code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ...images.auditing.peculiarities import warn_of_losses
from ...images.decoding.reading import BadImageError
from ...images.decoding.validation import list_bad_files
from ...storage.atomic_files import atomic_directory
from ...visualization.rich_display import Display, Displayed
from ..sharing.model_card import CARD
from .architecture import build_architecture, write_architecture
from .classifier_folder import (
    CONFIG,
    FORMAT_VERSION,
    MODEL,
    WEIGHTS,
    as_plain,
    check_replaceable,
    inside,
    read_text,
    read_trained_on,
    write_trained_on,
)
from .preprocess_config import PreprocessConfig
from .weight_files import check_weights_file, load_weights

# The key of the preprocessing in config.json, and the one that the first versions wrote.
_PREPROCESS, _OLD_PREPROCESS = "preprocess", "pictures"


class ImagePredictor(Displayed):
    """A model with the preprocessing of its images; `Classifier` and the others are such.

    Attributes:
        model: The model.
        images: How a file becomes the model's input.
        metrics: Results by name, in types that JSON can represent.
        versions: Versions of the packages that the model was trained with.
        card: The model card, the `README.md` of its folder; "" for none.
        trained_on: The content hashes of the files that the model was trained on, of which its
            evaluation warns; empty if they are not known.
    """

    model: keras.Model
    images: PreprocessConfig
    metrics: dict[str, Any]
    versions: dict[str, str]
    card: str
    trained_on: frozenset[str]

    @property
    def target_size(self) -> tuple[int, int]:
        """Height and width that images are resized to."""
        return self.images.target_size

    @property
    def color_mode(self) -> str:
        """Color mode that images are read in."""
        return self.images.color_mode

    @property
    def standardization(self) -> dict[str, Any]:
        """Standardization of the pixels before they enter the model."""
        return dict(self.images.standardization)

    def _facts(self) -> dict[str, str]:
        raise NotImplementedError

    def _display(self) -> Display:
        height, width = self.target_size
        shown = {
            **self._facts(),
            "images": f"{height} × {width} pixels, {self.color_mode}",
            "model": f"{self.model.name}, {self.model.count_params():,} weights",
        }
        numbers = pd.DataFrame(self.metrics.items(), columns=["result", "value"])
        return Display(type(self).__name__, shown, {"Results": numbers})

    def check_input(self) -> None:
        """Check that preprocessed images fit the model.

        Raises:
            ValueError: If they do not.
        """
        expected = tuple(self.model.input_shape)[1:]
        fits = len(expected) == 3 and all(
            size in (None, actual) for size, actual in zip(expected, self.images.shape)
        )
        if not fits:
            raise ValueError(
                f"Expected images of shape {expected}, as the model takes them. Received: "
                f"preprocessing to shape {self.images.shape}."
            )

    def run_files(
        self,
        files: Sequence[str],
        batch_size: int,
        run: Callable[[np.ndarray, list[int]], None],
    ) -> dict[int, str]:
        """Read image files in batches and do something with each batch.

        Images of which too little is left as 8-bit colors are warned of, and so are images that
        their EXIF orientation turns.

        Args:
            files: The files.
            batch_size: Number of images read at a time.
            run: Is called with preprocessed images, shape (images, height, width, channels), and
                their positions among the files.

        Returns:
            Why files cannot be read, by their position.

        Raises:
            BadImageError: If none of the files can be read.
            ValueError: If the batch size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"Expected batch_size of at least 1. Received: {batch_size}.")
        errors: dict[int, str] = {}
        losses: dict[str, str] = {}
        turns: dict[str, str] = {}
        for start in range(0, len(files), batch_size):
            stop = min(start + batch_size, len(files))
            batch, reasons, lost, turned = self.images.read_batch(files[start:stop])
            losses |= lost
            turns |= turned
            errors |= {start + index: reason for index, reason in reasons.items()}
            good = [index for index in range(stop - start) if index not in reasons]
            if good:
                run(batch[good], [start + index for index in good])
        if len(errors) == len(files):
            listed = list_bad_files({files[index]: reason for index, reason in errors.items()})
            raise BadImageError(f"{len(files)} of {len(files)} files", f"cannot be read: {listed}")
        warn_of_losses(losses, turns, len(files))
        return errors

    def write(
        self,
        folder: str | os.PathLike[str],
        kind: str,
        settings: Mapping[str, Any],
        further: Callable[[Path], Mapping[str, Any]] | None = None,
    ) -> Path:
        """Save the predictor as one folder, atomically.

        Args:
            folder: The target folder. An existing predictor is replaced.
            kind: What the folder holds, one of `FORMATS`.
            settings: What is written to config.json beside what all predictors share.
            further: Writes further files to a folder, and returns further settings.

        Returns:
            The folder.

        Raises:
            FileExistsError: If the folder exists and holds something else.
            ValueError: If the model has a layer that cannot be stored.
            OSError: If the folder cannot be written or the disk is full.
        """
        target = Path(folder).expanduser().absolute()
        check_replaceable(target)
        architecture = write_architecture(self.model)
        config: dict[str, Any] = {
            "format": kind,
            "format_version": FORMAT_VERSION,
            **settings,
            _PREPROCESS: self.images.as_json(),
            "metrics": self.metrics,
            "versions": self.versions,
        }
        with atomic_directory(target) as temporary:
            config |= write_trained_on(temporary, self.trained_on)
            if further is not None:
                config |= further(temporary)
            # Names may hold bytes that are not valid UTF-8, which only escapes can store.
            described = json.dumps(config, indent=2, default=as_plain)
            (temporary / CONFIG).write_text(described, "utf-8")
            (temporary / MODEL).write_text(architecture, "utf-8")
            self.model.save_weights(temporary / WEIGHTS)
            if self.card:
                (temporary / CARD).write_text(self.card, "utf-8")
        return target


@dataclass(frozen=True)
class SavedParts:
    """What the folder of any predictor holds.

    Attributes:
        model: The model, with its weights, not compiled.
        images: How a file becomes the model's input.
        metrics: Results by name.
        versions: Versions of the packages that the model was trained with.
        card: The model card; "" for none.
        trained_on: The content hashes of the files that it was trained on; empty if not known.
    """

    model: keras.Model
    images: PreprocessConfig
    metrics: dict[str, Any]
    versions: dict[str, str]
    card: str
    trained_on: frozenset[str]


def read_parts(source: Path, config: Mapping[str, Any]) -> SavedParts:
    """Read what `ImagePredictor.write` wrote.

    Args:
        source: The folder.
        config: The content of its config.json.

    Returns:
        The parts.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or unsafe; so do `TypeError`, `KeyError` and
            `OverflowError`.
    """
    weights = inside(source, WEIGHTS)
    model = build_architecture(read_text(source, MODEL), check_weights_file(weights))
    load_weights(model, weights)
    preprocess = config[_OLD_PREPROCESS if _OLD_PREPROCESS in config else _PREPROCESS]
    return SavedParts(
        model,
        PreprocessConfig(**preprocess),
        dict(config["metrics"]),
        dict(config["versions"]),
        read_text(source, CARD) if (source / CARD).exists() else "",
        read_trained_on(source, config),
    )


def with_errors(table: pd.DataFrame, errors: Mapping[int, str]) -> pd.DataFrame:
    """Add the column `error` to a table of predictions if files could not be read.

    Args:
        table: One row per file.
        errors: Why files cannot be read, by their position.

    Returns:
        The table; the column is "" for files that could be read.

    Example:
        >>> with_errors(pd.DataFrame({"predicted": [1.0, None]}), {1: "is empty"})
           predicted     error
        0        1.0
        1        NaN  is empty
    """
    if not errors:
        return table
    return table.assign(error=[errors.get(index, "") for index in range(len(table))])


def check_one_class(predictor: object) -> None:
    """Refuse what gives an image several labels, or a number, where one class is needed.

    Args:
        predictor: A classifier or any other predictor.

    Raises:
        TypeError: If it is no classifier of one class an image.

    Example:
        >>> check_one_class(Path("cells"))
    """
    kind = getattr(predictor, "kind", None)
    if isinstance(predictor, ImagePredictor) and kind is not None:
        raise TypeError(f"Expected a classifier that gives each image one class. Received: {kind}.")
