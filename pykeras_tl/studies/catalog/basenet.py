"""The BaseNet study: six optimizers by cross-validation, then a network improved three times.

Data: 25 classes of CIFAR-100, 32×32, either as folders `train` and `test` with one folder of
images for each class, or as CIFAR-100's binary files `train.bin` and `test.bin`, of which the
first 25 fine classes are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.datasets.cifar import read_cifar100
from ...images.datasets.splits import k_folds, split_fractions
from ..data_splits import split_tables
from ..study import Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_class_folders

_CLASSES = 25
_FOLDS = 5
# Mean accuracy on the fold that was left out, over five folds.
_CROSS_VALIDATION = {
    "rmsprop": 0.2670,
    "adam": 0.2223,
    "adadelta": 0.0522,
    "adagrad": 0.0796,
    "adamax": 0.2162,
    "nadam": 0.2438,
}
_NETWORKS = {
    "basenet": 0.4948,
    "basenet_2_1": 0.6252,
    "basenet_2_2": 0.6908,
    "basenet_2_3": 0.6784,
}
_DATA: dict[str, Any] = {"target_size": [32, 32], "batch_size": 64}
# The publication gives neither the zoom range nor the optimizer of the second part.
_AUGMENTATION = {"zoom_range": 0.2, "horizontal_flip": True}
_OPTIMIZER = {"name": "adam"}


def trials(settings: Settings) -> list[Trial]:
    """Return the cross-validation of each optimizer, and the four networks.

    Args:
        settings: The seed, and whether to run the quick form: two folds of each optimizer,
            two epochs.

    Returns:
        Five trials for each of six optimizers, then one for each network.
    """
    folds = 2 if settings.quick else _FOLDS
    all_trials = [
        _fold(optimizer, fold, folds, settings.seed)
        for optimizer in _CROSS_VALIDATION
        for fold in range(1, folds + 1)
    ]
    all_trials += [_network(name, settings.seed) for name in _NETWORKS]
    if not settings.quick:
        return all_trials
    return [trial.with_training(epochs=2) for trial in all_trials]


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Hold out a fold, or a fraction, of the training images for validation.

    Args:
        data: The folder that holds `train` and `test`, or `train.bin` and `test.bin`.
        split: `seed`, and either `fold` and `folds` or `validation`, a fraction.

    Returns:
        A table for each of `train`, `validation` and `test`.
    """
    if (data / "train.bin").is_file():
        given = {name: read_cifar100(data / f"{name}.bin", _CLASSES) for name in ("train", "test")}
    else:
        given = split_tables(data, train="train", test="test")
    table = given["train"]
    if "fold" in split:
        held_out = k_folds(table, split["folds"], seed=split["seed"])["fold"] == split["fold"]
    else:
        fractions = {"train": 1 - split["validation"], "validation": split["validation"]}
        held_out = split_fractions(table, fractions, seed=split["seed"])["split"] == "validation"
    return {"train": table[~held_out], "validation": table[held_out], "test": given["test"]}


def generate_data(folder: Path) -> None:
    """Generate a small data set with the study's layout and five classes.

    Args:
        folder: The folder to create.
    """
    generate_class_folders(folder / "train", classes=5, count=30, size=32)
    generate_class_folders(folder / "test", classes=5, count=10, size=32, seed=1)


def _fold(optimizer: str, fold: int, folds: int, seed: int) -> Trial:
    split = {"seed": seed, "fold": fold, "folds": folds}
    training = {
        "optimizer": {"name": optimizer},
        "epochs": 30,
        "early_stopping": {"monitor": "val_loss", "patience": 4},
    }
    data = {**_DATA, "rescale": 1 / 255, "split": split}
    return Trial(optimizer, data, {"network": "basenet.basenet"}, training, seed)


def _network(name: str, seed: int) -> Trial:
    data = {
        **_DATA,
        "standardize": True,
        "augmentation": _AUGMENTATION,
        "split": {"seed": seed, "validation": 0.1},
    }
    training = {"optimizer": _OPTIMIZER, "epochs": 30}
    return Trial(name.replace("_", "-"), data, {"network": f"basenet.{name}"}, training, seed)


STUDY = Study(
    name="basenet",
    title="BaseNet: six optimizers by cross-validation, and a network improved three times",
    trials=trials,
    tables=tables,
    published=(
        *(
            Published(name, "validation accuracy", value, "on the held-out folds")
            for name, value in _CROSS_VALIDATION.items()
        ),
        *(
            Published(name.replace("_", "-"), "test accuracy", value)
            for name, value in _NETWORKS.items()
        ),
    ),
    notes=(
        "The optimizers are compared by five-fold cross-validation on the training images, "
        "which stops when the loss on the held-out fold has not fallen for four epochs.",
        "Where the publication gives no number, we use: at most 30 epochs and batches of 64 in "
        "cross-validation, with Keras's default rate of each optimizer; Adam and a zoom of up to "
        "0.2 for the networks.",
    ),
    generate_data=generate_data,
)
