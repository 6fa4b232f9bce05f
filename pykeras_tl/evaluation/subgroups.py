"""Accuracy by subgroup, such as the hospital, the camera or the age of a patient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from .bootstrap import share_intervals
from .prediction_table import predicted_indices, true_indices


def accuracy_by_subgroup(
    predictions: pd.DataFrame,
    subgroup: Sequence[Hashable] | pd.Series,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the images of each subgroup, the worst first.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        subgroup: The subgroup of each image, in the table's order; those without one are one.
        groups: What belongs together (patient, copies of one photograph), as for
            `confidence_intervals`.
        level: The confidence level, between 0 and 1.
        repeats: The number of bootstrap samples.
        seed: Seed of the random numbers.

    Returns:
        One row per subgroup: `subgroup`, `images`, `distinct` (groups; images if there are no
        groups), `accuracy` with its interval `low` and `high`, and `balanced_accuracy` (the mean
        recall of the classes that the subgroup has). The bounds are NaN for a subgroup of one
        group. The lowest accuracy is first. Of many small subgroups, some are low by chance: their
        intervals tell.

    Raises:
        ValueError: If the true classes are unknown, or `subgroup` has another length.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
        >>> table = prediction_table(list("abcd"), ["x", "y", "y", "x"], values, ["x", "y"])
        >>> accuracy_by_subgroup(table, ["old", "new", "new", "old"])[["subgroup", "accuracy"]]
          subgroup  accuracy
        0      new       0.5
        1      old       1.0
    """
    if len(subgroup) != len(predictions):
        raise ValueError(
            f"Expected one subgroup for each of {len(predictions)} images. Received: "
            f"{len(subgroup)}."
        )
    true = true_indices(predictions)
    right = true == predicted_indices(predictions)
    numbers, labels = pd.factorize(pd.Series(list(subgroup)), use_na_sentinel=False)
    inside = np.eye(len(labels))[numbers]
    table = share_intervals(inside * right[:, None], inside, groups, level, repeats, seed)
    together = np.arange(len(true)) if groups is None else pd.Series(list(groups)).to_numpy()
    distinct = pd.Series(together).groupby(numbers).nunique()
    recalls = pd.Series(right).groupby([numbers, true]).mean().groupby(level=0).mean()
    columns = {
        "subgroup": ["(none)" if pd.isna(label) else str(label) for label in labels],
        "images": inside.sum(axis=0).astype(int),
        "distinct": distinct.to_numpy(),
        "accuracy": table["value"],
        "low": table["low"].where(distinct > 1),
        "high": table["high"].where(distinct > 1),
        "balanced_accuracy": recalls.to_numpy(),
    }
    worst_first = pd.DataFrame(columns).sort_values("accuracy", kind="stable")
    return worst_first.reset_index(drop=True)
