"""The results of a regressor on one set of images, all derived from its predictions."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from ...visualization.rich_display import Display
from ..discrimination.resampling import bootstrap_ends, group_numbers
from ..results.folder import (
    existing_files,
    read_groups,
    read_text_table,
    write_results,
)
from ..results.grouped import GroupedResults
from .metrics import METRICS, ResampledMetrics, regression_metrics

_SAMPLES = 1000


@dataclass(frozen=True, repr=False)
class RegressionEvaluation(GroupedResults):
    """The results of a regressor on one set of images.

    Args:
        predictions: One row per image: `filename`, `true` and `predicted`.
        target: The name of the number.
        groups: What belongs together (patient, copies of one photograph): one value per image;
            None if all images are independent.
        groups_are_copies: Whether each group is the copies of one image.

    Example:
        >>> table = pd.DataFrame(
        ...     {"filename": ["a", "b"], "true": [1.0, 3.0], "predicted": [2.0, 3.0]})
        >>> RegressionEvaluation(table, "age").summary["mae"]
        0.5
    """

    # What the Hugging Face Hub calls it.
    task: ClassVar[str] = "image-regression"

    predictions: pd.DataFrame
    target: str
    groups: Sequence[Hashable] | None = None
    groups_are_copies: bool = False

    @property
    def errors(self) -> np.ndarray:
        """Predicted minus true, float64 of shape (images,)."""
        table = self.predictions
        return table["predicted"].to_numpy("float64") - table["true"].to_numpy("float64")

    @cached_property
    def summary(self) -> dict[str, float]:
        """Images and groups, and the metrics of `regression_metrics`."""
        return {
            "images": len(self.predictions),
            "independent": self.independent,
            **regression_metrics(self.predictions["true"], self.predictions["predicted"]),
        }

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """95 % intervals of the bootstrap by group: `metric`, `value`, `low` and `high`.

        Source:
            Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
            percentile interval.
        """
        measures = ResampledMetrics(
            self.predictions["true"].to_numpy("float64"),
            self.predictions["predicted"].to_numpy("float64"),
            group_numbers(len(self.predictions), self.groups, at_least=2),
        )
        low, high = bootstrap_ends(measures, measures.groups, 0.95, _SAMPLES, 0)
        value = [self.summary[name] for name in METRICS]
        return pd.DataFrame({"metric": METRICS, "value": value, "low": low, "high": high})

    @property
    def headline(self) -> tuple[str, float]:
        """The metric that stands for all, and its value."""
        return "mae", self.summary["mae"]

    @property
    def overall(self) -> pd.DataFrame:
        """The metrics: `metric`, `value`, and `low` and `high` where they are known."""
        if self.independent > 1:
            return self.intervals
        return pd.DataFrame({"metric": METRICS, "value": [self.summary[name] for name in METRICS]})

    @cached_property
    def by_range(self) -> pd.DataFrame:
        """The errors of quarters of the images by their true number.

        The columns `from` and `to` (the true numbers), `images`, `mae`, and `bias` (the mean of
        predicted minus true: below 0 where predictions are too low).
        """
        true = self.predictions["true"]
        quarter = pd.qcut(true, 4, duplicates="drop") if true.nunique() > 1 else true
        rows = pd.DataFrame({"true": true, "error": self.errors}).groupby(quarter, observed=True)
        return pd.DataFrame(
            {
                "from": rows["true"].min(),
                "to": rows["true"].max(),
                "images": rows.size(),
                "mae": rows["error"].apply(lambda errors: errors.abs().mean()),
                "bias": rows["error"].mean(),
            }
        ).reset_index(drop=True)

    @property
    def card_tables(self) -> dict[str, pd.DataFrame]:
        """What the model card shows."""
        how = "With 95 % intervals of the bootstrap, by distinct image or group where there are any"
        return {how: self.overall, f"By {self.target}": self.by_range}

    @property
    def limits(self) -> list[str]:
        """Where the regressor should not be trusted, in sentences."""
        images = "image" if self.independent == 1 else "images or groups"
        true = self.predictions["true"]
        found = [
            f"The results rest on {self.independent:,} independent {images}.",
            f"Their true {self.target} ranges from {true.min():g} to {true.max():g}: beyond that, "
            "nothing was measured.",
        ]
        table = self.by_range
        if len(table) > 1:
            worst = table.iloc[int(table["mae"].to_numpy().argmax())]
            ends = dict.fromkeys([f"{worst['from']:g}", f"{worst['to']:g}"])
            found.append(
                f"It errs most where the true {self.target} is {' to '.join(ends)}: by "
                f"{worst['mae']:.3g} on average."
            )
        return found

    def largest_errors(self, count: int = 20) -> pd.DataFrame:
        """List the images with the largest errors, the worst first.

        Args:
            count: The largest number of images.

        Returns:
            The columns `filename`, `true`, `predicted` and `error` (predicted minus true).
        """
        table = self.predictions.assign(error=self.errors)
        order = np.argsort(-np.abs(self.errors), kind="stable")
        return table.iloc[order[:count]]

    @property
    def with_files(self) -> RegressionEvaluation:
        """The results for those images that are files and still exist."""
        return type(self)(existing_files(self.predictions), self.target)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV and the figures as PNG to one folder, atomically.

        Args:
            folder: A new or empty folder, or one that holds an earlier evaluation, which is
                replaced.

        Returns:
            The folder, with `predictions.csv`, `summary.csv`, `by-range.csv`, `target.csv`,
            `true-predicted.png` and `residuals.png`; if there is more than one image or group,
            `intervals.csv`; if the images are files, `errors.png`.

        Raises:
            FileExistsError: If the folder holds anything else.
            OSError: If it cannot be written.
        """
        from .figures import plot_largest_errors, plot_residuals, plot_true_against_predicted

        tables = {
            "summary": pd.DataFrame([self.summary]),
            "by-range": self.by_range,
            "target": pd.DataFrame({"target": [self.target]}),
        }
        if self.independent > 1:
            tables["intervals"] = self.intervals
        figures = {
            "true-predicted": plot_true_against_predicted(self),
            "residuals": plot_residuals(self),
        }
        shown = self.with_files
        if len(shown.predictions):
            figures["errors"] = plot_largest_errors(shown)
        return write_results(folder, self, tables, figures)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> RegressionEvaluation:
        """Read an evaluation that `save` wrote.

        Args:
            folder: The folder.

        Returns:
            The evaluation, equal to the one that was saved.

        Raises:
            FileNotFoundError: If the folder holds no evaluation.
        """
        table = read_text_table(Path(folder), "predictions.csv")
        target = str(read_text_table(Path(folder), "target.csv").iloc[0, 0])
        table = table.astype({"true": float, "predicted": float})
        return cls(table, target, *read_groups(Path(folder)))

    def _display(self) -> Display:
        from .figures import plot_true_against_predicted

        return self._shown({"Metrics": self.overall}, partial(plot_true_against_predicted, self))
