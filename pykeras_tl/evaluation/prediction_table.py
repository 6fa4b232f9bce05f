"""The columns of a table of predictions, and functions that read them.

Columns are read by position, because a class may itself be called "class" or "predicted". The
true class is in `class`, as in any table of labels, so a table of predictions that is given to
`flow_from_dataframe` trains on the truth and never on what a model predicted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..models.uncertainty.columns import LAYOUTS

_LABELLED = ["filename", "class", "predicted"]
# What versions before this layout wrote: there, `class` was the prediction.
_OLD_COLUMNS = {
    ("file", "true", "class"): ["filename", "class", "predicted"],
    ("file", "class"): ["filename", "predicted"],
}


def prediction_table(
    files: Sequence[str],
    true: Sequence[str] | None,
    probabilities: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Build a table of predictions.

    Args:
        files: The file name of each image.
        true: The true class of each image, or None if unknown.
        probabilities: Shape (images, classes), each in 0..1.
        class_names: The classes, in the order of the columns of `probabilities`.

    Returns:
        One row per image: `filename`, `class` (the true class; no such column if unknown),
        `predicted` (the most probable class), then one column of probabilities per class.

    Raises:
        ValueError: If the lengths do not match.

    Example:
        >>> prediction_table(["a.png"], ["cat"], np.array([[0.25, 0.75]]), ["cat", "dog"])
          filename class predicted   cat   dog
        0    a.png   cat       dog  0.25  0.75
    """
    values = np.asarray(probabilities, dtype="float32")
    if values.shape != (len(files), len(class_names)):
        raise ValueError(
            f"Expected probabilities of shape {(len(files), len(class_names))} for {len(files)} "
            f"files and {len(class_names)} classes. Received: shape {values.shape}."
        )
    names = np.array(class_names, dtype=object)
    leading = {"filename": list(files)}
    if true is not None:
        leading["class"] = list(true)
    leading["predicted"] = names[values.argmax(axis=1)].tolist()
    return pd.concat(
        [
            pd.DataFrame(leading, dtype=object),
            pd.DataFrame(values, columns=pd.Index(names, dtype=object)),
        ],
        axis=1,
    )


def upgrade_prediction_table(table: pd.DataFrame) -> pd.DataFrame:
    """Rename the columns of a table of predictions that an older version wrote.

    Older versions wrote `file`, `true` and `class`, where `class` was the prediction.

    Args:
        table: A table of predictions of any version.

    Returns:
        The table with the columns of `prediction_table`; itself if it has them already.

    Example:
        >>> old = pd.DataFrame({"file": ["a"], "true": ["x"], "class": ["y"], "x": 0.1, "y": 0.9})
        >>> upgrade_prediction_table(old).columns.tolist()
        ['filename', 'class', 'predicted', 'x', 'y']
    """
    columns = list(table.columns)
    for old, new in _OLD_COLUMNS.items():
        if tuple(columns[: len(old)]) == old:
            table = table.set_axis(pd.Index(new + columns[len(old) :], dtype=object), axis=1)
            # Where the true class was unknown, older versions wrote an empty column.
            if "true" in old and (table.iloc[:, 1].isna() | (table.iloc[:, 1] == "")).all():
                table = table.iloc[:, [0, *range(2, len(columns))]]
            break
    return table


def class_names_of(predictions: pd.DataFrame) -> list[str]:
    """Return the classes of a table of predictions, in the order of its columns.

    Args:
        predictions: A table as returned by `predict_flow`.

    Returns:
        The names.

    Raises:
        ValueError: If the table is not a table of predictions.

    Example:
        >>> class_names_of(prediction_table(["a"], None, np.array([[0.1, 0.9]]), ["no", "yes"]))
        ['no', 'yes']
    """
    return [str(name) for name in predictions.columns[leading_columns(predictions) :]]


def files_of(predictions: pd.DataFrame) -> list[str]:
    """Return the file names of a table of predictions.

    Args:
        predictions: A table as returned by `predict_flow`.

    Returns:
        The names.

    Example:
        >>> files_of(prediction_table(["a.png"], None, np.array([[0.1, 0.9]]), ["no", "yes"]))
        ['a.png']
    """
    leading_columns(predictions)
    return [str(file) for file in predictions.iloc[:, 0]]


