"""The reliability diagram: accuracy by confidence."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...visualization.style import (
    COLORS,
    MUTED_TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
    style_axes,
)
from ..calibration import expected_calibration_error, reliability_table


def plot_reliability(
    predictions: pd.DataFrame | Mapping[str, pd.DataFrame],
    title: str | None = None,
    bins: int = 10,
) -> Figure:
    """Plot accuracy by confidence; a calibrated model lies on the diagonal.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes, or
            several by name, such as before and after temperature scaling.
        title: Title of the figure, or None.
        bins: The number of equal ranges of the probability of the predicted class.

    Returns:
        The figure: the area of a point is the share of images in its range.

    Raises:
        ValueError: If there is no table, or the true classes are unknown.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.4, 0.6]])
        >>> table = prediction_table(["a", "b"], ["x", "x"], values, ["x", "y"])
        >>> plot_reliability(table).axes[0].get_xlabel()
        'probability of the predicted class'
    """
    named = dict(predictions) if isinstance(predictions, Mapping) else {"": predictions}
    if not named:
        raise ValueError("Expected at least one table of predictions. Received: no table.")
    figure = new_figure(4.6, 4.7 + 0.2 * len(named), title)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
    for number, (name, table) in enumerate(named.items()):
        points = reliability_table(table, bins)
        error = expected_calibration_error(table, bins)
        color = COLORS[number % len(COLORS)]
        label = f"{shorten(name, 30)} (calibration error {error:.3f})".strip()
        axes.plot(points["confidence"], points["accuracy"], color=color, lw=1.6, label=label)
        areas = 20 + 500 * points["images"] / points["images"].sum()
        axes.scatter(points["confidence"], points["accuracy"], s=areas, color=color, alpha=0.55)
    axes.set_xlabel("probability of the predicted class")
    axes.set_ylabel("accuracy")
    style_axes(axes, grid="both")
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=9
    )
    return finalize(figure)
