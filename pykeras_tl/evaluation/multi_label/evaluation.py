"""The results of a multi-label classifier on one set of images, derived from its predictions."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from ...visualization.rich_display import Display, list_names
from ..results.folder import (
    existing_files,
    read_groups,
    read_text_table,
    write_results,
)
from ..results.grouped import GroupedResults
from . import metrics
from .table import LEADING, has_labels, label_table, names_of, scores_of

_THRESHOLDS = "thresholds.csv"
# Fewer images with a label than this leave its result nearly open.
_FEW = 30


@dataclass(frozen=True, repr=False)
class MultiLabelEvaluation(GroupedResults):
    """The results of a multi-label classifier on one set of images.

    Args:
        predictions: One row per image: `filename`, `labels` (the true ones), `predicted`, and a
            column of probabilities per label, as `label_table` returns it.
        thresholds: The probability from which on an image was taken for having the label.
        groups: What belongs together (patient, copies of one photograph): one value per image;
            None if all images are independent.
        groups_are_copies: Whether each group is the copies of one image.

    Example:
        >>> true = np.array([[True, False], [False, True]])
        >>> table = label_table(["a", "b"], true, [[0.9, 0.6], [0.2, 0.7]], ["x", "y"], [0.5, 0.5])
        >>> evaluation = MultiLabelEvaluation(table, [0.5, 0.5])
        >>> evaluation.summary["exact_match"], evaluation.headline
        (0.5, ('macro_average_precision', 1.0))
    """

    # What the Hugging Face Hub calls it.
    task: ClassVar[str] = "image-classification"

    predictions: pd.DataFrame
    thresholds: Sequence[float]
    groups: Sequence[Hashable] | None = None
    groups_are_copies: bool = False

    @property
    def class_names(self) -> list[str]:
        """The labels, in the order of the model's outputs."""
        return names_of(self.predictions)

    @cached_property
    def by_label(self) -> pd.DataFrame:
        """The results of each label, as `label_metrics` returns them."""
        return metrics.label_metrics(self.predictions, self.thresholds)

    @cached_property
    def summary(self) -> dict[str, float]:
        """Images and groups, and the metrics of `overall_metrics`."""
        return {
            "images": len(self.predictions),
            "independent": self.independent,
            **metrics.overall_metrics(self.predictions),
        }

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """95 % intervals by group, as `label_intervals` returns them."""
        return metrics.label_intervals(self.predictions, self.groups)

    @property
    def headline(self) -> tuple[str, float]:
        """The metric that stands for all, and its value."""
        return "macro_average_precision", self.summary["macro_average_precision"]

    @property
    def overall(self) -> pd.DataFrame:
        """The metrics over all labels: `metric`, `value`, and `low` and `high` where known."""
        if self.independent > 1:
            rows = self.intervals[self.intervals["label"].isna()]
            return rows.drop(columns="label")
        return pd.DataFrame(
            {"metric": metrics.OVERALL, "value": [self.summary[name] for name in metrics.OVERALL]}
        )

    @property
    def card_tables(self) -> dict[str, pd.DataFrame]:
        """What the model card shows."""
        how = "With 95 % intervals of the bootstrap, by distinct image or group where there are any"
        return {how: self.overall, "By label": self.by_label}

    @property
    def limits(self) -> list[str]:
        """Where the classifier should not be trusted, in sentences."""
        images = "image" if self.independent == 1 else "images or groups"
        found = [f"The results rest on {self.independent:,} independent {images}."]
        table = self.by_label
        rare = table[table["images"] < _FEW]
        if len(rare):
            listed = [f"{row.label} ({row.images})" for row in rare.itertuples()]
            found.append(
                f"Fewer than {_FEW} images with a label leave its result nearly open: "
                f"{list_names(listed, 10)}."
            )
        known = table[table["images"] > 0].sort_values("recall")
        if len(known) and known["recall"].iloc[0] < 1:
            worst = known.iloc[0]
            found.append(
                f"The label found least is {worst['label']}: {worst['recall']:.0%} of the images "
                "that have it."
            )
        return found

    def largest_mistakes(self, count: int = 20) -> pd.DataFrame:
        """List the images with the most confident wrong label, the worst first.

        Args:
            count: The largest number of images.

        Returns:
            The columns `filename`, `labels`, `predicted`, `wrong` (the label that is most wrong)
            and `probability` (of that label).
        """
        true, predicted = (has_labels(self.predictions, name) for name in LEADING[1:])
        scores = scores_of(self.predictions)
        error = np.where(true != predicted, np.abs(scores - true), -1.0)
        worst = error.argmax(axis=1)
        size = error[np.arange(len(error)), worst]
        wrong = np.flatnonzero((true != predicted).any(axis=1))
        chosen = wrong[np.argsort(-size[wrong], kind="stable")][:count]
        names = np.array(self.class_names, dtype=object)
        table = self.predictions.iloc[chosen, : len(LEADING)]
        return table.assign(wrong=names[worst[chosen]], probability=scores[chosen, worst[chosen]])

    def with_thresholds(self, thresholds: Sequence[float]) -> MultiLabelEvaluation:
        """Return the results at other thresholds.

        Args:
            thresholds: The probability from which on an image has the label, one per label.

        Returns:
            An evaluation of the same probabilities.
        """
        table = label_table(
            self.predictions.iloc[:, 0].tolist(),
            has_labels(self.predictions, "labels"),
            scores_of(self.predictions),
            self.class_names,
            thresholds,
        )
        return type(self)(table, list(thresholds), self.groups, self.groups_are_copies)

    @property
    def with_files(self) -> MultiLabelEvaluation:
        """The results for those images that are files and still exist."""
        table = existing_files(self.predictions)
        return type(self)(table, self.thresholds)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV and the figures as PNG to one folder, atomically.

        Args:
            folder: A new or empty folder, or one that holds an earlier evaluation, which is
                replaced.

        Returns:
            The folder, with `predictions.csv`, `summary.csv`, `by-label.csv`, `thresholds.csv`,
            `precision-recall.png` and `labels.png`; if there is more than one image or group,
            `intervals.csv`; if the images are files, `mistakes.png`.

        Raises:
            FileExistsError: If the folder holds anything else.
            OSError: If it cannot be written.
        """
        from .figures import (
            plot_label_confusions,
            plot_label_mistakes,
            plot_label_precision_recall,
        )

        tables = {
            "summary": pd.DataFrame([self.summary]),
            "by-label": self.by_label,
            Path(_THRESHOLDS).stem: self.by_label[["label", "threshold"]],
        }
        if self.independent > 1:
            tables["intervals"] = self.intervals
        figures = {"labels": plot_label_confusions(self)}
        if self.by_label["average_precision"].notna().any():
            figures["precision-recall"] = plot_label_precision_recall(self)
        shown = self.with_files
        if len(shown.predictions):
            figures["mistakes"] = plot_label_mistakes(shown)
        return write_results(folder, self, tables, figures)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> MultiLabelEvaluation:
        """Read an evaluation that `save` wrote.

        Args:
            folder: The folder.

        Returns:
            The evaluation, equal to the one that was saved.

        Raises:
            FileNotFoundError: If the folder holds no evaluation.
        """
        table = read_text_table(Path(folder), "predictions.csv")
        thresholds = read_text_table(Path(folder), _THRESHOLDS)["threshold"].astype(float)
        values = table.iloc[:, len(LEADING) :].astype(float)
        table = pd.concat([table.iloc[:, : len(LEADING)], values], axis=1)
        return cls(table, thresholds.tolist(), *read_groups(Path(folder)))

    def _display(self) -> Display:
        return self._shown({"By label": self.by_label})
