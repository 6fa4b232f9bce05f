"""Learning curves: one history in detail, or several compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .style import COLORS, MUTED_TEXT_COLOR, finalize, new_figure, shorten, style_axes

_DATA = ("training", "validation")
_DASHES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
_FIRST_METRICS = ("accuracy", "loss")


class HasFrame(Protocol):
    """An object with a table of learning curves, such as `training.History`."""

    def to_frame(self) -> pd.DataFrame:
        """Return the columns `epoch`, `metric`, `value` and `data`."""


Histories = HasFrame | pd.DataFrame | Mapping[str, HasFrame | pd.DataFrame]


def plot_history(histories: Histories, title: str | None = None) -> Figure:
    """Plot the learning curves of one or several trainings.

    For one history, there is a panel per metric with training and validation. For several,
    training and validation have panels of their own, with one color per history. In a history
    of several phases, such as fine-tuning, a dotted line marks where the next phase begins.

    Args:
        histories: A `History` (or its table, with the columns `epoch`, `metric`, `value` and
            `data`), or a dictionary of them by name.
        title: The heading of the figure, or None.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no history, or none of them has an epoch.

    Example:
        >>> table = pd.DataFrame(
        ...     {"epoch": [1, 2], "metric": "loss", "value": [2.0, 1.0], "data": "training"}
        ... )
        >>> [axes.get_title(loc="left") for axes in plot_history(table).axes]
        ['Loss']
    """
    named = dict(histories) if isinstance(histories, Mapping) else {"": histories}
    frames = {name: _frame(history) for name, history in named.items()}
    frames = {name: frame for name, frame in frames.items() if len(frame)}
    if not frames:
        raise ValueError(
            "Expected at least one history with at least one epoch. Received: "
            f"{len(named)} histories without epochs."
        )
    metrics = _metrics(frames)
    if len(frames) > 1:
        return finalize(_plot_several(frames, metrics, title))
    figure = _plot_one(frames, metrics, title)
    _mark_phases(figure, *(named[name] for name in frames))
    return finalize(figure)


def _frame(history: HasFrame | pd.DataFrame) -> pd.DataFrame:
    return history if isinstance(history, pd.DataFrame) else history.to_frame()


def _metrics(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    found = pd.unique(pd.concat([frame["metric"] for frame in frames.values()]))
    return [
        *(m for m in _FIRST_METRICS if m in found),
        *(m for m in found if m not in _FIRST_METRICS),
    ]


def _plot_one(frames: Mapping[str, pd.DataFrame], metrics: list[str], title: str | None) -> Figure:
    ((name, frame),) = frames.items()
    figure = new_figure(4.6 * len(metrics), 3.6, title or name or None)
    for axes, metric in zip(_grid(figure, 1, len(metrics))[0], metrics):
        rows = frame[frame["metric"] == metric]
        present = [data for data in _DATA if (rows["data"] == data).any()]
        for data in present:
            _plot_curve(axes, rows[rows["data"] == data], COLORS[_DATA.index(data)], "-")
        if present == list(_DATA):
            _mark_best(axes, rows[rows["data"] == "validation"], metric)
        _style_panel(axes, metric, _label(metric))
    lines = [Line2D([], [], color=color, lw=2) for color in COLORS[:2]]
    figure.legend(
        lines, list(_DATA), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    return figure


def _mark_phases(figure: Figure, history: HasFrame | pd.DataFrame) -> None:
    """Mark where a phase, such as fine-tuning, begins after another."""
    phases: Mapping[str, int] = getattr(history, "phases", None) or {}
    for axes in figure.axes:
        for name, first in phases.items():
            if first == 0:
                continue
            axes.axvline(first + 0.5, color=MUTED_TEXT_COLOR, linestyle=":", lw=1.2)
            axes.text(
                first + 0.5,
                1,
                f" {name}",
                transform=axes.get_xaxis_transform(),
                fontsize=8,
                color=MUTED_TEXT_COLOR,
                va="top",
            )


def _plot_several(
    frames: Mapping[str, pd.DataFrame], metrics: list[str], title: str | None
) -> Figure:
    everything = pd.concat(frames.values())
    data = [part for part in _DATA if (everything["data"] == part).any()]
    figure = new_figure(4.6 * len(data), 3.3 * len(metrics) + 0.5, title)
    styles = [
        (COLORS[i % len(COLORS)], _DASHES[i // len(COLORS) % len(_DASHES)])
        for i in range(len(frames))
    ]
    for row, metric in zip(_grid(figure, len(metrics), len(data)), metrics):
        for axes, part in zip(row, data):
            for frame, (color, dash) in zip(frames.values(), styles):
                chosen = frame[(frame["metric"] == metric) & (frame["data"] == part)]
                _plot_curve(axes, chosen, color, dash)
            _style_panel(axes, metric, f"{_label(metric)}, {part}")
        _share_range(row)
    lines = [Line2D([], [], color=color, linestyle=dash, lw=2) for color, dash in styles]
    names = [shorten(name, 40) for name in frames]
    width_of_name = 0.65 + 0.08 * max(map(len, names))
    columns = max(1, min(len(names), int(figure.get_figwidth() / width_of_name)))
    figure.legend(
        lines, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    return figure


def _grid(figure: Figure, rows: int, columns: int) -> np.ndarray:
    return np.asarray(figure.subplots(rows, columns, squeeze=False))


def _plot_curve(axes: Axes, rows: pd.DataFrame, color: str, dash: str) -> None:
    # A line is interrupted where a value is missing, as in epochs without validation.
    rows = rows.dropna(subset=["value"])
    # One or two epochs do not give a visible line.
    marker = "o" if len(rows) <= 3 else None
    axes.plot(
        rows["epoch"], rows["value"], color=color, linestyle=dash, lw=1.8, marker=marker, ms=3.5
    )


def _mark_best(axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    values = rows["value"].to_numpy(dtype="float64")
    if not np.isfinite(values).any():
        return
    best = int(np.nanargmin(values) if "loss" in metric else np.nanargmax(values))
    point = (float(rows["epoch"].iloc[best]), float(values[best]))
    axes.plot(*point, "o", ms=7, mfc="none", mec=COLORS[1], mew=1.5)
    # Validation accuracy is mostly below training accuracy, and its loss above: the label goes
    # to the far side.
    axes.annotate(
        f"best {point[1]:.1%}" if "accuracy" in metric else f"best {point[1]:.3f}",
        point,
        xytext=(0, 9 if "loss" in metric else -17),
        textcoords="offset points",
        ha="center",
        fontsize=8.5,
        color=COLORS[1],
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
    )


def _style_panel(axes: Axes, metric: str, title: str) -> None:
    axes.set_xlabel("epoch")
    style_axes(axes, title)
    axes.xaxis.set_major_locator(
        MaxNLocator(integer=True, nbins=8, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
    axes.margins(x=0.04, y=0.12)
    axes.set_xlim(left=0.5)
    if "accuracy" in metric:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))


def _share_range(row: np.ndarray) -> None:
    low, high = zip(*(axes.get_ylim() for axes in row if axes.has_data() and axes.lines))
    for axes in row:
        axes.set_ylim(min(low), max(high))


def _label(metric: str) -> str:
    return metric.replace("_", " ").capitalize()
