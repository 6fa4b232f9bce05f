"""ROC and precision-recall curves, from two to hundreds of classes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from ...visualization.style import (
    COLORS,
    MUTED_TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
    style_axes,
)
from ..discrimination.curves import precision_recall_points, roc_points
from ..metrics import areas_by_class

# With more classes than colors, the worst are named, and the others are gray.
_MOST_NAMED = len(COLORS)


def plot_roc(predictions: pd.DataFrame, title: str | None = None) -> Figure:
    """Plot the ROC curve of each class against the others.

    With more than seven classes, those of the smallest area are named, and the others are gray.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        title: Title of the figure, or None.

    Returns:
        The figure. Chance is the diagonal.

    Raises:
        ValueError: If the true classes are unknown, or all images are of one class.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> table = prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"])
        >>> [text.get_text() for text in plot_roc(table).legends[0].texts]
        ['x (AUC 1.000)', 'y (AUC 1.000)']
    """
    figure, axes = _square(title, predictions)
    axes.plot([0, 1], [0, 1], color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
    lines = {}
    for name, label, style in _classes(predictions, "auc", "AUC"):
        points = roc_points(predictions, name)
        (lines[label],) = axes.plot(points["false_positive_rate"], points["sensitivity"], **style)
    axes.set_xlabel("1 − specificity (others taken for the class)")
    axes.set_ylabel("sensitivity (images of the class found)")
    return _finished(figure, axes, lines)


def plot_precision_recall(predictions: pd.DataFrame, title: str | None = None) -> Figure:
    """Plot the precision-recall curve of each class against the others.

    With more than seven classes, those of the smallest area are named, and the others are gray.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        title: Title of the figure, or None.

    Returns:
        The figure. Chance is a level line at the share of the class.

    Raises:
        ValueError: If the true classes are unknown, or all images are of one class.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> table = prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"])
        >>> plot_precision_recall(table).axes[0].get_ylabel()
        'precision (of those taken for the class, rightly)'
    """
    figure, axes = _square(title, predictions)
    lines = {}
    for name, label, style in _classes(predictions, "average_precision", "AP"):
        points = precision_recall_points(predictions, name)
        # Between two thresholds, precision does not follow a straight line.
        (lines[label],) = axes.step(points["recall"], points["precision"], where="post", **style)
    axes.set_xlabel("recall (images of the class found)")
    axes.set_ylabel("precision (of those taken for the class, rightly)")
    return _finished(figure, axes, lines)


def _square(title: str | None, predictions: pd.DataFrame) -> tuple[Figure, Axes]:
    lines = min(int(areas_by_class(predictions)["auc"].notna().sum()), _MOST_NAMED + 1)
    if not lines:
        raise ValueError("Expected images of two classes or more. Received: images of one class.")
    figure = new_figure(4.6, 4.7 + 0.2 * lines, title)
    return figure, figure.add_subplot()


def _classes(predictions: pd.DataFrame, column: str, short: str) -> list[tuple[str, str, dict]]:
    """Return name, label and style of each class that has a curve."""
    table = areas_by_class(predictions).dropna(subset="auc")
    named = table
    if len(table) > _MOST_NAMED:
        named = table.sort_values(column, kind="stable").head(_MOST_NAMED)
    others = table.drop(index=named.index)
    found: list[tuple[str, str, dict]] = []
    for number, row in enumerate(named.itertuples(index=False)):
        label = f"{shorten(row[0], 30)} ({short} {getattr(row, column):.3f})"
        found.append((row[0], label, {"color": COLORS[number], "lw": 1.6}))
    words = "1 other class" if len(others) == 1 else f"{len(others)} other classes"
    gray = {"color": "#B8BFC8", "lw": 0.7, "alpha": 0.7, "zorder": 1.5}
    return found + [(name, words, gray) for name in others["class"]]


def _finished(figure: Figure, axes: Axes, lines: Mapping[str, Line2D]) -> Figure:
    style_axes(axes, grid="both")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    # By hand, because matplotlib leaves out labels that begin with an underscore.
    figure.legend(
        [lines[label] for label in lines], list(lines), loc="outside lower center",
        frameon=False, fontsize=9,
    )  # fmt: skip
    return finalize(figure)
