"""The confusion matrix as a figure that stays readable from 2 to about 200 classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ...visualization.style import (
    MUTED_TEXT_COLOR,
    PROPORTION_CMAP,
    TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
)

# Up to how many classes shares, or counts alone, are readable in the cells.
_MOST_WITH_SHARES = 14
_MOST_WITH_COUNTS = 40
_LONGEST_NAME = 26


def plot_confusion(confusion: pd.DataFrame, title: str | None = None) -> Figure:
    """Plot a confusion matrix: color shows the share of the true class, numbers are counts.

    With more than 40 classes there are no numbers, and the figure grows with the classes.

    Args:
        confusion: Counts as returned by `confusion_matrix`: true classes in the rows, predicted
            ones in the columns.
        title: Title of the figure, or None.

    Returns:
        The figure.

    Raises:
        ValueError: If the matrix is empty or not square.

    Example:
        >>> matrix = pd.DataFrame([[8, 2], [1, 9]], index=["cat", "dog"], columns=["cat", "dog"])
        >>> [text.get_text().split() for text in plot_confusion(matrix).axes[0].texts][:2]
        [['8', '80%'], ['2', '20%']]
    """
    classes = len(confusion)
    if classes == 0 or confusion.shape != (classes, classes):
        raise ValueError(f"Expected a square matrix of counts. Received: shape {confusion.shape}.")
    counts = confusion.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _sized_figure([str(name) for name in confusion.index], title)
    axes = figure.add_subplot()
    # Without numbers, a few percent must differ visibly from zero by color alone.
    norm = PowerNorm(1 if classes <= _MOST_WITH_COUNTS else 0.5, 0, 1)
    image = axes.imshow(shares, cmap=PROPORTION_CMAP, norm=norm, aspect="equal")
    if classes <= _MOST_WITH_COUNTS:
        _write_numbers(axes, counts, shares)
    _label_classes(axes, [str(name) for name in confusion.index], counts)
    bar = figure.colorbar(
        image, ax=axes, shrink=min(0.6, 3 / figure.get_figheight()), aspect=25, pad=0.02
    )
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.5, 1], labels=["0%", "50%", "100%"])
    bar.ax.tick_params(length=0, labelsize=8, labelcolor=MUTED_TEXT_COLOR)
    bar.set_label("share of the true class", fontsize=8.5, color=MUTED_TEXT_COLOR)
    return finalize(figure)


def _sized_figure(names: list[str], title: str | None) -> Figure:
    classes = len(names)
    a_class = (
        0.72 if classes <= _MOST_WITH_SHARES else 0.36 if classes <= _MOST_WITH_COUNTS else 0.1
    )
    side = max(3.2 if classes <= _MOST_WITH_SHARES else 6.5, a_class * classes)
    longest = min(_LONGEST_NAME, max(map(len, names)))
    label = longest * 0.007 * _font_size(classes)
    below = label if classes > _MOST_WITH_COUNTS else 0.2 if _is_level(names) else 0.75 * label
    return new_figure(side + label + 1.6, side + below + (0.95 if title else 0.55), title)


def _font_size(classes: int) -> float:
    if classes > _MOST_WITH_COUNTS:
        return 5.5
    return 9 if classes <= _MOST_WITH_SHARES else 8


def _is_level(names: list[str]) -> bool:
    return len(names) <= _MOST_WITH_SHARES and max(map(len, names)) <= 6


def _write_numbers(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    with_shares = len(counts) <= _MOST_WITH_SHARES
    size = 9.5 if with_shares else 7
    for row, column in np.ndindex(counts.shape):
        if not counts[row, column] and not with_shares:
            continue
        text = f"{counts[row, column]}"
        if with_shares and counts[row, column]:
            text += f"\n{shares[row, column]:.0%}"
        quiet = counts[row, column] == 0
        color = "#B8BFC8" if quiet else "white" if shares[row, column] > 0.45 else TEXT_COLOR
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def _label_classes(axes: Axes, names: list[str], counts: np.ndarray) -> None:
    many = len(names) > _MOST_WITH_COUNTS
    size = _font_size(len(names))
    short = [shorten(name, _LONGEST_NAME) for name in names]
    rows = short if many else [f"{name} ({total})" for name, total in zip(short, counts.sum(1))]
    ticks = np.arange(len(names))
    level = _is_level(names)
    axes.set_xticks(ticks, short, fontsize=size, rotation=0 if level else 90 if many else 45)
    if not level and not many:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, rows, fontsize=size)
    axes.tick_params(length=0, labelcolor=TEXT_COLOR)
    axes.set_xlabel("predicted", fontsize=10, color=MUTED_TEXT_COLOR)
    axes.set_ylabel("true (images)" if not many else "true", fontsize=10, color=MUTED_TEXT_COLOR)
    for spine in axes.spines.values():
        spine.set_color("#B8BFC8")
    if many:
        return
    axes.set_xticks(ticks[1:] - 0.5, minor=True)
    axes.set_yticks(ticks[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
