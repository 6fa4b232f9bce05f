"""Figures of a regressor: predicted against true numbers, residuals, and the largest errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...images.decoding.thumbnails import read_thumbnail
from ...visualization.style import (
    COLORS,
    MUTED_TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
    style_axes,
)
from ..figures.galleries import image_sheet

_DOTS: dict[str, Any] = {"s": 16, "alpha": 0.6, "linewidths": 0, "color": COLORS[0]}


class HasErrors(Protocol):
    """What the figures show of a `RegressionEvaluation`."""

    @property
    def predictions(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def errors(self) -> np.ndarray: ...  # noqa: D102
    def largest_errors(self, count: int = 20) -> pd.DataFrame: ...  # noqa: D102


def plot_true_against_predicted(evaluation: HasErrors, title: str | None = None) -> Figure:
    """Plot the predicted numbers over the true ones.

    Args:
        evaluation: The evaluation.
        title: Title of the figure, or None.

    Returns:
        The figure: one dot per image; on the dotted line, both are equal.

    Example:
        >>> import pandas as pd
        >>> from pykeras_tl.evaluation.regression import RegressionEvaluation
        >>> table = pd.DataFrame({"filename": ["a"], "true": [1.0], "predicted": [2.0]})
        >>> plot_true_against_predicted(RegressionEvaluation(table, "age")).axes[0].get_xlabel()
        'true age'
    """
    true, predicted = (evaluation.predictions[name] for name in ("true", "predicted"))
    figure = new_figure(4.8, 4.8, title)
    axes = figure.add_subplot()
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    margin = 0.04 * (ends[1] - ends[0] or 1.0)
    ends = [ends[0] - margin, ends[1] + margin]
    axes.plot(ends, ends, color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
    axes.scatter(true, predicted, **_DOTS)
    style_axes(axes, grid="both")
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel(f"true {shorten(evaluation.target, 40)}")
    axes.set_ylabel(f"predicted {shorten(evaluation.target, 40)}")
    return finalize(figure)


def plot_residuals(evaluation: HasErrors, title: str | None = None) -> Figure:
    """Plot the errors over the predicted numbers, and how often which error occurs.

    Args:
        evaluation: The evaluation.
        title: Title of the figure, or None.

    Returns:
        The figure. A good regressor has errors around 0, without a trend.

    Example:
        >>> import pandas as pd
        >>> from pykeras_tl.evaluation.regression import RegressionEvaluation
        >>> table = pd.DataFrame({"filename": ["a"], "true": [1.0], "predicted": [2.0]})
        >>> len(plot_residuals(RegressionEvaluation(table, "age")).axes)
        2
    """
    errors = evaluation.errors
    figure = new_figure(6.6, 3.6, title)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    left.axhline(0, color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
    left.scatter(evaluation.predictions["predicted"], errors, **_DOTS)
    right.hist(errors, bins=min(30, max(5, round(np.sqrt(len(errors))))), orientation="horizontal")
    style_axes(left, grid="both")
    style_axes(right, grid="y")
    left.set_xlabel(f"predicted {shorten(evaluation.target, 40)}")
    left.set_ylabel("predicted − true")
    right.set_xlabel("images")
    return finalize(figure)


def plot_largest_errors(evaluation: HasErrors, count: int = 20, title: str | None = None) -> Figure:
    """Plot the images with the largest errors, the worst first.

    Args:
        evaluation: The evaluation of image files.
        count: The largest number of images.
        title: Title of the figure, or None.

    Returns:
        The figure, with the predicted and the true number below each image.

    Raises:
        ValueError: If there is no image.
        FileNotFoundError: If an image file is missing.

    Example:
        >>> import pandas as pd
        >>> from PIL import Image
        >>> from pykeras_tl.evaluation.regression import RegressionEvaluation
        >>> Image.new("RGB", (9, 9)).save("a.png")
        >>> table = pd.DataFrame({"filename": ["a.png"], "true": [1.0], "predicted": [2.5]})
        >>> figure = plot_largest_errors(RegressionEvaluation(table, "age"))
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['2.5', 'is 1', 'a.png']
    """
    worst = evaluation.largest_errors(count)
    if worst.empty:
        raise ValueError("Expected at least one image. Received: no image.")
    captions = [
        (
            f"{row['predicted']:.4g}",
            f"is {row['true']:.4g}",
            shorten(Path(row["filename"]).name, 26),
        )
        for row in worst.to_dict("records")
    ]
    return image_sheet([read_thumbnail(file) for file in worst["filename"]], captions, title)
