"""Boosting by SAMME: each member gives more weight to images that earlier members got wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import class_names_of, predicted_indices, true_indices
from .ensemble import Ensemble
from .members import Member, Trainer


def boost(
    trainer: Trainer, table: pd.DataFrame, count: int, seed: int = 0, learning_rate: float = 1.0
) -> Ensemble:
    """Train members one after another, with images weighted by earlier members' mistakes.

    Training ends early when a member makes no mistake, or is no better than chance.

    Args:
        trainer: Trains a member on a table of files, with the column `weight` (1 on average),
            and a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        count: The largest number of members, 1 or more.
        seed: Member k, from 0, is trained with `seed + k`.
        learning_rate: The weight of a mistake, above 0; 1 for the algorithm as published.
            Networks are far stronger than the weak learners that it was made for and do better
            with less, such as 0.1.

    Returns:
        The ensemble, with hard voting and one weight per member.

    Raises:
        ValueError: If `count` is below 1, `learning_rate` is not above 0, or the first member
            is no better than chance.

    Source:
        Zhu, Zou, Rosset and Hastie, Multi-class AdaBoost (2009), algorithm 2; the rate is that of
        scikit-learn's `AdaBoostClassifier`.
    """
    if count < 1:
        raise ValueError(f"Expected count to be 1 or more. Received: {count}.")
    if not learning_rate > 0:
        raise ValueError(f"Expected learning_rate to be above 0. Received: {learning_rate}.")
    weights = np.full(len(table), 1 / len(table))
    members: list[Member] = []
    votes: list[float] = []
    for number in range(count):
        member = trainer(table.assign(weight=weights * len(table)), seed + number)
        predictions = member(table)
        wrong = predicted_indices(predictions) != true_indices(predictions)
        error = float(weights[wrong].sum())
        odds = len(class_names_of(predictions)) - 1
        if error >= odds / (odds + 1):
            if not members:
                raise ValueError(
                    f"Expected members that beat chance. Received: a first member with an error "
                    f"of {error:.3f} on its own training images, which is no better than chance. "
                    "Train each member longer."
                )
            break
        members.append(member)
        if error == 0:
            votes.append(1.0)
            break
        votes.append(learning_rate * float(np.log((1 - error) / error) + np.log(odds)))
        weights = weights * np.exp(votes[-1] * wrong)
        weights /= weights.sum()
    return Ensemble(members, votes, voting="hard")
