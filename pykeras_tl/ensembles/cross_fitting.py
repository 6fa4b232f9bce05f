"""Cross-fitting: every image predicted by a member that was trained without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..images.datasets.splits import k_folds
from .averaging import average_predictions
from .members import Member, Trainer


@dataclass(frozen=True, eq=False)
class CrossFit:
    """The members of the folds, and what each said of the images it did not see.

    Args:
        members: A trained member for each fold, which saw all other folds.
        out_of_fold: Predictions for all training images, in their order, each by the member
            that did not see it.

    Example:
        >>> CrossFit([], pd.DataFrame()).members
        []
    """

    members: Sequence[Member]
    out_of_fold: pd.DataFrame

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Average the members' predictions for other images.

        Args:
            table: The images, with the columns `filename` and `class`.

        Returns:
            A table as `predict_flow` gives it.
        """
        return average_predictions([member(table) for member in self.members])


def cross_fit(
    trainer: Trainer, table: pd.DataFrame, folds: int = 5, seed: int = 0, groups: str | None = None
) -> CrossFit:
    """Train a member for each fold on all others.

    Give `out_of_fold` of several trainers to `fit_stack`, and what they `predict` to the stack.

    Args:
        trainer: Trains a member on a table of files with a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        folds: Into how many parts the images are cut; so many members are trained.
        seed: Of the cut; the member of fold k, from 1, is trained with `seed + k`.
        groups: Column whose equal values stay in one fold, or None.

    Returns:
        The members and their predictions.

    Raises:
        ValueError: When there are fewer images of a class than folds.

    Source:
        Wolpert, Stacked Generalization (1992).
    """
    number = k_folds(table, folds, groups=groups, seed=seed)["fold"].to_numpy()
    members, parts = [], []
    for fold in range(1, folds + 1):
        members.append(trainer(table[number != fold].reset_index(drop=True), seed + fold))
        rows = np.flatnonzero(number == fold)
        parts.append(members[-1](table.iloc[rows].reset_index(drop=True)).set_index(rows))
    return CrossFit(members, pd.concat(parts).sort_index())
