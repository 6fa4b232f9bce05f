"""ROC and precision-recall curves of one class against the others, computed by scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ..prediction_table import class_names_of, probabilities_of, true_indices


def roc_points(predictions: pd.DataFrame, class_name: str) -> pd.DataFrame:
    """Compute the ROC curve of one class against the others.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        class_name: The class.

    Returns:
        The columns `threshold` (an image is taken for the class from this probability on),
        `false_positive_rate` and `sensitivity`, both 0..1 and rising.

    Raises:
        ValueError: If there is no such class, or only images of it, or none.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> roc_points(prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"]), "y")
           threshold  false_positive_rate  sensitivity
        0        inf                  0.0          0.0
        1        0.8                  0.0          1.0
        2        0.1                  1.0          1.0
    """
    positive, scores = class_against_others(predictions, class_name)
    false, true, thresholds = sk.roc_curve(positive, scores)
    # Probabilities are stored with seven digits; more are those of the conversion.
    columns = {"threshold": thresholds.round(7), "false_positive_rate": false, "sensitivity": true}
    return pd.DataFrame(columns)


def precision_recall_points(predictions: pd.DataFrame, class_name: str) -> pd.DataFrame:
    """Compute the precision-recall curve of one class against the others.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        class_name: The class.

    Returns:
        The columns `threshold`, `precision` and `recall`, both 0..1, in the order of rising
        thresholds; the last row, where no image is taken for the class, has a precision of 1.

    Raises:
        ValueError: If there is no such class, or only images of it, or none.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> precision_recall_points(
        ...     prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"]), "y")
           threshold  precision  recall
        0        0.1        0.5     1.0
        1        0.8        1.0     1.0
        2        inf        1.0     0.0
    """
    positive, scores = class_against_others(predictions, class_name)
    precision, recall, thresholds = sk.precision_recall_curve(positive, scores)
    columns = {
        "threshold": np.append(thresholds.round(7), np.inf),
        "precision": precision,
        "recall": recall,
    }
    return pd.DataFrame(columns)


def class_against_others(
    predictions: pd.DataFrame, class_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return which images are of a class, and its probability for each image.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        class_name: The class.

    Returns:
        Two arrays of shape (images,): bool, and float64 in 0..1.

    Raises:
        ValueError: If there is no such class, or only images of it, or none.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.75, 0.25], [0.5, 0.5]])
        >>> table = prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"])
        >>> class_against_others(table, "y")
        (array([False,  True]), array([0.25, 0.5 ]))
    """
    names = class_names_of(predictions)
    if class_name not in names:
        raise ValueError(f"Expected one of the classes {names}. Received: {class_name!r}.")
    number = names.index(class_name)
    positive = true_indices(predictions) == number
    if positive.all() or not positive.any():
        raise ValueError(
            f"Expected images of {class_name!r} and of other classes. Received: {positive.sum()} "
            f"of {len(positive)} images of this class."
        )
    return positive, probabilities_of(predictions)[:, number]
