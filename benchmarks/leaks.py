"""How far accuracy falls when copies of one photograph stay on one side of the split.

The blood-cell files are turned, mirrored and moved copies of a few hundred photographs. Their
groups are found by `duplicate_groups` over TRAIN and TEST; then a fifth of TRAIN is set aside
for validation, once at random and once by whole groups, and the same classifiers are trained
on the rest with the same budget: the nearest image at 16×16 pixels, a linear head on frozen
SqueezeNet features (with `--weights`), and the studies' `modern` network. TEST, without the
images that stand in TRAIN in any shape, tells which of the two validations told the truth.
The figures are means over the seeds.
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import keras
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measuring import arguments, save
from pykeras_tl import (
    ImageDataGenerator,
    duplicate_groups,
    evaluate_classifier,
    fit,
    list_images,
    make_optimizer,
    split_fractions,
    transfer_model,
)
from pykeras_tl.evaluation import Evaluation, nearest_neighbour_baseline
from pykeras_tl.images.iterators.base import Iterator
from pykeras_tl.models.networks.blood_cells import modern

_BATCH = 50
# Small images, so that all of it takes minutes; the cells are still told apart.
_NETWORK_SIZE, _HEAD_SIZE = (48, 64), (96, 128)

Classifier = Callable[[pd.DataFrame, list[pd.DataFrame], int], list[float]]


@dataclass
class Fall:
    """What one classifier gives on the two validations.

    Attributes:
        classifier: Its name.
        at_random: Accuracy on validation drawn at random, one a seed.
        test_at_random: Accuracy of the same training on TEST.
        by_group: Accuracy on validation drawn by group, one a seed.
        test_by_group: Accuracy of the same training on TEST.
        seconds: Time of all its trainings.
    """

    classifier: str
    at_random: list[float]
    test_at_random: list[float]
    by_group: list[float]
    test_by_group: list[float]
    seconds: float

    def __str__(self) -> str:
        means = [
            statistics.mean(values)
            for values in (self.at_random, self.by_group, self.test_at_random, self.test_by_group)
        ]
        cells = "".join(f"{mean:>14.3f}" for mean in means)
        return f"{self.classifier:<26}{cells}{means[1] - means[0]:>+14.3f}{self.seconds:>12.0f} s"


def grouped(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List TRAIN with its groups, and those images of TEST that are in none of them."""
    begin = perf_counter()
    parts = [list_images(data / name).assign(part=name) for name in ("TRAIN", "TEST")]
    table = duplicate_groups(pd.concat(parts, ignore_index=True))
    train, test = (table[table["part"] == name] for name in ("TRAIN", "TEST"))
    fresh = test[~test["group"].isin(train["group"])]
    print(
        f"TRAIN: {len(train):,} images of {train['group'].nunique()} things; "
        f"{len(test) - len(fresh)} of {len(test):,} images of TEST stand in it; "
        f"found in {perf_counter() - begin:.0f} s",
        flush=True,
    )
    return train, fresh


def nearest(train: pd.DataFrame, others: list[pd.DataFrame], seed: int) -> list[float]:
    """Take the class of the nearest training image."""
    found = nearest_neighbour_baseline(train, pd.concat(others))
    ends = [len(others[0]), len(found)]
    return [Evaluation(found[: ends[0]]).accuracy, Evaluation(found[ends[0] : ends[1]]).accuracy]


def linear_head(weights: Path, images: pd.DataFrame) -> Classifier:
    """Fit a softmax layer to what a frozen SqueezeNet sees; computed once for all images."""
    shape = (*_HEAD_SIZE, 3)
    model = transfer_model("squeezenet", 4, input_shape=shape, weights=weights)
    backbone = keras.Model(model.inputs, model.layers[-1].input)
    flow = ImageDataGenerator().flow_from_dataframe(
        images, target_size=_HEAD_SIZE, batch_size=_BATCH, shuffle=False, class_mode=None
    )
    seen = pd.DataFrame(backbone.predict(flow, verbose=0), index=images["filename"])

    def fit_and_measure(train: pd.DataFrame, others: list[pd.DataFrame], seed: int) -> list[float]:
        head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        head.fit(seen.loc[train["filename"]], train["class"])
        return [float(head.score(seen.loc[each["filename"]], each["class"])) for each in others]

    return fit_and_measure


def network(epochs: int) -> Classifier:
    """Train the studies' small network from nothing."""

    def train_and_measure(
        train: pd.DataFrame, others: list[pd.DataFrame], seed: int
    ) -> list[float]:
        model = modern(4, (*_NETWORK_SIZE, 3), seed)
        generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, vertical_flip=True)

        def flow(table: pd.DataFrame) -> Iterator:
            return generator.flow_from_dataframe(
                table, target_size=_NETWORK_SIZE, batch_size=_BATCH, seed=seed
            )

        decay = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(flow(train)))
        optimizer = make_optimizer("adam", learning_rate=decay)
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        fit(model, flow(train), epochs=epochs, verbose=0)
        return [evaluate_classifier(model, flow(table), groups=None).accuracy for table in others]

    return train_and_measure


def fall(
    name: str, classifier: Classifier, train: pd.DataFrame, test: pd.DataFrame, seeds: int
) -> Fall:
    """Train on both splits of each seed."""
    begin = perf_counter()
    measured: dict[str | None, list[list[float]]] = {None: [], "group": []}
    for seed in range(seeds):
        for groups, rows in measured.items():
            shares = {"train": 0.8, "validation": 0.2}
            split = split_fractions(train, shares, groups=groups, seed=seed)
            kept, set_aside = (split[split["split"] == part] for part in shares)
            with redirect_stdout(io.StringIO()):  # Each flow says what it found.
                rows.append(classifier(kept, [set_aside, test], seed))
    (at_random, test_at_random), (by_group, test_by_group) = (
        [list(column) for column in zip(*rows)] for rows in measured.values()
    )
    seconds = perf_counter() - begin
    found = Fall(name, at_random, test_at_random, by_group, test_by_group, seconds)
    print(found, flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--weights", type=Path, help="SqueezeNet's weights, without classifier")
    parser.add_argument("--seeds", type=int, default=3, help="splits and trainings of each kind")
    parser.add_argument("--epochs", type=int, default=6, help="of the `modern` network")
    return parser.parse_args()


def main() -> None:
    options = _options()
    train, test = grouped(options.data)
    columns = ("random", "by group", "TEST (rand.)", "TEST (group)", "fall", "time")
    print(f"{'validation':<26}" + "".join(f"{column:>14}" for column in columns))
    classifiers: dict[str, Classifier] = {"nearest image, 16×16": nearest}
    if options.weights:
        classifiers["linear head on SqueezeNet"] = linear_head(
            options.weights, pd.concat([train, test])
        )
    classifiers[f"modern, {options.epochs} epochs"] = network(options.epochs)
    found = [fall(name, each, train, test, options.seeds) for name, each in classifiers.items()]
    save(options.json, rows=[asdict(each) for each in found])


if __name__ == "__main__":
    main()
