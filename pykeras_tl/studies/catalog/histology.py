"""The study of nine tissues: NASNetMobile, its head alone and its last 50 layers.

Data: PathMNIST as MedMNIST gives it, `pathmnist.npz` or a folder of its arrays as `.npy`. The
images of 28×28 are resized a batch at a time, so that all of them can be used; the published
run held them resized in memory, and could use 11 % of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...images.datasets.medmnist import read_medmnist
from ...models.cuts import HISTOLOGY
from ..study import Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_images

_TISSUES = (
    "adipose",
    "background",
    "debris",
    "lymphocytes",
    "mucus",
    "smooth muscle",
    "normal colon mucosa",
    "cancer-associated stroma",
    "colorectal adenocarcinoma epithelium",
)
_BACKBONE = "nasnet_mobile"
_HEAD: dict[str, Any] = {
    "optimizer": {"name": "adam"},
    "epochs": 100,
    "early_stopping": {"monitor": "val_loss", "patience": 4},
}
_FINE_TUNING: dict[str, Any] = {
    "from": HISTOLOGY[_BACKBONE].name,
    "optimizer": {"name": "adam", "learning_rate": 8e-5},
    "epochs": 20,
    "early_stopping": {"monitor": "val_loss", "patience": 5},
    "augmentation": {
        "zoom_range": 0.3,
        "rotation_range": 50,
        "horizontal_flip": True,
        "vertical_flip": True,
    },
}


def trials(settings: Settings) -> list[Trial]:
    """Return the head alone, and the fine tuning after it.

    Args:
        settings: The seed, the weights, and whether to take the quick form.

    Returns:
        Two trials.
    """
    data = {"target_size": [224, 224], "batch_size": 32, "interpolation": "bilinear"}
    model = {"backbone": _BACKBONE, "weights": settings.weights}
    made = [
        Trial("head", data, model, _HEAD, settings.seed),
        Trial("fine-tuned", data, model, {**_HEAD, "fine_tune": _FINE_TUNING}, settings.seed),
    ]
    return [_quick(trial) for trial in made] if settings.quick else made


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Take the split of MedMNIST's authors.

    Args:
        data: `pathmnist.npz`, a folder that holds it, or a folder of its arrays.
        split: Not used: nothing is drawn.

    Returns:
        A table for each of `train`, `validation` and `test`.
    """
    inside = data / "pathmnist.npz"
    return read_medmnist(inside if inside.is_file() else data, _TISSUES)


def draw(folder: Path) -> None:
    """Draw a small data set in MedMNIST's form, with three of the classes.

    Args:
        folder: The folder to make.
    """
    classes = 3
    arrays: dict[str, Any] = {}
    for seed, (part, count) in enumerate({"train": 20, "val": 5, "test": 5}.items()):
        images = [generate_images(count, number, classes, 28, seed) for number in range(classes)]
        arrays[f"{part}_images"] = np.concatenate(images)
        arrays[f"{part}_labels"] = np.repeat(np.arange(classes), count)[:, None]
    folder.mkdir(parents=True)
    np.savez(folder / "pathmnist.npz", **arrays)


def _quick(trial: Trial) -> Trial:
    small = trial.with_data(target_size=[32, 32]).with_training(epochs=1)
    if "fine_tune" not in trial.training:
        return small
    return small.with_training(fine_tune={**_FINE_TUNING, "epochs": 1})


STUDY = Study(
    name="histology",
    title="Nine tissues: NASNetMobile, its head alone and its last 50 layers",
    trials=trials,
    tables=tables,
    published=(
        Published("head", "test accuracy", 0.8649, "of a run on 11 % of the images"),
        Published("fine-tuned", "test accuracy", 0.8779, "of a run on 11 % of the images"),
    ),
    notes=(
        "Of the last 50 layers, those with weights are the end of the last cell. Adam's own rate "
        "is taken for the head, and both flips for the augmentation.",
    ),
    draw=draw,
)
