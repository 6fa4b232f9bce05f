"""The study of nine tissues: NASNetMobile, its head alone and its last 50 layers.

Data: PathMNIST from MedMNIST, either `pathmnist.npz` or a folder of its arrays as `.npy`. The
images of 28×28 pixels are resized a batch at a time, so that all of them can be used; the
published run kept the resized images in memory, and could use 11 % of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...images.datasets.medmnist import read_medmnist
from ..study import FineTuneFrom, Published, Settings, Study
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
# The last 50 layers; the first of them with weights are those of the last cell.
FINE_TUNE_FROM: dict[str, FineTuneFrom] = {_BACKBONE: FineTuneFrom(769, 719, "normal_add_3_11")}
_HEAD: dict[str, Any] = {
    "optimizer": {"name": "adam"},
    "epochs": 100,
    "early_stopping": {"monitor": "val_loss", "patience": 4},
}
_FINE_TUNING: dict[str, Any] = {
    "from": FINE_TUNE_FROM[_BACKBONE].name,
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
        settings: The seed, the weights, and whether to run the quick form.

    Returns:
        Two trials.
    """
    data = {"target_size": [224, 224], "batch_size": 32, "interpolation": "bilinear"}
    model = {"backbone": _BACKBONE, "weights": settings.weights}
    all_trials = [
        Trial("head", data, model, _HEAD, settings.seed),
        Trial("fine-tuned", data, model, {**_HEAD, "fine_tune": _FINE_TUNING}, settings.seed),
    ]
    return [_quick(trial) for trial in all_trials] if settings.quick else all_trials


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Use the split of MedMNIST's authors.

    Args:
        data: `pathmnist.npz`, a folder that holds it, or a folder of its arrays.
        split: Not used: the split is fixed.

    Returns:
        A table for each of `train`, `validation` and `test`.
    """
    file = data / "pathmnist.npz"
    return read_medmnist(file if file.is_file() else data, _TISSUES)


def generate_data(folder: Path) -> None:
    """Generate a small data set in MedMNIST's format, with three of the classes.

    Args:
        folder: The folder to create.
    """
    classes = 3
    arrays: dict[str, Any] = {}
    for seed, (split, count) in enumerate({"train": 20, "val": 5, "test": 5}.items()):
        images = [generate_images(count, number, classes, 28, seed) for number in range(classes)]
        arrays[f"{split}_images"] = np.concatenate(images)
        arrays[f"{split}_labels"] = np.repeat(np.arange(classes), count)[:, None]
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
        "Of the last 50 layers, those with weights are the end of the last cell. We use Adam's "
        "default rate for the head, and both flips for the augmentation.",
    ),
    generate_data=generate_data,
)
