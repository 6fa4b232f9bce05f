"""Evaluation of a classifier on one set of images: predictions, metrics, tables and figures.

Only the predictions are stored; every number and figure is derived from them, so that they cannot
contradict each other.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from ..images.decoding.reading import BadImageError
from ..images.decoding.validation import list_bad_files
from ..storage.atomic_files import atomic_directory, recover_directory
from . import metrics
from .bootstrap import confidence_intervals
from .calibration import expected_calibration_error, reliability_table
from .prediction_table import (
    class_names_of,
    files_of,
    prediction_table,
    true_classes_of,
    upgrade_prediction_table,
)
from .predictions import predict_flow, true_classes

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator
    from ..models.saving.classifier import Classifier

_PREDICTIONS, _GROUPS = "predictions.csv", "groups.csv"
_SAMPLES = 1000


@dataclass(frozen=True)
class Evaluation:
    """The results of a classifier on one set of images, all derived from `predictions`.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        groups: What belongs together (patient, slide, copies of one photograph): one value per
            image, in the order of `predictions`; None if all images are independent.

    Example:
        >>> table = prediction_table(["a"], ["cat"], np.array([[0.9, 0.1]]), ["cat", "dog"])
        >>> Evaluation(table).accuracy
        1.0
    """

    predictions: pd.DataFrame
    groups: Sequence[Hashable] | None = None

    @cached_property
    def accuracy(self) -> float:
        """The share of images whose predicted class is the true one, 0..1."""
        return metrics.accuracy(self.predictions)

    @cached_property
    def loss(self) -> float:
        """The mean cross-entropy, as Keras computes it."""
        return metrics.log_loss(self.predictions)

    @cached_property
    def by_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and support of each class, then macro and weighted averages."""
        return metrics.by_class(self.predictions)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Counts: true classes in the rows, predicted ones in the columns."""
        return metrics.confusion_matrix(self.predictions)

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """95 % intervals of accuracy and F1, as returned by `confidence_intervals`."""
        return confidence_intervals(self.predictions, self.groups, repeats=_SAMPLES)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """Accuracy by confidence, as returned by `reliability_table`."""
        return reliability_table(self.predictions)

    @cached_property
    def calibration_error(self) -> float:
        """The mean difference between confidence and accuracy, 0..1."""
        return expected_calibration_error(self.predictions)

    @property
    def class_names(self) -> list[str]:
        """The classes, in the order of the model's outputs."""
        return class_names_of(self.predictions)

    @property
    def summary(self) -> dict[str, float]:
        """Number of images, accuracy, loss, macro averages and calibration error."""
        macro = self.by_class.iloc[-2]
        return {
            "images": len(self.predictions),
            "accuracy": self.accuracy,
            "loss": self.loss,
            "macro_precision": float(macro["precision"]),
            "macro_recall": float(macro["recall"]),
            "macro_f1": float(macro["f1"]),
            "calibration_error": self.calibration_error,
        }

    @property
    def independent(self) -> int:
        """The number of groups, or of images if there are no groups."""
        return len(self.predictions) if self.groups is None else len(set(self.groups))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV and the figures as PNG to one folder, atomically.

        Args:
            folder: A new or empty folder, or one that holds an earlier evaluation, which is
                replaced.

        Returns:
            The folder, with `predictions.csv`, `summary.csv`, `by-class.csv`,
            `confusion.csv`, `confusion.png`, `reliability.csv`, `reliability.png`; if there is
            more than one image or group, `intervals.csv`; if the images are files,
            `mistakes.png`; if there are groups, `groups.csv`.

        Raises:
            FileExistsError: If the folder holds anything else.
            OSError: If it cannot be written.
        """
        from .figures import plot_confusion, plot_mistakes, plot_reliability, save_png

        target = recover_directory(folder)
        if target.exists() and not (target / _PREDICTIONS).exists() and any(target.iterdir()):
            raise FileExistsError(
                "Expected an empty folder or one with an earlier evaluation. Received: "
                f"{target}, which holds other files. Choose a new or empty folder."
            )
        with atomic_directory(target) as new:
            self.predictions.to_csv(new / _PREDICTIONS, index=False, errors="surrogateescape")
            pd.DataFrame([self.summary]).to_csv(new / "summary.csv", index=False)
            self.by_class.to_csv(new / "by-class.csv", index=False, errors="surrogateescape")
            self.confusion.to_csv(new / "confusion.csv", errors="surrogateescape")
            save_png(plot_confusion(self.confusion), new / "confusion.png")
            self.reliability.to_csv(new / "reliability.csv", index=False)
            save_png(plot_reliability(self.predictions), new / "reliability.png")
            if self.independent > 1:
                path = new / "intervals.csv"
                self.intervals.to_csv(path, index=False, errors="surrogateescape")
            if self.groups is not None:
                groups = pd.DataFrame({"group": list(self.groups)})
                groups.to_csv(new / _GROUPS, index=False, errors="surrogateescape")
            with_files = self.with_files
            if len(with_files):
                save_png(plot_mistakes(with_files), new / "mistakes.png")
        return target

    @property
    def with_files(self) -> pd.DataFrame:
        """The predictions for those images that are files and still exist."""
        exists = [Path(file).is_file() for file in files_of(self.predictions)]
        return self.predictions[exists]

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read an evaluation that `save` of this or an older version wrote.

        Args:
            folder: The folder.

        Returns:
            The evaluation, equal to the one that was saved.

        Raises:
            FileNotFoundError: If the folder holds no evaluation.
        """
        path = recover_directory(folder) / _PREDICTIONS
        if not path.is_file():
            raise FileNotFoundError(
                f"Expected a folder with a saved evaluation. Received: {folder}, without a "
                f"{_PREDICTIONS}."
            )
        header, *rows = _read_rows(path)
        text = pd.DataFrame(rows, columns=pd.Index(header, dtype=object), dtype=object)
        text = upgrade_prediction_table(text)
        names = class_names_of(text)
        values = np.array(text.iloc[:, -len(names) :], dtype="float32")
        groups_file = Path(folder) / _GROUPS
        groups = [row[0] for row in _read_rows(groups_file)[1:]] if groups_file.is_file() else None
        return cls(prediction_table(files_of(text), true_classes_of(text), values, names), groups)


