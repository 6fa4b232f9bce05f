"""The form of a table of predictions, and how its parts are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

# These stand first; every column behind them is a class. Classes are told by their place, not
# by their name, so that one may well be called "true".
LEADING_COLUMNS = ("file", "true", "class")


def prediction_table(
    files: Sequence[str],
    true: Sequence[str] | None,
    probabilities: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Put files, true classes and probabilities together as a table of predictions.

    Args:
        files: The name of each image.
        true: The true class of each, or None when it is unknown.
        probabilities: Shape (images, classes), each in 0..1.
        class_names: The classes, in the order of the columns of `probabilities`.

    Returns:
        The columns `file`, `true`, `class`, then one a class; one row an image.

    Raises:
        ValueError: When the lengths do not fit each other.

    Example:
        >>> prediction_table(["a.png"], ["cat"], np.array([[0.25, 0.75]]), ["cat", "dog"])
            file true class   cat   dog
        0  a.png  cat   dog  0.25  0.75
    """
    values = np.asarray(probabilities, dtype="float32")
    if values.shape != (len(files), len(class_names)):
        raise ValueError(
            f"Probabilities of shape {values.shape} do not fit {len(files)} files and "
            f"{len(class_names)} classes; expected {(len(files), len(class_names))}."
        )
    names = np.array(class_names, dtype=object)
    leading = pd.DataFrame(
        {
            "file": pd.Series(list(files), dtype=object),
            "true": pd.Series([None] * len(files) if true is None else list(true), dtype=object),
            "class": pd.Series(names[values.argmax(axis=1)], dtype=object),
        }
    )
    columns = pd.DataFrame(values, columns=pd.Index(names, dtype=object))
    return pd.concat([leading, columns], axis=1)


def class_names_of(predictions: pd.DataFrame) -> list[str]:
    """Return the classes of a table of predictions, in the order of its columns.

    Args:
        predictions: A table as `predict_flow` gives it.

    Returns:
        The names.

    Raises:
        ValueError: When the table is none of predictions.

    Example:
        >>> class_names_of(prediction_table(["a"], None, np.array([[0.1, 0.9]]), ["no", "yes"]))
        ['no', 'yes']
    """
    columns = list(predictions.columns)
    if tuple(columns[:3]) != LEADING_COLUMNS or len(columns) < 5:
        raise ValueError(
            "A table of predictions has the columns file, true, class and one for each of at "
            f"least two classes; got {columns[:8]}."
        )
    return [str(name) for name in columns[3:]]


def files_of(predictions: pd.DataFrame) -> list[str]:
    """Return the file of each image of a table of predictions.

    Args:
        predictions: A table as `predict_flow` gives it.

    Returns:
        The names.

    Example:
        >>> files_of(prediction_table(["a.png"], None, np.array([[0.1, 0.9]]), ["no", "yes"]))
        ['a.png']
    """
    class_names_of(predictions)
    return [str(file) for file in predictions.iloc[:, 0]]


def probabilities_of(predictions: pd.DataFrame) -> np.ndarray:
    """Return the probabilities of a table of predictions as an array.

    Args:
        predictions: A table as `predict_flow` gives it.

    Returns:
        float64 array of shape (images, classes).

    Example:
        >>> table = prediction_table(["a"], None, np.array([[0.25, 0.75]]), ["no", "yes"])
        >>> probabilities_of(table)
        array([[0.25, 0.75]])
    """
    class_names_of(predictions)
    return predictions.iloc[:, 3:].to_numpy(dtype="float64")


def true_indices(predictions: pd.DataFrame) -> np.ndarray:
    """Return the place of each image's true class among the classes.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.

    Returns:
        int array of shape (images,).

    Raises:
        ValueError: When there is no image, or a true class is unknown or not among the
            classes.

    Example:
        >>> true_indices(prediction_table(["a"], ["yes"], np.array([[0.1, 0.9]]), ["no", "yes"]))
        array([1])
    """
    names = class_names_of(predictions)
    if predictions.empty:
        raise ValueError("The table of predictions holds no image; nothing can be measured.")
    true = predictions.iloc[:, 1]
    if true.isna().any():
        raise ValueError(
            "The true classes are unknown (column `true` is empty), so nothing can be measured. "
            "Use a folder with one sub-folder a class, or a flow with class_mode='categorical'."
        )
    found = pd.Index(names).get_indexer(pd.Index(true))
    if (found < 0).any():
        strange = sorted(set(true[found < 0]))
        raise ValueError(f"True classes {strange[:5]} are not among the model's classes {names}.")
    return found


def predicted_indices(predictions: pd.DataFrame) -> np.ndarray:
    """Return the place of each image's likeliest class among the classes.

    Args:
        predictions: A table as `predict_flow` gives it.

    Returns:
        int array of shape (images,).

    Example:
        >>> predicted_indices(prediction_table(["a"], None, np.array([[0.1, 0.9]]), ["n", "y"]))
        array([1])
    """
    return pd.Index(class_names_of(predictions)).get_indexer(pd.Index(predictions.iloc[:, 2]))
