"""The error of an ensemble by its number of members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..evaluation.prediction_table import true_indices
from ..visualization.style import COLORS, finalize, new_figure, style_axes
from .members import stacked_probabilities


def error_by_members(
    members: Sequence[pd.DataFrame],
    weights: Sequence[float] | None = None,
    orders: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the error of the average of the first member, the first two, and so on.

    Args:
        members: Tables of predictions for the same images, with the true classes.
        weights: One weight per member; all equal if None.
        orders: The number of random orders in which members are added. 1 keeps the given order,
            as boosting needs.
        seed: Seed of the random orders.

    Returns:
        The columns `members`, `error` (mean over the orders, 0..1), `low` and `high` (the
        smallest and largest error over the orders).

    Raises:
        ValueError: If the tables' images or classes differ, the true classes are unknown,
            or `orders` is below 1.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> one = prediction_table(["a"], ["yes"], np.array([[0.6, 0.4]]), ["no", "yes"])
        >>> two = prediction_table(["a"], ["yes"], np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> error_by_members([one, two], orders=1)
           members  error  low  high
        0        1    1.0  1.0   1.0
        1        2    0.0  0.0   0.0
    """
    if orders < 1:
        raise ValueError(f"Expected orders to be 1 or more. Received: {orders}.")
    probabilities = stacked_probabilities(members)
    shares = np.ones(len(members)) if weights is None else np.asarray(weights, dtype="float64")
    true = true_indices(members[0])
    random = np.random.default_rng(seed)
    errors = np.empty((orders, len(members)))
    for row in range(orders):
        order = np.arange(len(members)) if orders == 1 else random.permutation(len(members))
        # Dividing by the sum of weights would not change the most probable class.
        sums = np.cumsum(shares[order, None, None] * probabilities[order], axis=0)
        errors[row] = (sums.argmax(axis=2) != true).mean(axis=1)
    return pd.DataFrame(
        {
            "members": np.arange(1, len(members) + 1),
            "error": errors.mean(axis=0),
            "low": errors.min(axis=0),
            "high": errors.max(axis=0),
        }
    )


def plot_error_by_members(
    curves: pd.DataFrame | dict[str, pd.DataFrame], title: str | None = None
) -> Figure:
    """Plot the error by the number of members.

    Args:
        curves: A table as returned by `error_by_members`, or several by name.
        title: Title of the figure, or None.

    Returns:
        The figure: a line for the mean, and a band from the smallest to the largest error.

    Raises:
        ValueError: If there is no curve.

    Example:
        >>> table = pd.DataFrame({"members": [1, 2], "error": [0.4, 0.3], "low": 0.2, "high": 0.5})
        >>> plot_error_by_members(table).axes[0].get_xlabel()
        'members'
    """
    named = curves if isinstance(curves, dict) else {"": curves}
    if not named:
        raise ValueError("Expected at least one curve. Received: no curve.")
    figure = new_figure(5.6, 3.8, title)
    axes = figure.add_subplot()
    for number, (name, table) in enumerate(named.items()):
        color = COLORS[number % len(COLORS)]
        axes.fill_between(table["members"], table["low"], table["high"], color=color, alpha=0.15)
        axes.plot(table["members"], table["error"], "o-", color=color, ms=4, lw=1.8, label=name)
    axes.set_xlabel("members")
    style_axes(axes, "Test error")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    if len(named) > 1:
        handles = axes.lines
        figure.legend(
            handles, list(named), loc="outside lower center", ncols=len(named), frameon=False
        )
    return finalize(figure)
