"""Accuracy by grouped cross-validation: each distinct image counted once, by a model without it.

A test folder of few photographs says little: TEST of the blood cells is 68 photographs in 2,487
copies, four of them monocytes. Here all photographs are predicted, each by a model that was trained
without it and its copies, with the training that `train` plans: a linear probe, then fine tuning.
Every class contributes as many images, so that rare photographs are seen in more of their copies.
Several backbones are trained on the same folds, and averaged.

    python -m benchmarks.grouped_folds blood-cells/TRAIN blood-cells/TEST --size 176 240
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import pandas as pd

from benchmarks.measuring import interval, save
from pykeras_tl import list_images
from pykeras_tl.ensembles import average_predictions, cross_validate
from pykeras_tl.evaluation import Evaluation
from pykeras_tl.logs import show_log_messages
from pykeras_tl.recipe.label_errors import suspect_labels
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
        per_class: Images of each class, most of them copies.
        epochs: Epochs of fine tuning.
        size: Images, and how many of them are distinct.
        seed: The seed of folds and training.
        accuracy: By distinct image, with its interval.
        balanced_accuracy: The same for the mean over classes.
        suspects: Labels of distinct images that are probably wrong, by `suspect_labels`.
        seconds: Time of all folds.
    """

    backbone: str
    pixels: tuple[int, int]
    per_class: int
    epochs: int
    size: str
    seed: int
    accuracy: tuple[float, float, float]
    balanced_accuracy: tuple[float, float, float]
    suspects: int
    seconds: float


def validate(
    table: pd.DataFrame, plan: Plan, backbones: Sequence[str], folds: int, seed: int, groups: str
) -> Iterator[tuple[str, Evaluation, float]]:
    """Cross-validate networks on the same folds, and the average of what they predict.

    Args:
        table: The images.
        plan: How each is trained.
        backbones: The pretrained networks.
        folds: Number of folds.
        seed: Seeds folds and training.
        groups: The column of groups.

    Yields:
        A name, the evaluation of all images and the seconds it took, for each network and, if
        there are several, for their average.
    """
    members, start = [], perf_counter()
    for backbone in backbones:
        began = perf_counter()
        trainer = TrialTrainer(replace(plan, backbone=backbone).trial(backbone, seed, "imagenet"))
        members.append(cross_validate(trainer, table, folds, seed, groups))
        yield backbone, members[-1], perf_counter() - began
    if len(members) > 1:
        mean = average_predictions([each.predictions for each in members])
        yield "their average", Evaluation(mean, members[0].groups), perf_counter() - start


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with one folder per class")
    parser.add_argument("--backbones", nargs="+", default=["efficientnet_lite0"])
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
    plan = Plan(given.backbones[0], tuple(given.size), 32, given.stage, given.epochs, True, 600.0)
    measured = []
    for seed in given.seeds:
        results = validate(table, plan, given.backbones, given.folds, seed, column)
        for name, evaluation, seconds in results:
            counted = evaluation.by_group()
            if given.out is not None:
                counted.save(given.out / f"seed-{seed}" / name)
            row = Folds(
                backbone=name,
                pixels=plan.target_size,
                per_class=given.per_class,
                epochs=given.epochs,
                size=counted.size,
                seed=seed,
                accuracy=interval(counted, "accuracy"),
                balanced_accuracy=interval(counted, "balanced_accuracy"),
                suspects=len(suspect_labels(counted.predictions)),
                seconds=seconds,
            )
            measured.append(asdict(row))
            print(json.dumps(measured[-1]), flush=True)
    save(given.json, folds=measured)


if __name__ == "__main__":
    main()
