"""The blood-cell study of 2018: four white cells, two networks, three optimizers, VGG16.

Data: folders `TRAIN`, `TEST` and `TEST_SIMPLE`, each with the folders `EOSINOPHIL`,
`LYMPHOCYTE`, `MONOCYTE` and `NEUTROPHIL` of images, 320×240 in the published set.
The study validated on the 71 images of `TEST_SIMPLE`; `TEST` gives an unbiased figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.synthetic import generate_blood_cells
from ..data_splits import split_tables
from ..study import Published, Settings, Study
from ..trial import Trial

_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "rmsprop": {"name": "rmsprop"},
    "adam": {"name": "adam", "learning_rate": 1e-4, "decay": 1e-6},
    "sgd": {"name": "sgd", "learning_rate": 1e-4, "decay": 1e-6},
}
_AUGMENTATION: dict[str, Any] = {
    "rotation_range": 10,
    "width_shift_range": 0.3,
    "height_shift_range": 0.3,
    "shear_range": 0.3,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}
# A smear has no orientation, a mirrored cell is a cell, and the light differs between slides.
_ANY_WAY_UP: dict[str, Any] = {
    "rotation_range": 180,
    "width_shift_range": 0.08,
    "height_shift_range": 0.1,
    "zoom_range": 0.15,
    "brightness_range": [0.9, 1.1],
    "horizontal_flip": True,
    "vertical_flip": True,
    "fill_mode": "reflect",
}
_DATA: dict[str, Any] = {"target_size": [150, 150], "batch_size": 50, "rescale": 1 / 255}

# In smaller images, version 2 has nothing left to pool.
_QUICK_SIZE = [96, 96]


def trials(settings: Settings) -> list[Trial]:
    """Return the study's trials, and `modern`, which is ours.

    Args:
        settings: The seed, the weights of VGG16, and whether to run the quick form.

    Returns:
        Ten trials in the order of the study.
    """
    all_trials = [*_plain(), _augmented(), *_fine_tuned(settings.weights), _modern()]
    all_trials = [replace(trial, seed=settings.seed) for trial in all_trials]
    return [_quick(trial) for trial in all_trials] if settings.quick else all_trials


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """List the images of the three folders; the split is the published one.

    Args:
        data: The folder that holds `TRAIN`, `TEST_SIMPLE` and `TEST`.
        split: Not used: the split is fixed.

    Returns:
        A table for each of `train`, `validation` and `test`.

    Raises:
        FileNotFoundError: If one of the folders is missing.
        ValueError: If the folders have different classes.
    """
    return split_tables(data, train="TRAIN", validation="TEST_SIMPLE", test="TEST")


def generate_data(folder: Path) -> None:
    """Generate a small data set with the study's layout.

    Args:
        folder: The folder to create.
    """
    generate_blood_cells(folder, train=60, test=20, test_simple=10)


def _plain() -> list[Trial]:
    return [
        Trial(
            f"{network.replace('_', '-')}-{name}",
            _DATA,
            {"network": f"blood_cells.{network}"},
            {"optimizer": optimizer, "epochs": 30, "steps_per_epoch": 200},
        )
        for network in ("version_1", "version_2")
        for name, optimizer in _OPTIMIZERS.items()
    ]


def _augmented() -> Trial:
    return Trial(
        "version-2-augmented",
        {**_DATA, "batch_size": 20, "augmentation": _AUGMENTATION},
        {"network": "blood_cells.version_2"},
        {"optimizer": _OPTIMIZERS["rmsprop"], "epochs": 70, "steps_per_epoch": 180},
    )


def _fine_tuned(weights: str | None) -> list[Trial]:
    # As in the study: images scaled by 1/255 only, not as VGG16 was trained.
    model = {
        "backbone": "vgg16",
        "weights": weights,
        "include_preprocessing": False,
        "head": "flatten",
        "dense": [256],
    }
    low_rates: dict[str, dict[str, Any]] = {
        "rmsprop": {"name": "rmsprop", "learning_rate": 1e-5},
        "sgd": {"name": "sgd", "learning_rate": 1e-4, "momentum": 0.9},
    }
    return [
        Trial(
            f"vgg16-fine-tuned-{name}",
            _DATA,
            model,
            {
                "optimizer": {"name": "rmsprop", "learning_rate": 2e-5},
                "epochs": 6,
                "steps_per_epoch": 200,
                "fine_tune": {"from": "block5_conv1", "optimizer": optimizer, "epochs": 6},
            },
        )
        for name, optimizer in low_rates.items()
    ]


def _modern() -> Trial:
    return Trial(
        "modern",
        {
            "target_size": [96, 128],
            "batch_size": 50,
            "rescale": 1 / 255,
            "augmentation": _ANY_WAY_UP,
        },
        {"network": "blood_cells.modern"},
        {
            "optimizer": {"name": "adam", "learning_rate": 2e-3},
            "schedule": "cosine",
            "epochs": 8,
        },
    )


def _quick(trial: Trial) -> Trial:
    smaller = trial if trial.name == "modern" else trial.with_data(target_size=_QUICK_SIZE)
    epochs = 8 if trial.name == "modern" else 2
    shorter = smaller.with_training(epochs=epochs, steps_per_epoch=None)
    if "fine_tune" not in trial.training:
        return shorter
    return shorter.with_training(fine_tune={**trial.training["fine_tune"], "epochs": 1})


STUDY = Study(
    name="blood-cells",
    title="White blood cells: two networks, three optimizers, augmentation and VGG16",
    trials=trials,
    tables=tables,
    generate_data=generate_data,
    published=(
        Published("version-1-rmsprop", "training accuracy", 0.91),
        Published("version-1-adam", "training accuracy", 0.82),
        Published("version-1-sgd", "training accuracy", 0.82),
        Published("version-2-augmented", "training accuracy", 0.921),
        Published("version-1-rmsprop", "validation accuracy", 0.662, "after 30 epochs"),
        Published("version-1-rmsprop", "best validation accuracy", 0.789),
    ),
    notes=(
        "The published accuracies are those on the training images. The published validation set "
        "has 71 images, 66 of them distinct, so its accuracy is known to about ±0.11; 48 of them "
        "are neutrophils: always predicting that scores 0.676.",
        "The study's VGG16 never finished its fine tuning: R crashed in the fourth epoch, after "
        "2,355 to 3,249 seconds an epoch.",
        "TEST holds rotated, mirrored and shifted copies of the photographs of TEST_SIMPLE; 7 % of "
        "its images are copies of images in TRAIN. Its 2,487 images are 68 distinct ones: 45 "
        "neutrophils, 13 eosinophils, 6 lymphocytes and 4 monocytes, so one photograph of a "
        "monocyte is 6 points of accuracy.",
    ),
)