def probabilities_of(predictions: pd.DataFrame) -> np.ndarray:
    """Return the probabilities of a table of predictions as an array.

    Args:
        predictions: A table as returned by `predict_flow`.

    Returns:
        float64 array of shape (images, classes).

    Example:
        >>> table = prediction_table(["a"], None, np.array([[0.25, 0.75]]), ["no", "yes"])
        >>> probabilities_of(table)
        array([[0.25, 0.75]])
    """
    return predictions.iloc[:, leading_columns(predictions) :].to_numpy(dtype="float64")


def true_classes_of(predictions: pd.DataFrame) -> list[str] | None:
    """Return the true class of each image of a table of predictions.

    Args:
        predictions: A table as returned by `predict_flow`.

    Returns:
        The names, None for an image whose class is missing; None if the table has no true
        classes.

    Example:
        >>> true_classes_of(prediction_table(["a"], ["no"], np.array([[0.1, 0.9]]), ["no", "yes"]))
        ['no']
    """
    leading_columns(predictions)
    if list(predictions.columns[:3]) != _LABELLED:
        return None
    true = predictions.iloc[:, 1].astype(object)
    return true.where(true.notna(), None).tolist()


def true_indices(predictions: pd.DataFrame) -> np.ndarray:
    """Return the index of each image's true class.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        int array of shape (images,).

    Raises:
        ValueError: If the table is empty, or a true class is missing or not one of the classes.

    Example:
        >>> true_indices(prediction_table(["a"], ["yes"], np.array([[0.1, 0.9]]), ["no", "yes"]))
        array([1])
    """
    names = class_names_of(predictions)
    if predictions.empty:
        raise ValueError("The table of predictions has no image, so nothing can be measured.")
    true = true_classes_of(predictions)
    if true is None or None in true:
        raise ValueError(
            "The true classes are unknown (no column `class`, or it has gaps), so nothing can be "
            "measured. Use a folder with one subfolder per class, or a flow with "
            "class_mode='categorical'."
        )
    indices = pd.Index(names).get_indexer(pd.Index(true))
    if (indices < 0).any():
        strange = sorted({name for name, index in zip(true, indices) if index < 0})
        raise ValueError(
            f"Expected the true classes to be among the model's classes {names}. "
            f"Received: {strange[:5]}."
        )
    return indices


def predicted_indices(predictions: pd.DataFrame) -> np.ndarray:
    """Return the index of each image's predicted class.

    Args:
        predictions: A table as returned by `predict_flow`.

    Returns:
        int array of shape (images,).

    Example:
        >>> predicted_indices(prediction_table(["a"], None, np.array([[0.1, 0.9]]), ["n", "y"]))
        array([1])
    """
    labelled = list(predictions.columns[:3]) == _LABELLED
    predicted = predictions.iloc[:, 2 if labelled else 1]
    return pd.Index(class_names_of(predictions)).get_indexer(pd.Index(predicted))


def leading_columns(predictions: pd.DataFrame) -> int:
    """Return how many columns precede those of the classes.

    Args:
        predictions: A table as returned by `predict_flow` or `Classifier.predict`.

    Returns:
        The number.

    Raises:
        ValueError: If the table is not a table of predictions.

    Example:
        >>> leading_columns(prediction_table(["a"], None, np.array([[0.1, 0.9]]), ["n", "y"]))
        2
    """
    columns = list(predictions.columns)
    for leading in (_LABELLED, ["filename", "predicted"]):
        if columns[: len(leading)] == leading:
            # A classifier may add columns that say when to doubt its predictions.
            for layout in (*LAYOUTS, ()):
                known = [*leading, *layout]
                if columns[: len(known)] == known and len(columns) >= len(known) + 2:
                    return len(known)
    raise ValueError(
        "Expected a table of predictions: the columns filename, class (if known), predicted and "
        f"one for each of at least two classes. Received: {columns[:8]}. Tables that an older "
        "version saved (with the columns file, true and class) are read by Evaluation.load."
    )
