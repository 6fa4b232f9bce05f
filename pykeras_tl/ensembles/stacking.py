"""Stacking: a logistic regression learns how far to trust each member."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import class_names_of, true_indices
from ..storage.atomic_files import atomic_file
from .members import stacked_probabilities, with_probabilities

_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, eq=False)
class Stack:
    """A logistic regression over the members' log-probabilities.

    Args:
        class_names: The classes.
        coefficients: Shape (members × classes, classes).
        intercept: Shape (classes,).

    Example:
        >>> Stack(["no", "yes"], np.eye(2), np.zeros(2)).members
        1
    """

    class_names: Sequence[str]
    coefficients: np.ndarray
    intercept: np.ndarray

    @property
    def members(self) -> int:
        """How many members it was fitted to."""
        return len(self.coefficients) // len(self.class_names)

    def predict(self, members: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Combine the members' predictions.

        Args:
            members: Tables of predictions for the same images, in the order of the fit.

        Returns:
            A table of the same form.

        Raises:
            ValueError: When number, classes or images of the members do not fit.
        """
        inputs = _inputs(members)
        if len(members) != self.members or class_names_of(members[0]) != list(self.class_names):
            raise ValueError(
                f"This stack combines {self.members} members for the classes "
                f"{list(self.class_names)}; got {len(members)} members for "
                f"{class_names_of(members[0])}."
            )
        scores = inputs @ self.coefficients + self.intercept
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return with_probabilities(members, powers / powers.sum(axis=1, keepdims=True))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the stack as one file of plain arrays.

        Args:
            path: The file, ending in `.npz`.

        Returns:
            The path.

        Raises:
            ValueError: When the path does not end in `.npz`.
        """
        if Path(path).suffix != ".npz":
            raise ValueError(f"A stack is saved as a file ending in .npz; got {path}.")
        with atomic_file(path) as temporary:
            np.savez(
                temporary,
                class_names=np.array(self.class_names, dtype=str),
                coefficients=self.coefficients,
                intercept=self.intercept,
            )
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a stack that `save` wrote; a file that holds code is refused.

        Args:
            path: The file.

        Returns:
            The stack.

        Raises:
            ValueError: When the file is no stack.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = arrays["class_names"].tolist()
                stack = cls(names, arrays["coefficients"], arrays["intercept"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path} is no saved stack: {error}") from error
        shapes = (stack.coefficients.shape, stack.intercept.shape)
        if shapes != ((stack.members * len(names), len(names)), (len(names),)):
            raise ValueError(f"{path} is no saved stack: its arrays have the shapes {shapes}.")
        return stack


def fit_stack(members: Sequence[pd.DataFrame], strength: float = 1.0) -> Stack:
    """Fit a logistic regression that combines members.

    Let the same networks say what the stack is to combine later. One trained anew on all images
    is surer and errs in other ways than those that the stack was fitted to.

    Args:
        members: Predictions for the same images by members that did not see them in
            training: `out_of_fold` of `cross_fit`, or for validation data. With the true
            classes known.
        strength: How strongly large coefficients are held back; above 0.

    Returns:
        The stack.

    Raises:
        ValueError: When the tables' images or classes differ, the truth is unknown, or a
            class has no image.
    """
    from sklearn.linear_model import LogisticRegression

    inputs, true = _inputs(members), true_indices(members[0])
    names = class_names_of(members[0])
    missing = [name for k, name in enumerate(names) if not (true == k).any()]
    if missing:
        raise ValueError(f"The classes {missing} have no image to fit the stack with.")
    regression = LogisticRegression(C=1 / strength, max_iter=2000).fit(inputs, true)
    coefficients, intercept = regression.coef_.T, regression.intercept_
    if len(names) == 2:
        # scikit-learn gives the second class alone: its score over the first's.
        coefficients = np.hstack([np.zeros_like(coefficients), coefficients])
        intercept = np.append(0, intercept)
    return Stack(names, coefficients, intercept)


def _inputs(members: Sequence[pd.DataFrame]) -> np.ndarray:
    logs = np.log(np.maximum(stacked_probabilities(members), _SMALLEST_PROBABILITY))
    return np.concatenate(list(logs), axis=1)
