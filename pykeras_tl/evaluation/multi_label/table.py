"""The table of predictions of images that have several labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...models.saving.multi_label import SEPARATOR, labels_above

# The columns before the probabilities.
LEADING = ("filename", "labels", "predicted")


def label_table(
    filenames: Sequence[str],
    true: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    thresholds: Sequence[float],
) -> pd.DataFrame:
    """Make the table of predictions of a multi-label classifier.

    Args:
        filenames: The images.
        true: Which image has which label, bool of shape (images, labels).
        probabilities: Shape (images, labels), 0..1.
        class_names: The labels.
        thresholds: The probability from which on an image has the label, one per label.

    Returns:
        One row per image: `filename`, `labels` (the true ones, with " | " between them),
        `predicted` (those above their threshold), and one column of probabilities per label.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> label_table(["a"], np.array([[True, False]]), np.array([[0.9, 0.6]]),
        ...             ["cat", "dog"], [0.5, 0.5])
          filename labels  predicted  cat  dog
        0        a    cat  cat | dog  0.9  0.6
    """
    shape = (len(filenames), len(class_names))
    if np.shape(true) != shape or np.shape(probabilities) != shape:
        raise ValueError(
            f"Expected labels and probabilities of shape {shape}. Received: {np.shape(true)} and "
            f"{np.shape(probabilities)}."
        )
    if len(thresholds) != len(class_names):
        raise ValueError(
            f"Expected a threshold for each of {len(class_names)} labels. Received: "
            f"{len(thresholds)}."
        )
    values = np.asarray(probabilities, "float64").round(7)
    columns = {
        "filename": list(filenames),
        "labels": labels_above(np.asarray(true, float), [0.5] * shape[1], class_names),
        "predicted": labels_above(values, thresholds, class_names),
    }
    table = pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in columns.items()})
    return pd.concat([table, pd.DataFrame(values, columns=list(class_names))], axis=1)


def names_of(table: pd.DataFrame) -> list[str]:
    """Return the labels.

    Args:
        table: As `label_table` returns it.

    Returns:
        Their names, in the order of the columns.
    """
    return [str(name) for name in table.columns[len(LEADING) :]]


def scores_of(table: pd.DataFrame) -> np.ndarray:
    """Return the probabilities.

    Args:
        table: As `label_table` returns it.

    Returns:
        float64 array of shape (images, labels).
    """
    return table.iloc[:, len(LEADING) :].to_numpy("float64")


def has_labels(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return which image has which label.

    Args:
        table: As `label_table` returns it.
        column: `"labels"` for the true ones, `"predicted"` for the others.

    Returns:
        bool array of shape (images, labels).

    Example:
        >>> made = label_table(["a"], np.array([[True, False]]), np.array([[0.9, 0.6]]),
        ...                    ["cat", "dog"], [0.5, 0.5])
        >>> has_labels(made, "labels")
        array([[ True, False]])
    """
    number = {name: index for index, name in enumerate(names_of(table))}
    matrix = np.zeros((len(table), len(number)), bool)
    for row, text in enumerate(table.iloc[:, LEADING.index(column)]):
        matrix[row, [number[name] for name in text.split(SEPARATOR) if name]] = True
    return matrix
