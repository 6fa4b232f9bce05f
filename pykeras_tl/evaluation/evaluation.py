"""The results of a classifier on one set of images: metrics, tables and figures.

Only the predictions are stored; every number and figure is derived from them, so that they cannot
contradict each other.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from ..storage.atomic_files import atomic_directory, recover_directory
from ..storage.shards.reading import is_file
from ..visualization.rich_display import Display
from . import metrics
from .bootstrap import compare_predictions, confidence_intervals
from .calibration import expected_calibration_error, reliability_table
from .discrimination.thresholds import at_threshold
from .prediction_table import (
    class_names_of,
    files_of,
    prediction_table,
    probabilities_of,
    true_classes_of,
    upgrade_prediction_table,
)
from .results.grouped import GroupedResults
from .subgroups import accuracy_by_subgroup

_PREDICTIONS, _GROUPS, _SUBGROUP = "predictions.csv", "groups.csv", "subgroup.csv"
_ORIGINAL = "original"  # The column of the groups if they are copies.
_SAMPLES = 1000


@dataclass(frozen=True, repr=False)
class Evaluation(GroupedResults):
    """The results of a classifier on one set of images, all derived from `predictions`.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        groups: What belongs together (patient, slide, copies of one photograph): one value per
            image, in the order of `predictions`; None if all images are independent.
        groups_are_copies: Whether each group is the copies of one image.
        subgroup: What to tell the results apart by (hospital, camera), one value per image; a
            series has a name. None for nothing.

    Example:
        >>> table = prediction_table(["a"], ["cat"], np.array([[0.9, 0.1]]), ["cat", "dog"])
        >>> Evaluation(table).accuracy
        1.0
    """

    predictions: pd.DataFrame
    groups: Sequence[Hashable] | None = None
    groups_are_copies: bool = False
    subgroup: Sequence[Hashable] | pd.Series | None = None

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
        """95 % intervals by group, as returned by `confidence_intervals`."""
        return confidence_intervals(self.predictions, self.groups, repeats=_SAMPLES)

    @property
    def overall_intervals(self) -> pd.DataFrame:
        """Those of the metrics over all classes."""
        return self.intervals[self.intervals["class"].isna()].drop(columns="class")

    @cached_property
    def areas(self) -> pd.DataFrame:
        """Areas under the ROC and precision-recall curves, as `areas_by_class` returns them."""
        return metrics.areas_by_class(self.predictions)

    @cached_property
    def by_subgroup(self) -> pd.DataFrame | None:
        """Accuracy by subgroup, as `accuracy_by_subgroup` returns it; None without subgroups."""
        if self.subgroup is None:
            return None
        return accuracy_by_subgroup(self.predictions, self.subgroup, self.groups, repeats=_SAMPLES)

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
        """Images and groups, accuracy, loss, macro averages, calibration error and `overall`."""
        macro = self.by_class.iloc[-2]
        return {
            "images": len(self.predictions),
            "independent": self.independent,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "macro_precision": float(macro["precision"]),
            "macro_recall": float(macro["recall"]),
            "macro_f1": float(macro["f1"]),
            "calibration_error": self.calibration_error,
            **metrics.overall(self.predictions),
        }

    def by_group(self) -> Self:
        """Count each group once: average the probabilities of its images.

        So each photograph counts once, however many copies of it there are, and each patient.

        Returns:
            An evaluation with one row for each group, named by the group's first image, with
            the mean of the images' probabilities. A group with images of several classes has a
            row for each class. Without groups, the evaluation itself.

        Example:
            >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
            >>> table = prediction_table(list("abc"), ["cat"] * 3, values, ["cat", "dog"])
            >>> Evaluation(table, [1, 1, 2]).by_group().predictions
              filename class predicted   cat   dog
            0        a   cat       cat  0.55  0.45
            1        c   cat       dog  0.30  0.70
        """
        if self.groups is None:
            return self
        keys = pd.DataFrame(
            {"group": list(self.groups), "class": true_classes_of(self.predictions)}
        )
        numbers = keys.groupby(["group", "class"], sort=False, dropna=False).ngroup().to_numpy()
        first = np.unique(numbers, return_index=True)[1]
        means = pd.DataFrame(probabilities_of(self.predictions)).groupby(numbers).mean()
        files, kept = files_of(self.predictions), keys.iloc[first]
        table = prediction_table(
            [files[row] for row in first],
            kept["class"].tolist(),
            means.to_numpy(),
            self.class_names,
        )
        groups = kept["group"].tolist() if kept["group"].duplicated().any() else None
        subgroup = None if self.subgroup is None else self._subgroups.iloc[first]
        return type(self)(table, groups, subgroup=subgroup)

    def compare(self, other: Evaluation) -> pd.DataFrame:
        """Compare with another classifier on the same images, by the paired bootstrap by group.

        Args:
            other: Its evaluation on the same images, in the same order.

        Returns:
            The differences with their 95 % intervals, as `compare_predictions` returns them.

        Raises:
            ValueError: If the images or classes differ.

        Example:
            >>> table = prediction_table(list("ab"), ["x", "y"], np.eye(2), ["x", "y"])
            >>> Evaluation(table).compare(Evaluation(table))["conclusion"].tolist()[0]
            'within the interval'
        """
        groups = other.groups if self.groups is None else self.groups
        return compare_predictions(self.predictions, other.predictions, groups, repeats=_SAMPLES)

    def at_threshold(self, class_name: str, threshold: float) -> pd.DataFrame:
        """Measure how a class is told from the others at a threshold chosen on other images.

        Args:
            class_name: The class of interest.
            threshold: As `choose_threshold` returns it.

        Returns:
            Sensitivity, specificity and predictive values with 95 % intervals by group, as the
            function `at_threshold` returns them.

        Raises:
            ValueError: If there is no such class, or no image of it or of others.

        Example:
            >>> table = prediction_table(list("ab"), ["x", "y"], np.eye(2), ["x", "y"])
            >>> Evaluation(table).at_threshold("y", 0.5)["value"].tolist()
            [1.0, 1.0, 1.0, 1.0]
        """
        return at_threshold(self.predictions, class_name, threshold, self.groups, repeats=_SAMPLES)

    @classmethod
    def pool(cls, evaluations: Sequence[Evaluation]) -> Self:
        """Join the evaluations of the folds of a cross-validation, or of repeated runs.

        Groups of the same name become one, so that the interval by group is right even if an
        image was predicted several times.

        Args:
            evaluations: One or more, all with the same classes.

        Returns:
            The evaluation of all predictions together. Without groups, each file name is one.

        Raises:
            ValueError: If there is none, or the classes differ.

        Example:
            >>> one, other = (
            ...     Evaluation(prediction_table([name], ["x"], np.array([[0.6, 0.4]]), ["x", "y"]))
            ...     for name in "ab"
            ... )
            >>> Evaluation.pool([one, other]).size
            '2 images'
        """
        if len({tuple(each.class_names) for each in evaluations}) != 1:
            raise ValueError(
                "Expected one or more evaluations with the same classes. Received: "
                f"{[each.class_names for each in evaluations]}."
            )
        tables = [each.predictions for each in evaluations]
        groups = [
            group
            for each in evaluations
            for group in (files_of(each.predictions) if each.groups is None else each.groups)
        ]
        distinct = len(set(groups)) == len(groups)
        return cls(
            pd.concat(tables, ignore_index=True),
            None if distinct and all(each.groups is None for each in evaluations) else groups,
            all(each.groups is None or each.groups_are_copies for each in evaluations),
            None
            if any(each.subgroup is None for each in evaluations)
            else pd.concat([each._subgroups for each in evaluations]),
        )

    def _display(self) -> Display:
        from .figures import plot_confusion

        tables = {"Metrics by class": self.by_class}
        if self.independent > 1:
            tables = {"95 % intervals of the bootstrap": self.overall_intervals, **tables}
        return self._shown(tables, partial(plot_confusion, self.confusion))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV and the figures as PNG to one folder, atomically.

        Args:
            folder: A new or empty folder, or one that holds an earlier evaluation, which is
                replaced.

        Returns:
            The folder, with `predictions.csv`, `summary.csv`, `by-class.csv`,
            `confusion.csv`, `confusion.png`, `reliability.csv`, `reliability.png`; if there are
            images of two classes, `roc.png` and `precision-recall.png`; if there is more than one
            image or group, `intervals.csv`; if the images are files, `mistakes.png`; if there are
            groups, `groups.csv`; if there are subgroups, `subgroup.csv` and `by-subgroup.csv`.

        Raises:
            FileExistsError: If the folder holds anything else.
            OSError: If it cannot be written.
        """
        from .figures import (
            plot_confusion,
            plot_mistakes,
            plot_precision_recall,
            plot_reliability,
            plot_roc,
            save_png,
        )

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
            if self.areas["auc"].notna().any():
                save_png(plot_roc(self.predictions), new / "roc.png")
                save_png(plot_precision_recall(self.predictions), new / "precision-recall.png")
            if self.by_subgroup is not None:
                path = new / _SUBGROUP
                self._subgroups.to_csv(path, index=False, errors="surrogateescape")
                path = new / "by-subgroup.csv"
                self.by_subgroup.to_csv(path, index=False, errors="surrogateescape")
            if self.independent > 1:
                path = new / "intervals.csv"
                self.intervals.to_csv(path, index=False, errors="surrogateescape")
            if self.groups is not None:
                name = _ORIGINAL if self.groups_are_copies else "group"
                groups = pd.DataFrame({name: list(self.groups)})
                groups.to_csv(new / _GROUPS, index=False, errors="surrogateescape")
            with_files = self.with_files
            if len(with_files):
                save_png(plot_mistakes(with_files), new / "mistakes.png")
        return target

    @property
    def _subgroups(self) -> pd.Series:
        name = getattr(self.subgroup, "name", None) or "subgroup"
        return pd.Series(
            [] if self.subgroup is None else list(self.subgroup), name=name, dtype=object
        )

    @property
    def with_files(self) -> pd.DataFrame:
        """The predictions for those images that are files and still exist."""
        exists = [is_file(file) for file in files_of(self.predictions)]
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
        table = prediction_table(files_of(text), true_classes_of(text), values, names)
        grouped = _read_column(Path(folder) / _GROUPS)
        subgroup = _read_column(Path(folder) / _SUBGROUP)
        if grouped is None:
            return cls(table, subgroup=subgroup)
        return cls(table, grouped.tolist(), grouped.name == _ORIGINAL, subgroup)


def _read_column(path: Path) -> pd.Series | None:
    if not path.is_file():
        return None
    (name, *_), *rows = _read_rows(path)
    # An empty line is a missing value.
    return pd.Series([row[0] if row else "" for row in rows], name=name, dtype=object)


def _read_rows(path: Path) -> list[list[str]]:
    # pandas would rename duplicate columns, and read a class called "NA" as missing.
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))
