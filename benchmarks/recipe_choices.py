"""What the training that `train` plans would do with other settings, on validation images.

A part of each set is trained on, another is predicted; the test images, as `train` draws them, are
left out. Each change is made alone, from EfficientNet-Lite 0 fine-tuned from block 3 on.

    python -m benchmarks.recipe_choices --data . --sets cifar100/train skin malaria --json FILE
"""

from __future__ import annotations

import copy
import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

from benchmarks.measuring import MALARIA_PATIENTS, interval, save
from pykeras_tl.evaluation import Evaluation, predict_flow
from pykeras_tl.images.datasets.splits import split_fractions
from pykeras_tl.recipe.folder_splits import read_splits, split_off
from pykeras_tl.recipe.plan import Plan
from pykeras_tl.studies.data_splits import split_iterators
from pykeras_tl.studies.trial import Trial
from pykeras_tl.studies.trial_runner import build_model, train_model

Change = Callable[[dict[str, Any]], None]

FEWER, _KEPT = "6 of 7 training images", 6 / 7
# Changes of the fine tuning; the last one leaves out training images.
CHANGES: dict[str, Change] = {
    "the recipe": lambda tuning: None,
    "rate 5e-4": lambda tuning: tuning["optimizer"].update(learning_rate=5e-4),
    "rate 2e-3": lambda tuning: tuning["optimizer"].update(learning_rate=2e-3),
    "mixup, alpha 0.2": lambda tuning: tuning.update(batch_augmentation={"mixup": {"alpha": 0.2}}),
    "cutmix": lambda tuning: tuning.update(batch_augmentation={"cutmix": {}}),
    FEWER: lambda tuning: None,
}
# Of CIFAR-100, few images of each class are used: forty to train on, eighty to validate.
_FEW = (40, 80)


@dataclass
class Choice:
    """What a change of the recipe gives.

    Attributes:
        folder: The set.
        change: What is changed.
        trained_on: The number of training images.
        validated_on: The number of images that are predicted.
        accuracy: On these, with the bounds of its 95 % interval, by distinct image or patient.
        loss: Cross-entropy on them.
        seconds: Time of the training, beside another.
    """

    folder: str
    change: str
    trained_on: int
    validated_on: int
    accuracy: tuple[float, float, float]
    loss: float
    seconds: float


def tables_of(data: Path, folder: str, limit: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return images to train on and to validate on; the test images of `train` are in neither."""
    groups = MALARIA_PATIENTS if folder == "malaria" else "copies"
    given = read_splits(data / folder, None, None)
    if folder.startswith("cifar100"):
        # Its test images have a folder of their own.
        mixed = given["train"].sample(frac=1, random_state=100)
        learned, judged = _FEW if limit is None else (limit, limit)
        first = mixed.groupby("class").head(learned)
        second = mixed.drop(first.index).groupby("class").head(judged)
        return first.sort_index().reset_index(drop=True), second.sort_index().reset_index(drop=True)
    tables = split_off(given, groups, 0)
    rest = pd.concat([table for name, table in tables.items() if name != "test"], ignore_index=True)
    column = "group" if folder == "malaria" else None
    rest = rest if limit is None else rest.groupby("class").head(3 * limit)
    fractions = {"train": 0.6, "validation": 0.4} if column else {"train": 0.7, "validation": 0.3}
    table = split_fractions(rest, fractions, groups=column, seed=100)
    train, validation = (table[table["split"] == name] for name in fractions)
    return train.reset_index(drop=True), validation.reset_index(drop=True)


def changed(trial: Trial, change: Change) -> Trial:
    """Return a trial whose fine tuning is changed."""
    training = copy.deepcopy(dict(trial.training))
    change(training["fine_tune"])
    return replace(trial, training=training)


def measure(
    folder: str, name: str, tables: tuple[pd.DataFrame, pd.DataFrame], epochs: int | None
) -> Choice:
    """Train with a change, and predict the validation images."""
    train, validation = tables
    if name == FEWER:
        train = train.sample(frac=_KEPT, random_state=7).reset_index(drop=True)
    size = 160 if folder == "skin" else 128
    turned = not folder.startswith("cifar100")
    length = epochs or (8 if folder == "malaria" else 10)
    plan = Plan("efficientnet_lite0", (size, size), 32, "block3", length, turned, 600.0)
    trial = changed(plan.trial(name, 0, "imagenet"), CHANGES[name])
    parts: Mapping[str, pd.DataFrame] = {"train": train, "validation": validation}
    flows = split_iterators(trial, parts)
    model = build_model(trial, classes=len(flows["train"].class_names or ()))
    start = perf_counter()
    train_model(model, trial, flows)
    seconds = perf_counter() - start
    predictions = predict_flow(model, split_iterators(trial, parts)["validation"])
    groups = validation["group"].tolist() if "group" in validation else None
    evaluation = Evaluation(predictions.reset_index(drop=True), groups)
    accuracy = interval(evaluation, "accuracy")
    return Choice(folder, name, len(train), len(validation), accuracy, evaluation.loss, seconds)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of image sets")
    parser.add_argument("--sets", nargs="+", default=["cifar100/train", "skin", "malaria"])
    parser.add_argument("--changes", nargs="+", choices=CHANGES, default=CHANGES)
    parser.add_argument("--epochs", type=int, help="of the fine tuning, in place of 8 or 10")
    parser.add_argument("--per-class", type=int, help="fewer images")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    choices = []
    for folder in given.sets:
        tables = tables_of(given.data, folder, given.per_class)
        for name in given.changes:
            choices.append(measure(folder, name, tables, given.epochs))
            print(json.dumps(asdict(choices[-1])), flush=True)
            save(given.json, choices=[asdict(each) for each in choices])


if __name__ == "__main__":
    main()
