"""A study of one's own: two pretrained backbones, scaled as they were trained and wrongly.

    pykeras-tl study examples/two_backbones.py --data IMAGES --out RESULTS --weights FOLDER

IMAGES has a folder for each class; FOLDER holds the two files of weights named below.
`--set 'data.split.groups=^C[0-9]+'` keeps each patient of the malaria cells in one part.
"""

from __future__ import annotations

from pathlib import Path

from pykeras_tl.images import groups_from_names, list_images, split_fractions
from pykeras_tl.studies import Settings, Study, Trial
from pykeras_tl.studies.catalog.synthetic_images import generate_class_folders

BACKBONES = {
    "mobilenet": ("mobilenet_2_5_224_tf_no_top.h5", {"alpha": 0.25}),
    "squeezenet": ("squeezenet_v1.1_imagenet_notop.h5", {}),
}
SCALINGS = {
    "own-scaling": {},
    "divided-by-255": {"include_preprocessing": False, "divide_by_255": True},
}
PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}


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
            {"backbone": name, "weights": weights(settings, file), **options, **how},
            training,
            settings.seed,
        )
        for name, (file, options) in BACKBONES.items()
        for scaling, how in SCALINGS.items()
    ]


def weights(settings: Settings, file: str) -> str | None:
    """The file in the folder of weights, or None for random ones."""
    return None if settings.weights is None else str(Path(settings.weights) / file)


def tables(data: Path, split: dict) -> dict:
    """Three parts; groups, where there are any, stay in one."""
    table, groups = list_images(data), None
    if split["groups"]:
        table, groups = groups_from_names(table, split["groups"]), "group"
    cut = split_fractions(table, PARTS, groups=groups, seed=split["seed"])
    return {part: cut[cut["split"] == part].drop(columns="split") for part in PARTS}


def draw(folder: Path) -> None:
    """Images for --quick."""
    generate_class_folders(folder, classes=2, count=30, size=64)


STUDY = Study(
    name="two-backbones",
    title="MobileNet and SqueezeNet, scaled as they were trained and wrongly",
    trials=trials,
    tables=tables,
    repeats=5,
    draw=draw,
)
