r"""The study of source and target: does training on a source set first help a small target set?

Data: a folder with one folder of images for each class. 60 % are the source, 40 % the target,
of which 70 % are for training and 30 % for the test; every repeat has its own random split. If
images belong to patients, `--set data.split.groups=PATTERN` keeps each patient in one split,
where PATTERN is a regular expression that finds the patient in a file name, such as `^C\d+`;
`--set data.split.groups=copies` keeps copies of one image together.

The authors also studied or proposed one sigmoid unit for two classes
(`--set model.binary=true`), a 1×1 convolution (`--set model.one_by_one=16`, its filters) and
batches of 32 (`--set data.batch_size=32`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...images.datasets.folders import list_images
from ...images.datasets.splits import split_source_target
from ..image_groups import add_groups
from ..study import Published, Settings, Study
from ..trial import Trial
from .synthetic_images import generate_class_folders

_OPTIMIZER = {"name": "rmsprop", "learning_rate": 1e-4}
_TRAINING: dict[str, Any] = {"optimizer": _OPTIMIZER, "epochs": 5}
# The splits that each case is trained on.
_CASES = {"case-1": ["train"], "case-2": ["source"], "case-3": ["source", "train"]}


def trials(settings: Settings) -> list[Trial]:
    """Return the four cases.

    Args:
        settings: The seed, also of the split.

    Returns:
        The trials: target alone, source alone, both together, source first.
    """
    cases = [_trial(name, splits, _TRAINING, settings) for name, splits in _CASES.items()]
    in_turn = {**_TRAINING, "source": {**_TRAINING, "freeze_to": "flatten"}}
    return [*cases, _trial("case-4", ["train"], in_turn, settings)]


def tables(data: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Split the images at random into source, training and test.

    Args:
        data: The folder that holds a folder for each class.
        split: `seed`; `groups`, "copies", a pattern for file names, or None; `train`, which of
            `source` and `train` to train on; and `source`, whether to train on the source first.

    Returns:
        A table for `train` and `test`, and `source` if it is trained on first.
    """
    table, groups = add_groups(list_images(data), split["groups"] or None)
    table = split_source_target(table, groups=groups, seed=split["seed"])
    rows = {"train": table["split"].isin(split["train"]), "test": table["split"] == "test"}
    if split["source"]:
        rows["source"] = table["split"] == "source"
    return {name: table[chosen].drop(columns="split") for name, chosen in rows.items()}


def generate_data(folder: Path) -> None:
    """Generate a small data set of three classes.

    Args:
        folder: The folder to create.
    """
    generate_class_folders(folder, classes=3, count=60, size=50)


def _trial(name: str, splits: list[str], training: dict[str, Any], settings: Settings) -> Trial:
    split = {
        "seed": settings.seed,
        "groups": None,
        "train": splits,
        "source": "source" in training,
    }
    data = {"target_size": [50, 50], "batch_size": 128, "rescale": 1 / 255, "split": split}
    model = {"network": "soco.network", "binary": False, "one_by_one": 0}
    return Trial(name, data, model, training, settings.seed)


STUDY = Study(
    name="soco",
    title="Source and target: does training on a source set first help a small target set?",
    trials=trials,
    tables=tables,
    published=(
        Published("case-1", "test accuracy", 0.3326, "for seven classes, mean of ten"),
        Published("case-2", "test accuracy", 0.3748, "for seven classes, mean of ten"),
        Published("case-3", "test accuracy", 0.3663, "for seven classes, mean of ten"),
        Published(
            "case-4", "test accuracy", 0.4353, "for seven classes, mean of ten; the best had 0.5039"
        ),
    ),
    notes=(
        "Case 1 trains on the target's training images, case 2 on the source, case 3 on both "
        "together, case 4 on the source and then, with the convolutions frozen, on the target's "
        "training images. All are tested on the target's test images.",
        "Source and target are sampled from the same images, so case 4 sees the same images as "
        "case 3, for more steps than case 1 or 2.",
    ),
    repeats=10,
    generate_data=generate_data,
)
