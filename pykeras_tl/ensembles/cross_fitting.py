"""Cross-fitting: every training image is predicted by a member that was trained without it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..images.datasets.splits import k_folds
from .ensemble import Ensemble
from .members import Trainer


def cross_fit(
    trainer: Trainer, table: pd.DataFrame, folds: int = 5, seed: int = 0, groups: str | None = None
) -> Ensemble:
    """Train one member per fold, on all other folds.

    Pass the `out_of_fold` of several trainers to `fit_stack`, and what the ensembles `predict`
    for other images to the stack.

    Args:
        trainer: Trains a member on a table of files with a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        folds: The number of folds, and so of members.
        seed: Seeds the assignment to folds; the member of fold k, from 1, is trained with
            `seed + k`.
        groups: A column whose equal values stay in one fold, or None.

    Returns:
        The ensemble, with soft voting and `out_of_fold`.

    Raises:
        ValueError: If a class has fewer images than there are folds.

    Source:
        Wolpert, Stacked Generalization (1992).
    """
    fold_of = k_folds(table, folds, groups=groups, seed=seed)["fold"].to_numpy()
    members, predictions = [], []
    for fold in range(1, folds + 1):
        members.append(trainer(table[fold_of != fold].reset_index(drop=True), seed + fold))
        rows = np.flatnonzero(fold_of == fold)
        predictions.append(members[-1](table.iloc[rows].reset_index(drop=True)).set_index(rows))
    return Ensemble(members, out_of_fold=pd.concat(predictions).sort_index())
