"""The study of six backbones that classify cats and dogs, their last layers fine-tuned.

Data: a folder with one folder of images for each class, or one HDF5 file of them as
`pykeras_tl.images.write_hdf5` writes it; 60 % for training, 20 % each for validation and test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.datasets.folders import list_images
from ...images.datasets.hdf5 import read_hdf5
from ...images.datasets.splits import split_fractions
from ..study import FineTuneFrom, Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_class_folders

_DENSE = ["flatten", "dense 512", "dropout 0.5", "dense 256"]
# Head, optimizer and published accuracy of each backbone.
_BACKBONES: dict[str, tuple[list[str], str, float]] = {
    "efficientnet_b0": (["batch normalization", *_DENSE], "adagrad", 0.4938),
    "inception_v3": (["batch normalization", *_DENSE], "adagrad", 0.8850),
    "inception_resnet_v2": (["average pooling"], "adam", 0.9638),
    "resnet50": (["flatten", "batch normalization"], "adam", 0.6237),
    "vgg16": (_DENSE, "adam", 0.9337),
    "xception": (["average pooling"], "adam", 0.9588),
}
# In today's Keras without pretrained weights, every list has the same length and each name has the
# same index. EfficientNetB0 with ImageNet's weights has one layer more before the stem, so that its
# index is one higher: the name is what counts. The publication counts InceptionV3's last layer as
# 311; its list of 311 layers ends with 310.
FINE_TUNE_FROM: dict[str, FineTuneFrom] = {
    "efficientnet_b0": FineTuneFrom(237, 160, "block5c_drop"),
    "inception_v3": FineTuneFrom(311, 248, "mixed8"),
    "inception_resnet_v2": FineTuneFrom(780, 630, "block8_1_mixed"),
    "resnet50": FineTuneFrom(175, 143, "conv5_block1_1_conv"),
    "vgg16": FineTuneFrom(19, 15, "block5_conv1"),
    "xception": FineTuneFrom(132, 126, "block14_sepconv1"),
}
_OWN_SCALING = "-own-scaling"
_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
# The publication does not give the size of the images.
_SIZE = [224, 224]
# The smallest size that all six accept.
_QUICK_SIZE = [75, 75]


def trials(settings: Settings) -> list[Trial]:
    """Return the six backbones, as published and with their own scaling.

    Args:
        settings: The seed, also of the split; the weights; and whether to run the quick form.

    Returns:
        Twelve trials.
    """
    all_trials = [_trial(name, own, settings) for own in (False, True) for name in _BACKBONES]
    if not settings.quick:
        return all_trials
    return [
        trial.with_data(target_size=_QUICK_SIZE, batch_size=8).with_training(epochs=1)
        for trial in all_trials
    ]


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Split the images at random into training, validation and test.

    Args:
        data: The folder that holds a folder for each class, or an HDF5 file.
        split: `seed`.

    Returns:
        A table for each split.
    """
    table = read_hdf5(data) if data.is_file() else list_images(data)
    splits = split_fractions(table, _FRACTIONS, seed=split["seed"])["split"]
    return {name: table[splits == name] for name in _FRACTIONS}


def generate_data(folder: Path) -> None:
    """Generate a small data set of two classes.

    Args:
        folder: The folder to create.
    """
    generate_class_folders(folder, classes=2, count=20, size=80)


def _trial(name: str, own_scaling: bool, settings: Settings) -> Trial:
    head, optimizer, _ = _BACKBONES[name]
    return Trial(
        name.replace("_", "-") + _OWN_SCALING * own_scaling,
        {"target_size": _SIZE, "batch_size": 32, "split": {"seed": settings.seed}},
        {
            "backbone": name,
            "weights": settings.weights,
            "head": head,
            "include_preprocessing": own_scaling,
            "divide_by_255": not own_scaling,
        },
        {
            "optimizer": {"name": optimizer, "learning_rate": 5e-5},
            "epochs": 10,
            "unfreeze_from": FINE_TUNE_FROM[name].name,
        },
        settings.seed,
    )


STUDY = Study(
    name="cats-and-dogs",
    title="Cats and dogs: six backbones, fine-tuned, with wrong and with correct scaling",
    trials=trials,
    tables=tables,
    published=tuple(
        Published(name.replace("_", "-"), "test accuracy", accuracy)
        for name, (_, _, accuracy) in _BACKBONES.items()
    ),
    notes=(
        "The published runs divided the pixels by 255, whatever a backbone was trained on: "
        "EfficientNetB0 scales its images itself, so that they were scaled twice, and ResNet50 "
        "expects another range. The trials with their own scaling are ours.",
        "The publication does not give the size of the images; we use 224×224.",
    ),
    generate_data=generate_data,
)
