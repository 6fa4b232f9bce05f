"""How well a classifier knows when to doubt: images of other kinds, and prediction sets.

For each data set, a linear probe is trained on frozen EfficientNet-Lite0 features of some of its
images. Then images of the other data sets, noise, and a class that was left out in training are to
be told from its own test images, by each method: how often a foreign image gets a higher score than
an own one (AUROC), and at the threshold that accepts 95 % of the validation images, which shares of
own and foreign images are called none of these. The method by default was chosen on malaria, skin
and CIFAR, and is reported on the blood cells. Prediction sets are calibrated on the validation
images and measured on the test images, each photograph or patient counted as a group.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

from benchmarks.measuring import arguments, save
from pykeras_tl import Classifier, duplicate_groups, list_images, split_fractions, transfer_model
from pykeras_tl.evaluation import Evaluation, coverage_table, prediction_table
from pykeras_tl.evaluation.coverage import fit_sets
from pykeras_tl.images.datasets.splits import groups_from_names
from pykeras_tl.models import PreprocessConfig
from pykeras_tl.training.linear_probe import REGULARIZATION, Probe, ProbeData, choose_probe
from pykeras_tl.uncertainty.novelty import detector_of, draw_images, features_of

_SIZE = (128, 128)
_NOISE = 150
_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
_PRODUCT = ("knn", "mahalanobis")


@dataclass
class DataSet:
    """The images of one data set, with their features.

    Attributes:
        name: Its name.
        table: Its images, with `class`, `split` and, where images belong together, `group`.
        features: Of each image, in the order of the table.
    """

    name: str
    table: pd.DataFrame
    features: np.ndarray

    def part(self, split: str, without: str | None = None) -> np.ndarray:
        """Return which rows are of a split, without a class."""
        rows: np.ndarray = (self.table["split"] == split).to_numpy()
        return rows & (self.table["class"] != without).to_numpy()


@dataclass
class Found:
    """What one method finds.

    Attributes:
        known: The data set that was trained on.
        foreign: What is to be told from it.
        auroc: By method.
        own_refused: The share of own test images called none of these, by method.
        foreign_refused: The share of foreign images called so, by method.
    """

    known: str
    foreign: str
    auroc: dict[str, float] = field(default_factory=dict)
    own_refused: dict[str, float] = field(default_factory=dict)
    foreign_refused: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        cells = "".join(f"{value:>13.3f}" for value in self.auroc.values())
        shares = f"{self.own_refused['knn']:>10.2f}{self.foreign_refused['knn']:>10.2f}"
        return f"{self.known:<13}{self.foreign:<22}{cells}{shares}"


def read(data: Path, images: int, seed: int) -> list[DataSet]:
    """Draw images of each data set, split them by group, and compute their features."""
    model = transfer_model("efficientnet_lite0", 2, input_shape=(*_SIZE, 3))
    extractor = Classifier(model, ["a", "b"], PreprocessConfig(_SIZE))
    sets = []
    for name, folder in (
        ("malaria", "malaria"), ("skin", "skin"), ("cifar", "cifar100/train"),
        ("blood cells", "blood-cells/TRAIN"),
    ):  # fmt: skip
        table = draw_images(list_images(data / folder), images, seed).reset_index(drop=True)
        column = None
        if name == "malaria":
            table, column = groups_from_names(table, r"^C\d+"), "group"
        if name == "blood cells":
            table, column = duplicate_groups(table), "group"
        table = split_fractions(table, _FRACTIONS, groups=column, seed=seed)
        if name == "blood cells":
            # Other photographs, which the data set sets aside itself.
            own = list_images(data / "blood-cells" / "TEST")
            own = duplicate_groups(draw_images(own, images // 3, seed).reset_index(drop=True))
            own = own.assign(group=own["group"] + table["group"].max() + 1, split="test")
            table = pd.concat([table[table["split"] != "test"], own], ignore_index=True)
        sets.append(DataSet(name, table, features_of(extractor, table)))
        print(f"{name}: {len(table)} images", flush=True)
    noise = extractor.extractor(_noise(seed))[1]
    return [*sets, DataSet("noise", pd.DataFrame({"class": ["noise"] * _NOISE}), noise)]


def _noise(seed: int) -> np.ndarray:
    """Make pixels of noise, of blurred noise, and of one color."""
    random = np.random.default_rng(seed)
    images = random.uniform(0, 255, (_NOISE, *_SIZE, 3)).astype("float32")
    for number in range(0, _NOISE, 3):
        blurred = cv2.GaussianBlur(images[number], (0, 0), 6)
        images[number] = 255 * (blurred - blurred.min()) / (blurred.max() - blurred.min())
        images[number + 1] = random.uniform(0, 255, 3)
    return images


def detect(known: DataSet, foreign: dict[str, np.ndarray], without: str | None) -> list[Found]:
    """Tell foreign features from those of a data set's test images, by each method."""
    train, validation, test = (known.part(each, without) for each in _FRACTIONS)
    classes, numbers = np.unique(known.table["class"][train], return_inverse=True)
    indices = pd.Index(classes).get_indexer(pd.Index(known.table["class"]))
    probe = _probe(known, train, validation, indices)
    kernel, bias = probe.weights(len(classes))

    def logits(features: np.ndarray) -> np.ndarray:
        scores: np.ndarray = features @ kernel + bias
        return scores

    groups = known.table.get("group")
    detectors = {
        method: detector_of(
            known.features[train], numbers, known.features[validation],
            None if groups is None else groups[validation].tolist(), method,
        )
        for method in _PRODUCT
    }  # fmt: skip
    methods = {name: detector.scores for name, detector in detectors.items()} | {
        "energy": lambda features: -logsumexp(logits(features), axis=1),
        "probability": lambda features: -probe.predict(features).max(axis=1),
    }
    rows = []
    for name, features in foreign.items():
        found = Found(known.name, name)
        for method, scores in methods.items():
            own, others = scores(known.features[test]), scores(features)
            labels = np.repeat([0, 1], [len(own), len(others)])
            found.auroc[method] = float(roc_auc_score(labels, np.concatenate([own, others])))
            if method in _PRODUCT:
                found.own_refused[method] = float((own > 1).mean())
                found.foreign_refused[method] = float((others > 1).mean())
        rows.append(found)
        print(found, flush=True)
    return rows


