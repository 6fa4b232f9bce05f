"""Bagging: members trained on bootstrap samples of the images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .ensemble import Ensemble
from .members import Trainer


def bootstrap_sample(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Sample as many rows as the table has, with replacement, within each class.

    Sampling within each class keeps every class in the sample.

    Args:
        table: Images, with the column `class`.
        seed: Seed of the sample.

    Returns:
        The sampled rows, in the table's order; they hold about 63 % of the images.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcd"), "class": ["x", "x", "y", "y"]})
        >>> bootstrap_sample(table, 0)["class"].tolist()
        ['x', 'x', 'y', 'y']
    """
    random = np.random.default_rng(seed)
    sampled = [
        random.choice(rows, size=len(rows)) for rows in table.groupby("class").indices.values()
    ]
    return table.iloc[np.sort(np.concatenate(sampled))].reset_index(drop=True)


def bag(trainer: Trainer, table: pd.DataFrame, count: int, seed: int = 0) -> Ensemble:
    """Train members, each on its own bootstrap sample.

    Args:
        trainer: Trains a member on a table of files with a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        count: The number of members, 1 or more.
        seed: Member k, from 0, is sampled and trained with `seed + k`.

    Returns:
        The ensemble, with soft voting.

    Raises:
        ValueError: If `count` is below 1.

    Example:
        >>> from pykeras_tl.evaluation import majority_baseline
        >>> def train(sample, seed):
        ...     return lambda images: majority_baseline(sample, images)
        >>> table = pd.DataFrame({"filename": list("abc"), "class": ["x", "y", "y"]})
        >>> bag(train, table, count=5).predict(table)["predicted"].tolist()
        ['y', 'y', 'y']

    Source:
        Breiman, Bagging Predictors (1996).
    """
    if count < 1:
        raise ValueError(f"Expected count to be 1 or more. Received: {count}.")
    return Ensemble([trainer(bootstrap_sample(table, seed + k), seed + k) for k in range(count)])
