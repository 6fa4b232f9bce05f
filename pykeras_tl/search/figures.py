"""Figures of a search: how far it came, and which settings mattered."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..visualization.style import COLORS, MUTED_TEXT_COLOR, finalize, new_figure, style_axes


def plot_search(table: pd.DataFrame) -> Figure:
    """Plot the validation accuracy of all trials, and the best so far.

    Args:
        table: The columns `number`, `validation_accuracy` and `state`, as in
            `SearchResult.table`.

    Returns:
        The figure; trials that were ended early are hollow.

    Example:
        >>> table = pd.DataFrame({"number": [0, 1], "validation_accuracy": [0.7, 0.6],
        ...                       "state": ["complete", "pruned"]})
        >>> plot_search(table).axes[0].get_ylabel()
        'validation accuracy'
    """
    figure = new_figure(6.4, 3.6, "Search")
    axes = figure.subplots()
    complete = table[table["state"] == "complete"]
    pruned = table[table["state"] == "pruned"]
    column = "validation_accuracy"
    axes.scatter(complete["number"], complete[column], color=COLORS[0], s=26, label="trained")
    axes.scatter(
        pruned["number"], pruned[column], s=26, label="ended early",
        facecolors="none", edgecolors=MUTED_TEXT_COLOR,
    )  # fmt: skip
    axes.step(
        complete["number"], complete[column].cummax(), where="post", color=COLORS[1], lw=2,
        label="best so far",
    )  # fmt: skip
    axes.set_xlabel("trial")
    axes.set_ylabel("validation accuracy")
    style_axes(axes)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center", ncols=3, frameon=False, fontsize=9,
    )  # fmt: skip
    return finalize(figure)


def plot_importances(importances: pd.Series) -> Figure:
    """Plot how much each setting mattered.

    Args:
        importances: Shares of the variance by setting, summing to 1.

    Returns:
        The figure.

    Example:
        >>> figure = plot_importances(pd.Series({"dropout": 0.2, "learning_rate": 0.8}))
        >>> figure.axes[0].get_xlabel()
        'share of the variance of validation accuracy'
    """
    figure = new_figure(6.4, 0.34 * len(importances) + 1.3, "What mattered")
    axes = figure.subplots()
    ordered = importances.sort_values()
    axes.barh([name.replace("_", " ") for name in ordered.index], ordered, color=COLORS[0])
    axes.set_xlabel("share of the variance of validation accuracy")
    style_axes(axes)
    return finalize(figure)