def _probe(known: DataSet, train: np.ndarray, rest: np.ndarray, indices: np.ndarray) -> Probe:
    training, others = (
        ProbeData(known.features[rows].astype("float64"), indices[rows]) for rows in (train, rest)
    )
    return choose_probe(training, others, REGULARIZATION, int(indices.max()) + 1)[1]


def cover(known: DataSet) -> pd.DataFrame:
    """Calibrate prediction sets on the validation images, and measure them on the test images."""
    names = sorted(known.table["class"].unique())
    indices = pd.Index(names).get_indexer(pd.Index(known.table["class"]))
    train, validation, test = (known.part(each) for each in _FRACTIONS)
    # Nothing is chosen on the validation images, so that they are as good as new.
    probe = Probe(
        ProbeData(known.features[train].astype("float64"), indices[train]), 0.01, len(names)
    )
    evaluations = []
    for rows in (validation, test):
        table = known.table[rows]
        predictions = prediction_table(
            table["filename"].tolist(), table["class"].tolist(),
            probe.predict(known.features[rows].astype("float64")), names,
        )  # fmt: skip
        groups = table["group"].tolist() if "group" in table else None
        evaluations.append(Evaluation(predictions, groups))
    calibration, own = evaluations
    parts = []
    for method, by_class in (("lac", False), ("lac", True), ("aps", False)):
        found = coverage_table(own, fit_sets(calibration, method), (0.8, 0.9), by_class)
        parts.append(found.assign(method=method, by_class=by_class, accuracy=own.accuracy))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "data", known.name)
    return table


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--images", type=int, default=900, help="images drawn of each data set")
    options = parser.parse_args()
    sets = read(options.data, options.images, seed=0)
    header = "".join(f"{name:>13}" for name in (*_PRODUCT, "energy", "probability"))
    print(f"{'trained on':<13}{'foreign':<22}{header}{'own':>10}{'foreign':>10}")
    rows = []
    for known in sets[:-1]:
        rows += detect(known, {o.name: o.features for o in sets if o is not known}, None)
        for left_out in sorted(known.table["class"].unique())[:3]:
            if known.table["class"].nunique() > 2:
                is_left_out = (known.table["class"] == left_out).to_numpy()
                foreign = {f"class {left_out}": known.features[is_left_out]}
                rows += detect(known, foreign, left_out)
    coverage = pd.concat([cover(known) for known in sets[:-1]], ignore_index=True)
    print(coverage.round(3).to_string(index=False))
    coverage_rows = coverage.to_dict("records")
    save(options.json, novelty=[asdict(row) for row in rows], coverage=coverage_rows)


if __name__ == "__main__":
    main()
