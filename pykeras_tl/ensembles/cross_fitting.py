"""Cross-fitting and cross-validation: every image is predicted by a model trained without it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..evaluation.evaluation import Evaluation
from ..images.datasets.splits import k_folds
from ..images.duplicates import find_originals
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


def cross_validate(
    trainer: Trainer,
    table: pd.DataFrame,
    folds: int = 5,
    seed: int = 0,
    groups: str | None = "copies",
) -> Evaluation:
    """Evaluate a way of training on all images, each predicted by a model trained without it.

    Use it where a test set would be a handful of photographs. The folds are stratified by class,
    and all copies of an image are in one fold. `by_group()` of the result counts each photograph
    once, by the mean of the probabilities of its copies.

    Args:
        trainer: Trains a model on a table of files with a seed, such as a `NetworkTrainer`.
        table: The images, with the columns `filename` and `class`.
        folds: The number of folds, and so of models.
        seed: Seeds the folds; the model of fold k, from 1, is trained with `seed + k`.
        groups: `"copies"` searches the images for copies of each other; or the name of a column
            whose equal values stay in one fold, such as the patient; None for independent
            images.

    Returns:
        The evaluation of all images, in the table's order, with their groups.

    Raises:
        BadImageError: If copies are searched for and an image cannot be read.
        ValueError: If a class has fewer images, or there are fewer groups, than folds.

    Example:
        >>> from pykeras_tl.evaluation import majority_baseline
        >>> table = pd.DataFrame({"filename": list("abcdefgh"), "class": ["x", "y", "x", "x"] * 2})
        >>> patients = table.assign(patient=[1, 1, 2, 2, 3, 3, 4, 4])
        >>> def trainer(rows, seed):
        ...     return lambda asked: majority_baseline(rows, asked)
        >>> result = cross_validate(trainer, patients, folds=2, groups="patient")
        >>> result.size, result.accuracy
        ('8 images, 4 groups', 0.75)
    """
    copies = groups == "copies" and "copies" not in table
    if copies:
        originals = find_originals(table)
        groups = None if originals is None else "original"
        table = table if originals is None else table.assign(original=originals)
    predictions = cross_fit(trainer, table, folds, seed, groups).out_of_fold
    assert predictions is not None
    values = None if groups is None else table[groups].tolist()
    return Evaluation(predictions.reset_index(drop=True), values, copies and groups is not None)
