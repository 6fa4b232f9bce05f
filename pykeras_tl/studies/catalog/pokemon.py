"""The study of 150 classes of few small images: DenseNet201 against VGG16.

Data: a folder with one folder of images for each class; 60 % for training, 20 % each for
validation and test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.datasets.folders import list_images
from ...images.datasets.splits import split_fractions
from ..study import Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_class_folders

_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
_BACKBONES: dict[str, dict[str, Any]] = {
    "densenet201": {"head": "pooling", "dense": []},
    "vgg16": {"head": "flatten", "dense": [256]},
}
_PUBLISHED = {"densenet201": (0.87, 0.86, 0.86), "vgg16": (0.68, 0.63, 0.63)}
# The publication gives neither the size, nor the decay of the rate, nor the patience.
_SIZE = [96, 96]
_TRAINING: dict[str, Any] = {
    "optimizer": {"name": "adam", "learning_rate": 1e-3},
    "epochs": 10,
    "lower_each_epoch": 0.9,
    "early_stopping": {"monitor": "val_loss", "patience": 3},
}


def trials(settings: Settings) -> list[Trial]:
    """Return the two backbones.

    Args:
        settings: The seed, also of the split; the weights; and whether to run the quick form.

    Returns:
        Two trials.
    """
    data = {"target_size": _SIZE, "batch_size": 32, "split": {"seed": settings.seed}}
    all_trials = [
        Trial(
            name,
            data,
            {"backbone": name, "weights": settings.weights, **head},
            _TRAINING,
            settings.seed,
        )
        for name, head in _BACKBONES.items()
    ]
    if not settings.quick:
        return all_trials
    return [
        trial.with_data(target_size=[32, 32]).with_training(
            epochs=2, optimizer={"name": "adam", "learning_rate": 1e-2}
        )
        for trial in all_trials
    ]


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Split the images at random into training, validation and test.

    Args:
        data: The folder that holds a folder for each class.
        split: `seed`.

    Returns:
        A table for each split.
    """
    table = split_fractions(list_images(data), _FRACTIONS, seed=split["seed"])
    return {name: table[table["split"] == name].drop(columns="split") for name in _FRACTIONS}


def generate_data(folder: Path) -> None:
    """Generate a small data set of eight classes.

    Args:
        folder: The folder to create.
    """
    generate_class_folders(folder, classes=8, count=15, size=40)


STUDY = Study(
    name="pokemon",
    title="150 classes of few small images: DenseNet201 against VGG16",
    trials=trials,
    tables=tables,
    published=tuple(
        Published(name, f"test macro {metric}", value)
        for name, values in _PUBLISHED.items()
        for metric, value in zip(("precision", "recall", "f1"), values, strict=True)
    ),
    notes=(
        "Where the publication gives no number, we use: images of 96×96 pixels, Adam at 1e-3, "
        "multiplied by 0.9 after every epoch, and a patience of three epochs.",
    ),
    generate_data=generate_data,
    metric="test macro f1",
)
