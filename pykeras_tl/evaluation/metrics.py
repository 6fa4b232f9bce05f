"""Numbers from a table of predictions; scikit-learn computes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from .prediction_table import class_names_of, predicted_indices, probabilities_of, true_indices

# Keras's own bound, so that a loss measured here is the one that training shows.
_SMALLEST_PROBABILITY = 1e-7


def accuracy(predictions: pd.DataFrame) -> float:
    """Return the share of images whose likeliest class is the true one.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.

    Returns:
        The accuracy, 0..1.

    Raises:
        ValueError: When the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> chances = np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> accuracy(prediction_table(["a", "b"], ["cat", "dog"], chances, ["cat", "dog"]))
        0.5
    """
    return float(sk.accuracy_score(true_indices(predictions), predicted_indices(predictions)))


def log_loss(predictions: pd.DataFrame) -> float:
    """Return the mean cross-entropy, as Keras's `categorical_crossentropy` computes it.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.

    Returns:
        The loss in nats, 0 or more.

    Raises:
        ValueError: When the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> table = prediction_table(["a"], ["cat"], np.array([[0.5, 0.5]]), ["cat", "dog"])
        >>> round(log_loss(table), 4)
        0.6931
    """
    values = probabilities_of(predictions)
    # Sigmoid outputs for several classes do not sum to one.
    values = values / np.maximum(values.sum(axis=1, keepdims=True), _SMALLEST_PROBABILITY)
    values = values.clip(_SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    chances = values[np.arange(len(values)), true_indices(predictions)]
    return float(-np.log(chances).mean())


def by_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """Measure each class by itself, and on average.

    A class that was never predicted has precision 0, one without an image recall 0.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.

    Returns:
        The columns `class`, `precision`, `recall`, `f1` and `support` (number of images);
        one row a class, then `macro average` (each class weighs the same; over the classes
        that have an image or were predicted) and `weighted average` (by support).

    Raises:
        ValueError: When the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> true = ["cat", "dog", "dog"]
        >>> table = prediction_table(["a", "b", "c"], true, chances, ["cat", "dog"])
        >>> by_class(table)["recall"].tolist()
        [1.0, 0.5, 0.75, 0.6666666666666666]
    """
    names = class_names_of(predictions)
    true, predicted = true_indices(predictions), predicted_indices(predictions)
    present = np.union1d(true, predicted)
    rows = [
        sk.precision_recall_fscore_support(
            true, predicted, labels=labels, average=average, zero_division=0
        )
        for labels, average in (
            (np.arange(len(names)), None),
            (present, "macro"),
            (present, "weighted"),
        )
    ]
    each, *averages = [np.array(row[:3], dtype="float64").reshape(3, -1).T for row in rows]
    values = np.concatenate([each, *averages])
    return pd.DataFrame(
        {
            "class": [*names, "macro average", "weighted average"],
            "precision": values[:, 0],
            "recall": values[:, 1],
            "f1": values[:, 2],
            "support": [*(int(count) for count in rows[0][3]), len(true), len(true)],
        }
    )


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count which class is taken for which.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.

    Returns:
        Counts of shape (classes, classes): true classes in the rows, predicted ones in the
        columns.

    Raises:
        ValueError: When the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> chances = np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> table = prediction_table(["a", "b"], ["cat", "dog"], chances, ["cat", "dog"])
        >>> confusion_matrix(table)
        predicted  cat  dog
        true
        cat          1    0
        dog          1    0
    """
    names = class_names_of(predictions)
    counts = sk.confusion_matrix(
        true_indices(predictions), predicted_indices(predictions), labels=np.arange(len(names))
    )
    return pd.DataFrame(
        counts, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted")
    )


def confused_pairs(confusion: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    """List the confusions that happen most often.

    Args:
        confusion: Counts as `confusion_matrix` gives them.
        count: At most so many.

    Returns:
        The columns `true`, `predicted`, `images` and `share` (of the true class, 0..1),
        the most frequent first; no row when nothing is confused.

    Example:
        >>> matrix = pd.DataFrame([[8, 2], [1, 9]], index=["cat", "dog"], columns=["cat", "dog"])
        >>> confused_pairs(matrix, 1).values.tolist()
        [['cat', 'dog', 2, 0.2]]
    """
    counts = confusion.to_numpy()
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    rows, columns = np.unravel_index(order[wrong.flat[order] > 0], wrong.shape)
    return pd.DataFrame(
        {
            "true": confusion.index.to_numpy()[rows],
            "predicted": confusion.columns.to_numpy()[columns],
            "images": wrong[rows, columns],
            "share": wrong[rows, columns] / np.maximum(counts.sum(axis=1)[rows], 1),
        }
    )
