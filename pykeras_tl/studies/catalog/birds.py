"""The study of 200 kinds of birds: ResNet50 with three heads, then unfrozen.

Data: the folder of CUB-200, with its `images` and its lists. A tenth of its training images is
held out for validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.datasets.cub200 import read_cub200
from ...images.datasets.splits import split_fractions
from ..study import Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_class_folders

_POOLING = ["average pooling"]
_DENSE = ["average pooling", "dense 1024", "dropout 0.5"]
# The publication gives neither the number of convolutions nor their filters.
_CONVOLUTIONS = ["convolution 512", "batch normalization"] * 2 + ["average pooling"]
_AUGMENTATION: dict[str, Any] = {
    "zoom_range": 0.3,
    "rotation_range": 100,
    "horizontal_flip": True,
    "vertical_flip": True,
}
_FINE_TUNING: dict[str, Any] = {
    "from": "conv1_conv",
    "optimizer": {"name": "adam", "learning_rate": 1e-5},
    "epochs": 10,
    "augmentation": _AUGMENTATION,
}
# Head, augmentation, fine tuning and published accuracy.
_TRIALS: dict[str, tuple[list[str], dict[str, Any], dict[str, Any], float]] = {
    "pooling": (_POOLING, {}, {}, 0.4421),
    "dense": (_DENSE, {}, {}, 0.4309),
    "convolutions": (_CONVOLUTIONS, {}, {}, 0.4467),
    "convolutions-augmented": (_CONVOLUTIONS, _AUGMENTATION, {}, 0.4355),
    "pooling-fine-tuned": (_POOLING, {}, _FINE_TUNING, 0.4643),
    "convolutions-fine-tuned": (_CONVOLUTIONS, {}, _FINE_TUNING, 0.4824),
}


def trials(settings: Settings) -> list[Trial]:
    """Return the three heads, one of them augmented, and the two that are fine-tuned.

    Args:
        settings: The seed, the weights, and whether to run the quick form.

    Returns:
        Six trials.
    """
    all_trials = [_trial(name, settings) for name in _TRIALS]
    return [_quick(trial) for trial in all_trials] if settings.quick else all_trials


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Use the split of CUB-200's authors, with a tenth of the training images for validation.

    Args:
        data: The folder of CUB-200.
        split: `seed`.

    Returns:
        A table for each of `train`, `validation` and `test`.
    """
    table = read_cub200(data)
    known, test = (
        table[table["split"] == name][["filename", "class"]] for name in ("train", "test")
    )
    fractions = {"train": 0.9, "validation": 0.1}
    splits = split_fractions(known, fractions, seed=split["seed"])["split"]
    return {name: known[splits == name] for name in fractions} | {"test": test}


def generate_data(folder: Path) -> None:
    """Generate a small data set with CUB-200's layout and four classes.

    Args:
        folder: The folder to create.
    """
    generate_class_folders(folder / "images", classes=4, count=15, size=40)
    files = sorted((folder / "images").rglob("*.png"))
    names = sorted({file.parent.name for file in files})
    lists = {
        "classes": names,
        "images": [f"{file.parent.name}/{file.name}" for file in files],
        "image_class_labels": [str(1 + names.index(file.parent.name)) for file in files],
        "train_test_split": [str(int(number % 3 > 0)) for number in range(len(files))],
    }
    for name, values in lists.items():
        lines = (f"{number} {value}\n" for number, value in enumerate(values, start=1))
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def _trial(name: str, settings: Settings) -> Trial:
    head, augmentation, fine_tuning, _ = _TRIALS[name]
    data = {
        "target_size": [224, 224],
        "batch_size": 32,
        "augmentation": augmentation,
        "split": {"seed": settings.seed},
    }
    model = {"backbone": "resnet50", "weights": settings.weights, "head": head}
    training: dict[str, Any] = {"optimizer": {"name": "adam"}, "epochs": 10}
    if fine_tuning:
        training["fine_tune"] = fine_tuning
    return Trial(name, data, model, training, settings.seed)


def _quick(trial: Trial) -> Trial:
    small = trial.with_data(target_size=[32, 32]).with_training(epochs=1)
    if "fine_tune" not in trial.training:
        return small
    return small.with_training(fine_tune={**trial.training["fine_tune"], "epochs": 1})


STUDY = Study(
    name="birds",
    title="200 kinds of birds: ResNet50 with three heads, then unfrozen",
    trials=trials,
    tables=tables,
    published=tuple(
        Published(name, "test accuracy", accuracy) for name, (*_, accuracy) in _TRIALS.items()
    ),
    notes=(
        "Where the publication gives no number, we use: two convolutions of 512 filters, "
        "dropout of 0.5, ten epochs for the head, and Adam's default rate.",
    ),
    generate_data=generate_data,
)
