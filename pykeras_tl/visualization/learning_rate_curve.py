"""The curve of a learning rate range test."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .style import COLORS, MUTED_TEXT_COLOR, finalize, new_figure, style_axes


def plot_learning_rates(table: pd.DataFrame, suggestion: float) -> Figure:
    """Plot the loss of a learning rate range test against the learning rate.

    Args:
        table: The columns `learning_rate`, `loss` and `smoothed_loss`, one row for each batch.
        suggestion: The learning rate to mark.

    Returns:
        The figure; the rates are on a logarithmic axis.

    Example:
        >>> table = pd.DataFrame({"learning_rate": [0.1, 1.0], "loss": [2.0, 1.0],
        ...                       "smoothed_loss": [2.0, 1.5]})
        >>> plot_learning_rates(table, 0.1).axes[0].get_xscale()
        'log'
    """
    figure = new_figure(5.6, 3.6, "Learning rate range test")
    axes = figure.subplots()
    rates = table["learning_rate"]
    axes.plot(rates, table["loss"], color=COLORS[0], lw=0.8, alpha=0.4, label="loss of a batch")
    axes.plot(rates, table["smoothed_loss"], color=COLORS[0], lw=2, label="smoothed")
    axes.axvline(suggestion, color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
    axes.text(
        suggestion,
        1,
        f" {suggestion:.1e}",
        transform=axes.get_xaxis_transform(),
        fontsize=8,
        color=MUTED_TEXT_COLOR,
        va="top",
    )
    # Where training diverges, single batches would take up the whole axis.
    low, high = table["smoothed_loss"].min(), table["smoothed_loss"].max()
    margin = max(0.1 * (high - low), 1e-6)
    axes.set(xscale="log", ylim=(low - 2 * margin, np.nextafter(high + margin, np.inf)))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    style_axes(axes)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=9,
    )
    return finalize(figure)