def _read_rows(path: Path) -> list[list[str]]:
    # pandas would rename duplicate columns, and read a class called "NA" as missing.
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


def evaluate_classifier(
    model: keras.Model | Classifier,
    data: Iterator | pd.DataFrame | str | os.PathLike[str],
    batch_size: int = 32,
    groups: Sequence[Hashable] | None = None,
    test_time_augmentation: str | None = None,
) -> Evaluation:
    """Evaluate a model or a saved classifier on images whose classes are known.

    Args:
        model: A Keras model (then `data` is a flow that prepares images as in training) or a
            `Classifier`, which prepares images by itself.
        data: A flow; for a `Classifier`, also a folder with one subfolder per class or a table
            with the columns `filename` and `class`.
        batch_size: Images per batch, for a `Classifier`.
        groups: What belongs together (patient, slide, copies): one value per image, in the order
            of the data; by default the column `group` of a table. Confidence intervals take it
            into account.
        test_time_augmentation: None, or views of each image over which probabilities are
            averaged: `"hflip"`, `"flips"` or `"d4"`, as in `predict_flow`.

    Returns:
        The evaluation, in file order.

    Raises:
        TypeError: If a Keras model is given files, which it does not know how to prepare, or a
            `Classifier` is given arrays.
        ValueError: If the data has classes that the classifier was not trained on.

    Example:
        >>> import keras
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
        ... )
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 1, 0]])
        >>> evaluate_classifier(model, flow).accuracy
        0.5
    """
    import keras

    table: pd.DataFrame | None = data if isinstance(data, pd.DataFrame) else None
    if groups is None and table is not None and "group" in table:
        groups = table["group"].tolist()
    if not isinstance(model, keras.Model):
        return Evaluation(_predict_files(model, data, batch_size, test_time_augmentation), groups)
    if isinstance(data, str | os.PathLike | pd.DataFrame):
        raise TypeError(
            "Expected a flow, because a Keras model does not know how its images are prepared. "
            f"Received: {type(data).__name__}. Pass a flow over the images, or a classifier that "
            "prepares them: Classifier.from_flow(model, flow)."
        )
    return Evaluation(predict_flow(model, data, test_time_augmentation), groups)


def _predict_files(
    classifier: Classifier,
    data: Iterator | pd.DataFrame | str | os.PathLike[str],
    batch_size: int,
    test_time_augmentation: str | None,
) -> pd.DataFrame:
    files, true = _files_and_classes(data)
    strange = sorted(set(true) - set(classifier.class_names))
    if strange:
        raise ValueError(
            f"Expected the classes that the classifier was trained on, {classifier.class_names}. "
            f"Received: {strange[:5]}."
        )
    names = classifier.class_names
    table = classifier.predict(files, batch_size, test_time_augmentation)
    if table["predicted"].isna().any():
        bad = table[table["predicted"].isna()].iloc[:, [0, -1]]
        listed = list_bad_files(dict(bad.itertuples(index=False)))
        raise BadImageError(
            f"{len(bad)} of {len(table)} image files", f"cannot be used: {listed}. Remove them"
        )
    return prediction_table(files, true, table.iloc[:, -len(names) :].to_numpy(), names)


def _files_and_classes(
    data: Iterator | pd.DataFrame | str | os.PathLike[str],
) -> tuple[list[str], list[str]]:
    from ..images.datasets.folders import list_images
    from ..images.iterators.file_iterator import FileIterator

    source = list_images(data) if isinstance(data, str | os.PathLike) else data
    if isinstance(source, pd.DataFrame):
        return source.loc[:, "filename"].tolist(), source.loc[:, "class"].tolist()
    if not isinstance(source, FileIterator):
        raise TypeError(
            "Expected a folder, a table of files or a flow over files, which a Classifier reads by "
            f"itself. Received: {type(source).__name__}. For arrays, evaluate the model: "
            "classifier.model."
        )
    true = true_classes(source, source.class_names or [])
    if true is None:
        raise ValueError("Expected a flow with the classes of its files. Received: no labels.")
    return [str(path) for path in source.filepaths], true
