"""Stacking: a logistic regression learns how to weigh the members' predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import softmax

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
        >>> from pykeras_tl.evaluation import prediction_table
        >>> member = prediction_table(["a.png"], None, np.array([[0.2, 0.8]]), ["no", "yes"])
        >>> stack = Stack(["no", "yes"], coefficients=np.eye(2), intercept=np.zeros(2))
        >>> stack.predict([member]).round(3)
          filename predicted   no  yes
        0    a.png       yes  0.2  0.8
    """

    class_names: Sequence[str]
    coefficients: np.ndarray
    intercept: np.ndarray

    @property
    def members(self) -> int:
        """The number of members that the stack combines."""
        return len(self.coefficients) // len(self.class_names)

    def predict(self, members: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Combine the members' predictions.

        Args:
            members: Tables of predictions for the same images, in the order of the fit.

        Returns:
            A table of the same form.

        Raises:
            ValueError: If the number of members, their classes or their images do not match.
        """
        inputs = _inputs(members)
        if len(members) != self.members or class_names_of(members[0]) != list(self.class_names):
            raise ValueError(
                f"Expected predictions of {self.members} members for the classes "
                f"{list(self.class_names)}. Received: {len(members)} members for "
                f"{class_names_of(members[0])}."
            )
        scores = inputs @ self.coefficients + self.intercept
        return with_probabilities(members, softmax(scores, axis=1))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the stack as one file of plain arrays.

        Args:
            path: The file, ending in `.npz`.

        Returns:
            The path.

        Raises:
            ValueError: If the path does not end in `.npz`.
        """
        if Path(path).suffix != ".npz":
            raise ValueError(f"Expected a path that ends in .npz. Received: {path}.")
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
        """Load a stack that `save` wrote; pickled objects are refused.

        Args:
            path: The file.

        Returns:
            The stack.

        Raises:
            ValueError: If the file is not a saved stack.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = arrays["class_names"].tolist()
                stack = cls(names, arrays["coefficients"], arrays["intercept"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"Expected a saved stack. Received: {path} ({error}).") from error
        shapes = (stack.coefficients.shape, stack.intercept.shape)
        if shapes != ((stack.members * len(names), len(names)), (len(names),)):
            raise ValueError(
                f"Expected a saved stack. Received: {path}, with arrays of the shapes {shapes}."
            )
        return stack


def fit_stack(members: Sequence[pd.DataFrame], strength: float = 1.0) -> Stack:
    """Fit a logistic regression that combines members.

    Use the same networks for fitting and for prediction. A network retrained on all images is
    more confident, and makes other mistakes, than those that the stack was fitted to.

    Args:
        members: Predictions for the same images, with the true classes, by members that were
            not trained on them: `out_of_fold` of `cross_fit`, or for validation data.
        strength: Strength of the L2 penalty on the coefficients, above 0.

    Returns:
        The stack.

    Raises:
        ValueError: If the tables' images or classes differ, the true classes are unknown,
            or a class has no image.
    """
    from sklearn.linear_model import LogisticRegression

    inputs, true = _inputs(members), true_indices(members[0])
    names = class_names_of(members[0])
    missing = [name for k, name in enumerate(names) if not (true == k).any()]
    if missing:
        raise ValueError(f"Expected images of every class. Received: no image of {missing}.")
    regression = LogisticRegression(C=1 / strength, max_iter=2000).fit(inputs, true)
    coefficients, intercept = regression.coef_.T, regression.intercept_
    if len(names) == 2:
        # scikit-learn returns one score, that of the second class relative to the first.
        coefficients = np.hstack([np.zeros_like(coefficients), coefficients])
        intercept = np.append(0, intercept)
    return Stack(names, coefficients, intercept)


def _inputs(members: Sequence[pd.DataFrame]) -> np.ndarray:
    logs = np.log(np.maximum(stacked_probabilities(members), _SMALLEST_PROBABILITY))
    return np.concatenate(list(logs), axis=1)
