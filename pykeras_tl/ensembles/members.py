"""Types for the members of an ensemble, and functions on their tables of predictions.

Members and trainers are plain functions, so that networks, trials of a study and scikit-learn
models can all be bagged, boosted and stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import (
    class_names_of,
    files_of,
    prediction_table,
    probabilities_of,
    true_classes_of,
)

# A trained member takes a table of files (`filename`, `class`) and returns a table of predictions
# for its rows, in their order.
Member = Callable[[pd.DataFrame], pd.DataFrame]

# A trainer takes a table of files (with a column `weight` if samples have weights) and a seed, and
# returns a trained member.
Trainer = Callable[[pd.DataFrame, int], Member]


def stacked_probabilities(members: Sequence[pd.DataFrame]) -> np.ndarray:
    """Return the probabilities of several tables for the same images as one array.

    Args:
        members: Tables as returned by `predict_flow`, one per member.

    Returns:
        Array of shape (members, images, classes).

    Raises:
        ValueError: If there is no table, or their images, true classes or classes differ.

    Example:
        >>> one = prediction_table(["a"], None, np.array([[0.25, 0.75]]), ["no", "yes"])
        >>> stacked_probabilities([one, one]).shape
        (2, 1, 2)
    """
    if not members:
        raise ValueError("Expected the predictions of at least one member. Received: none.")
    first = members[0]
    for number, member in enumerate(members[1:], start=2):
        for what, read in _COMPARED.items():
            if read(member) != read(first):
                raise ValueError(
                    f"Expected the same {what} for all members. Received: member {number} with "
                    f"other {what} than member 1. Predict the same images, in the same order, with "
                    "classifiers of the same classes."
                )
    return np.stack([probabilities_of(member) for member in members])


def with_probabilities(members: Sequence[pd.DataFrame], probabilities: np.ndarray) -> pd.DataFrame:
    """Return a table of new predictions for the same images.

    Args:
        members: Tables as returned by `predict_flow`.
        probabilities: Shape (images, classes).

    Returns:
        A table of the same form.

    Example:
        >>> one = prediction_table(["a"], None, np.array([[0.25, 0.75]]), ["no", "yes"])
        >>> with_probabilities([one], np.array([[0.5, 0.5]]))["no"].tolist()
        [0.5]
    """
    first = members[0]
    return prediction_table(
        files_of(first), true_classes_of(first), probabilities, class_names_of(first)
    )


_COMPARED: dict[str, Callable[[pd.DataFrame], list[str] | None]] = {
    "classes": class_names_of,
    "images": files_of,
    "true classes": true_classes_of,
}
