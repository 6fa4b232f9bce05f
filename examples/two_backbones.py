"""A study of your own: two pretrained backbones, with correct and with wrong scaling.

    pykeras-tl study examples/two_backbones.py --data IMAGES --out RESULTS --weights FOLDER

IMAGES has one folder for each class; FOLDER holds the two weights files named below.
`--set 'data.split.groups=^C[0-9]+'` keeps each patient of the malaria cells in one split.
"""

from __future__ import annotations

from pathlib import Path

from pykeras_tl.images import groups_from_names, list_images, split_fractions
from pykeras_tl.studies import Settings, Study, Trial, generate_class_folders

BACKBONES = {
    "mobilenet": ("mobilenet_2_5_224_tf_no_top.h5", {"alpha": 0.25}),
    "squeezenet": ("squeezenet_v1.1_imagenet_notop.h5", {}),
}
SCALINGS = {
    "own-scaling": {},
    "divided-by-255": {"include_preprocessing": False, "divide_by_255": True},
}
FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def trials(settings: Settings) -> list[Trial]:
    """Both backbones with both scalings; the backbones stay frozen."""
    split = {"seed": settings.seed, "groups": None}
    data = {"target_size": [128, 128], "batch_size": 32, "split": split}
    training = {"optimizer": {"name": "adam", "learning_rate": 1e-3}, "epochs": 15}
    if settings.quick:
        data, training = {**data, "target_size": [64, 64]}, {**training, "epochs": 2}
    return [
        Trial(
            f"{name}-{scaling}",
            data,
            {"backbone": name, "weights": weights(settings, file), **options, **scaling_options},
            training,
            settings.seed,
        )
        for name, (file, options) in BACKBONES.items()
        for scaling, scaling_options in SCALINGS.items()
    ]


def weights(settings: Settings, file: str) -> str | None:
    """The file in the folder of weights, or None for random weights."""
    return None if settings.weights is None else str(Path(settings.weights) / file)


def tables(data: Path, split: dict) -> dict:
    """Three splits; images of one group, if there are groups, stay in the same one."""
    table, groups = list_images(data), None
    if split["groups"]:
        table, groups = groups_from_names(table, split["groups"]), "group"
    table = split_fractions(table, FRACTIONS, groups=groups, seed=split["seed"])
    return {name: table[table["split"] == name].drop(columns="split") for name in FRACTIONS}


def generate_data(folder: Path) -> None:
    """Synthetic images for --quick."""
    generate_class_folders(folder, classes=2, count=30, size=64)


STUDY = Study(
    name="two-backbones",
    title="MobileNet and SqueezeNet, with correct and with wrong scaling",
    trials=trials,
    tables=tables,
    repeats=5,
    generate_data=generate_data,
)
