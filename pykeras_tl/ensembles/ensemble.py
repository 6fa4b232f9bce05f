"""The ensemble that `bag`, `boost` and `cross_fit` return.

They differ in how they train their members. How members are combined is the same for all: soft or
hard voting, as in scikit-learn's `VotingClassifier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import pandas as pd

from .members import Member
from .voting import average_predictions, vote


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trained classifiers whose predictions are combined.

    Args:
        members: The trained members.
        weights: One weight per member; all equal if None.
        voting: "soft" averages the members' probabilities; "hard" counts one vote per member,
            for its most probable class.
        out_of_fold: From `cross_fit` only: predictions for all training images, in their order,
            each by the member that was trained without it. `fit_stack` takes these.

    Raises:
        ValueError: If `voting` is neither "soft" nor "hard".

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.evaluation import prediction_table
        >>> def member(yes):
        ...     return lambda table: prediction_table(
        ...         table["filename"], None, np.array([[1 - yes, yes]]), ["no", "yes"]
        ...     )
        >>> table = pd.DataFrame({"filename": ["a.png"]})
        >>> members = [member(0.25), member(0.25), member(0.75)]
        >>> Ensemble(members, weights=[1, 1, 2]).predict(table)["yes"].tolist()
        [0.5]
        >>> Ensemble(members, voting="hard").predict(table)["predicted"].tolist()
        ['no']
        >>> [each["yes"].item() for each in Ensemble(members).predict(table, each=True)]
        [0.25, 0.25, 0.75]
    """

    members: Sequence[Member]
    weights: Sequence[float] | None = None
    voting: Literal["soft", "hard"] = "soft"
    out_of_fold: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.voting not in ("soft", "hard"):
            raise ValueError(f"Expected voting to be 'soft' or 'hard'. Received: {self.voting!r}.")

    @overload
    def predict(self, table: pd.DataFrame, each: Literal[False] = False) -> pd.DataFrame: ...

    @overload
    def predict(self, table: pd.DataFrame, each: Literal[True]) -> list[pd.DataFrame]: ...

    def predict(self, table: pd.DataFrame, each: bool = False) -> pd.DataFrame | list[pd.DataFrame]:
        """Predict the class of each image.

        Args:
            table: The images, with the columns `filename` and `class`.
            each: Whether to return the predictions of every member, uncombined.

        Returns:
            A table as returned by `predict_flow`; with `each`, a list of one table per member.
            With hard voting, the probabilities are the shares of the votes.
        """
        predictions = [member(table) for member in self.members]
        if each:
            return predictions
        combine = average_predictions if self.voting == "soft" else vote
        return combine(predictions, self.weights)
