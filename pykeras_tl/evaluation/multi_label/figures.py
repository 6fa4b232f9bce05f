"""Figures of a multi-label classifier: curves and counts of each label, and its worst mistakes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import multilabel_confusion_matrix, precision_recall_curve

from ...images.decoding.thumbnails import read_thumbnail
from ...models.saving.multi_label import SEPARATOR
from ...visualization.style import (
    COLORS,
    PROPORTION_CMAP,
    TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
    style_axes,
)
from ..figures.galleries import image_sheet
from .table import has_labels, scores_of

# With more labels, the worst are shown.
_MOST_CURVES, _MOST_MATRICES = len(COLORS), 12
_COLUMNS = 4


class HasLabels(Protocol):
    """What the figures show of a `MultiLabelEvaluation`."""

    @property
    def predictions(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def by_label(self) -> pd.DataFrame: ...  # noqa: D102
    def largest_mistakes(self, count: int = 20) -> pd.DataFrame: ...  # noqa: D102


def plot_label_precision_recall(evaluation: HasLabels, title: str | None = None) -> Figure:
    """Plot the precision-recall curve of each label, with a dot at its threshold.

    With more than seven labels, those of the smallest area are shown.

    Args:
        evaluation: The evaluation.
        title: Title of the figure, or None.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no label that some images have and others have not.

    Example:
        >>> from pykeras_tl.evaluation.multi_label import MultiLabelEvaluation
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> table = label_table(["a", "b"], np.eye(2) > 0, np.eye(2), ["x", "y"], [0.5, 0.5])
        >>> figure = plot_label_precision_recall(MultiLabelEvaluation(table, [0.5, 0.5]))
        >>> [text.get_text() for text in figure.legends[0].texts]
        ['x (AP 1.000)', 'y (AP 1.000)']
    """
    table = evaluation.by_label.dropna(subset="average_precision")
    if table.empty:
        raise ValueError("Expected a label that some images have and others have not.")
    if len(table) > _MOST_CURVES:
        table = table.sort_values("average_precision", kind="stable").head(_MOST_CURVES)
    true, scores = has_labels(evaluation.predictions, "labels"), scores_of(evaluation.predictions)
    figure = new_figure(4.6, 4.7 + 0.2 * len(table), title)
    axes = figure.add_subplot()
    lines = []
    for number, row, color in zip(table.index, table.to_dict("records"), COLORS):
        precision, recall, _ = precision_recall_curve(true[:, number], scores[:, number])
        (line,) = axes.step(recall, precision, where="post", color=color, lw=1.6)
        axes.plot(row["recall"], row["precision"], "o", color=color, markersize=5)
        lines.append(line)
    style_axes(axes, grid="both")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xlabel("recall (images with the label found)")
    axes.set_ylabel("precision (of those given the label, rightly)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    labels = [
        f"{shorten(row['label'], 30)} (AP {row['average_precision']:.3f})"
        for row in table.to_dict("records")
    ]
    figure.legend(lines, labels, loc="outside lower center", frameon=False, fontsize=9)
    return finalize(figure)


def plot_label_confusions(evaluation: HasLabels, title: str | None = None) -> Figure:
    """Plot a matrix of two rows and columns for each label: has it, has it not.

    With more than twelve labels, those of the lowest F1 are shown.

    Args:
        evaluation: The evaluation.
        title: Title of the figure, or None.

    Returns:
        The figure: the truth in the rows, the prediction in the columns.

    Example:
        >>> from pykeras_tl.evaluation.multi_label import MultiLabelEvaluation
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> table = label_table(["a", "b"], np.eye(2) > 0, np.eye(2), ["x", "y"], [0.5, 0.5])
        >>> figure = plot_label_confusions(MultiLabelEvaluation(table, [0.5, 0.5]))
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['x', 'y']
    """
    true, predicted = (has_labels(evaluation.predictions, name) for name in ("labels", "predicted"))
    matrices = multilabel_confusion_matrix(true, predicted)
    table = evaluation.by_label
    if len(table) > _MOST_MATRICES:
        table = table.sort_values("f1", kind="stable").head(_MOST_MATRICES)
    columns = min(_COLUMNS, len(table))
    rows = math.ceil(len(table) / columns)
    figure = new_figure(1.9 * columns + 0.3, 2.0 * rows + (0.4 if title else 0), title)
    for place, (number, row) in enumerate(table.iterrows()):
        axes = figure.add_subplot(rows, columns, place + 1)
        # The label itself first.
        counts = matrices[number][::-1, ::-1]
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap=PROPORTION_CMAP, vmin=0, vmax=1)
        for i, j in np.ndindex(2, 2):
            color = "white" if shares[i, j] > 0.45 else TEXT_COLOR
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=9, color=color)
        style_axes(axes, shorten(row["label"], 22), grid=None)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([0, 1], ["given", "not given"])
        axes.set_yticks([0, 1], ["has it", "has not"] if place % columns == 0 else ["", ""])
    return finalize(figure)


def plot_label_mistakes(evaluation: HasLabels, count: int = 20, title: str | None = None) -> Figure:
    """Plot the images with the most confident wrong label, the worst first.

    Args:
        evaluation: The evaluation of image files.
        count: The largest number of images.
        title: Title of the figure, or None.

    Returns:
        The figure: the label that is most wrong, with its probability, then the true ones; it
        says "No mistakes." if there are none.

    Raises:
        FileNotFoundError: If an image file is missing.

    Example:
        >>> from pykeras_tl.evaluation.multi_label import MultiLabelEvaluation
        >>> from pykeras_tl.evaluation.multi_label.table import label_table
        >>> table = label_table(["a", "b"], np.eye(2) > 0, np.eye(2), ["x", "y"], [0.5, 0.5])
        >>> plot_label_mistakes(MultiLabelEvaluation(table, [0.5, 0.5])).texts[-1].get_text()
        'No mistakes.'
    """
    worst = evaluation.largest_mistakes(count)
    if worst.empty:
        figure = new_figure(6, 1.6, title)
        figure.text(0.5, 0.4, "No mistakes.", ha="center", fontsize=12, color=TEXT_COLOR)
        return finalize(figure)
    captions = [
        (
            shorten(f"{_kind(row)} {row['wrong']} {row['probability']:.0%}", 28),
            shorten(f"is {row['labels'] or 'none'}", 30),
            shorten(Path(row["filename"]).name, 26),
        )
        for row in worst[["filename", "labels", "wrong", "probability"]].to_dict("records")
    ]
    return image_sheet([read_thumbnail(file) for file in worst["filename"]], captions, title)


def _kind(row: dict[Hashable, Any]) -> str:
    return "missed" if row["wrong"] in row["labels"].split(SEPARATOR) else "given"
