"""Bagging: members trained on bootstrap samples of the images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .members import Member, Trainer


def bootstrap_sample(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw as many rows as there are, with replacement, class by class.

    Drawing within each class keeps every class in the sample.

    Args:
        table: Images, with the column `class`.
        seed: Of the draw.

    Returns:
        The drawn rows, in the table's order; about 63 % of the images are among them.

    Example:
        >>> table = pd.DataFrame({"filename": list("abcd"), "class": ["x", "x", "y", "y"]})
        >>> bootstrap_sample(table, 0)["class"].tolist()
        ['x', 'x', 'y', 'y']
    """
    random = np.random.default_rng(seed)
    places = [
        random.choice(rows, size=len(rows)) for rows in table.groupby("class").indices.values()
    ]
    return table.iloc[np.sort(np.concatenate(places))].reset_index(drop=True)


def bag(trainer: Trainer, table: pd.DataFrame, count: int, seed: int = 0) -> list[Member]:
    """Train members, each on a bootstrap sample of its own.

    Average their predictions with `average_predictions`.

    Args:
        trainer: Trains a member on a table of files with a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        count: How many members.
        seed: Member k is drawn and trained with `seed + k`.

    Returns:
        The trained members.

    Raises:
        ValueError: When `count` is below 1.

    Example:
        >>> seen = []
        >>> table = pd.DataFrame({"filename": list("abcd"), "class": ["x", "x", "y", "y"]})
        >>> _ = bag(lambda sample, seed: seen.append((len(sample), seed)), table, 2)
        >>> seen
        [(4, 0), (4, 1)]

    Source:
        Breiman, Bagging Predictors (1996).
    """
    if count < 1:
        raise ValueError(f"count is 1 or more; got {count}.")
    return [trainer(bootstrap_sample(table, seed + k), seed + k) for k in range(count)]
