"""What the members of an ensemble are: trainers, trained members and their predictions."""

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

# A trained member takes a table of files (`filename`, `class`) and gives a table of predictions
# for its rows, in their order.
Member = Callable[[pd.DataFrame], pd.DataFrame]

# A trainer takes a table of files (with a column `weight` where samples weigh differently) and a
# seed, and gives a trained member.
Trainer = Callable[[pd.DataFrame, int], Member]


def stacked_probabilities(members: Sequence[pd.DataFrame]) -> np.ndarray:
    """Return the probabilities of several tables for the same images as one array.

    Args:
        members: Tables as `predict_flow` gives them, one a member.

    Returns:
        Array of shape (members, images, classes).

    Raises:
        ValueError: When there is no table, or their images, true classes or classes differ.

    Example:
        >>> one = prediction_table(["a"], None, np.array([[0.25, 0.75]]), ["no", "yes"])
        >>> stacked_probabilities([one, one]).shape
        (2, 1, 2)
    """
    if not members:
        raise ValueError("An ensemble needs at least one member's predictions.")
    first = members[0]
    for number, member in enumerate(members[1:], start=2):
        for what, read in _COMPARED.items():
            if read(member) != read(first):
                raise ValueError(
                    f"Member {number} has other {what} than member 1. Predict the same images, "
                    "in the same order, with classifiers of the same classes."
                )
    return np.stack([probabilities_of(member) for member in members])


def with_probabilities(members: Sequence[pd.DataFrame], probabilities: np.ndarray) -> pd.DataFrame:
    """Return a table for the members' images with other probabilities.

    Args:
        members: Tables as `predict_flow` gives them.
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
