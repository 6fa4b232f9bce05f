"""Accuracy by grouped cross-validation: each distinct image counted once, by a model without it.

A test folder of few photographs says little: TEST of the blood cells is 68 photographs in 2,487
copies, four of them monocytes. Here all photographs are predicted, each by a model that was trained
without it and its copies, with the training that `train` plans: a linear probe, then fine tuning.
Every class contributes as many images, so that rare photographs are seen in more of their copies.

    python -m benchmarks.grouped_folds blood-cells/TRAIN blood-cells/TEST --size 176 240
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import pandas as pd

from benchmarks.measuring import interval, save
from pykeras_tl import list_images
from pykeras_tl.ensembles import cross_validate
from pykeras_tl.logs import show_log_messages
from pykeras_tl.recipe.plan import Plan
from pykeras_tl.recipe.sampling import sample_evenly
from pykeras_tl.studies import TrialTrainer
from pykeras_tl.studies.image_groups import add_groups


@dataclass
class Folds:
    """What grouped cross-validation gives.

    Attributes:
        backbone: The pretrained network.
        pixels: Height and width of the images.
        size: Images, and how many of them are distinct.
        seed: The seed of folds and training.
        accuracy: By distinct image, with its interval.
        balanced_accuracy: The same for the mean over classes.
        seconds: Time of all folds.
    """

    backbone: str
    pixels: tuple[int, int]
    size: str
    seed: int
    accuracy: tuple[float, float, float]
    balanced_accuracy: tuple[float, float, float]
    seconds: float


def measure(
    table: pd.DataFrame, plan: Plan, folds: int, seed: int, groups: str, out: Path | None
) -> Folds:
    """Cross-validate a plan.

    Args:
        table: The images.
        plan: What is trained.
        folds: Number of folds.
        seed: Seeds folds and training.
        groups: The column of groups.
        out: A folder for what was predicted, its figures and its report.
    """
    start = perf_counter()
    trainer = TrialTrainer(plan.trial(plan.backbone, seed, "imagenet"))
    evaluation = cross_validate(trainer, table, folds, seed, groups).by_group()
    seconds = perf_counter() - start
    if out is not None:
        evaluation.save(out / f"seed-{seed}")
    accuracy, balanced = (interval(evaluation, name) for name in ("accuracy", "balanced_accuracy"))
    size = evaluation.size
    return Folds(plan.backbone, plan.target_size, size, seed, accuracy, balanced, seconds)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with one folder per class")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--size", nargs=2, type=int, default=(160, 160), metavar="PIXELS")
    parser.add_argument("--from", dest="stage", default="block3", help="where fine tuning begins")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--per-class", type=int, default=500, help="images of each class")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--groups", default="copies", help="'copies', or a pattern of file names")
    parser.add_argument("--out", type=Path, help="folder for predictions and figures")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    show_log_messages()
    images = pd.concat([list_images(folder) for folder in given.folders], ignore_index=True)
    table, column = add_groups(images, given.groups)
    assert column is not None
    one_class = table.groupby(column)["class"].nunique()
    # A photograph with two labels has no true class.
    table = table[table[column].map(one_class) == 1]
    count = given.per_class * table["class"].nunique()
    table = sample_evenly(table, count, seed=0)
    plan = Plan(given.backbone, tuple(given.size), 32, given.stage, given.epochs, True, 600.0)
    measured = []
    for seed in given.seeds:
        measured.append(measure(table, plan, given.folds, seed, column, given.out))
        print(json.dumps(asdict(measured[-1])), flush=True)
    save(given.json, folds=[asdict(each) for each in measured])


if __name__ == "__main__":
    main()
