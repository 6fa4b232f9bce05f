"""Boosting by SAMME: each member weighs the images more that the others got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import class_names_of, predicted_indices, true_indices
from .members import Member, Trainer, stacked_probabilities, with_probabilities


@dataclass(frozen=True)
class Boosted:
    """Boosted members with their weights in the vote.

    Args:
        members: The trained members, in their order.
        weights: The weight of each, above 0.

    Example:
        >>> Boosted([], []).weights
        []
    """

    members: Sequence[Member]
    weights: Sequence[float]

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Let the members vote on images.

        Args:
            table: The images, with the columns `filename` and `class`.

        Returns:
            A table as `predict_flow` gives it; the probabilities are the shares of the votes.
        """
        return vote([member(table) for member in self.members], self.weights)


def vote(members: Sequence[pd.DataFrame], weights: Sequence[float]) -> pd.DataFrame:
    """Count weighted votes, one a member for its likeliest class.

    Args:
        members: Tables of predictions for the same images.
        weights: A weight for each, above 0.

    Returns:
        A table of the same form; the probabilities are the shares of the votes.

    Raises:
        ValueError: When the tables' images or classes differ, or the weights do not fit.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> one = prediction_table(["a"], None, np.array([[0.6, 0.4]]), ["no", "yes"])
        >>> two = prediction_table(["a"], None, np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> vote([one, two], [1.0, 3.0])["yes"].tolist()
        [0.75]
    """
    shape = stacked_probabilities(members).shape
    if len(weights) != len(members) or not all(weight > 0 for weight in weights):
        raise ValueError(f"weights needs {len(members)} numbers above 0; got {list(weights)}.")
    votes = np.zeros(shape[1:])
    for member, weight in zip(members, weights):
        votes[np.arange(shape[1]), predicted_indices(member)] += weight
    return with_probabilities(members, votes / sum(weights))


def boost(
    trainer: Trainer, table: pd.DataFrame, count: int, seed: int = 0, learning_rate: float = 1.0
) -> Boosted:
    """Train members one after another, each on the images weighted by the others' mistakes.

    Ends early when a member makes no mistake, or is no better than chance.

    Args:
        trainer: Trains a member on a table of files, with the column `weight` (1 on average),
            and a seed, such as a `NetworkTrainer`.
        table: Training images, with the columns `filename` and `class`.
        count: How many members at most.
        seed: Member k is trained with `seed + k`.
        learning_rate: How much a mistake weighs: above 0, and 1 for the algorithm as published.
            Networks, which know far more than the weak members that it was made for, do better
            with less, such as 0.1.

    Returns:
        The members and their weights.

    Raises:
        ValueError: When `count` is below 1, the rate is not above 0, or the first member is no
            better than chance.

    Source:
        Zhu, Zou, Rosset and Hastie, Multi-class AdaBoost (2009), algorithm 2; the rate is that of
        scikit-learn's `AdaBoostClassifier`.
    """
    if count < 1:
        raise ValueError(f"count is 1 or more; got {count}.")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is above 0; got {learning_rate}.")
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
                    f"The first member's error on its training images, {error:.3f}, is no "
                    "better than chance; boosting needs members that learn something."
                )
            break
        members.append(member)
        if error == 0:
            votes.append(1.0)
            break
        votes.append(learning_rate * float(np.log((1 - error) / error) + np.log(odds)))
        weights = weights * np.exp(votes[-1] * wrong)
        weights /= weights.sum()
    return Boosted(members, votes)
