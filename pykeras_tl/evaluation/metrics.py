"""Metrics of a table of predictions, computed by scikit-learn.

Where scikit-learn and Keras differ (clipping in the log loss, classes without an image in the macro
average), the definition is stated with the function.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from .prediction_table import class_names_of, predicted_indices, probabilities_of, true_indices

# Keras's own bound, so that a loss measured here is the one that training shows.
_SMALLEST_PROBABILITY = 1e-7


def accuracy(predictions: pd.DataFrame) -> float:
    """Compute the share of images whose predicted class is the true one.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        The accuracy, 0..1.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> accuracy(prediction_table(["a", "b"], ["cat", "dog"], values, ["cat", "dog"]))
        0.5
    """
    return float(sk.accuracy_score(true_indices(predictions), predicted_indices(predictions)))


def log_loss(predictions: pd.DataFrame) -> float:
    """Compute the mean cross-entropy, as Keras's `categorical_crossentropy` computes it.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        The loss in nats, 0 or more.

    Raises:
        ValueError: If the true classes are unknown.

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
    likelihoods = values[np.arange(len(values)), true_indices(predictions)]
    return float(-np.log(likelihoods).mean())


def by_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute precision, recall and F1 of each class and on average.

    A class that was never predicted has precision 0; a class without an image has recall 0.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        The columns `class`, `precision`, `recall`, `f1` and `support` (number of images); one
        row per class, then `macro average` (the mean over the classes that have an image or
        were predicted) and `weighted average` (by support).

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> true = ["cat", "dog", "dog"]
        >>> table = prediction_table(["a", "b", "c"], true, values, ["cat", "dog"])
        >>> by_class(table).round(2)
                      class  precision  recall    f1  support
        0               cat       0.50    1.00  0.67        1
        1               dog       1.00    0.50  0.67        2
        2     macro average       0.75    0.75  0.67        3
        3  weighted average       0.83    0.67  0.67        3
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


def overall(predictions: pd.DataFrame) -> dict[str, float]:
    """Compute what one number says beyond the accuracy.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        `balanced_accuracy`: the mean of the recalls of the classes that have an image, 0..1.
        `mcc` (Matthews) and `kappa` (Cohen): 1 is perfect, 0 what chance gives; 0 and NaN if only
        one class occurs. `top_3` with five or more classes, and `top_5` with twenty or more: how
        often the true class is among the most probable, 0..1. `macro_auc` and
        `macro_average_precision`: the means over the classes of the areas under the ROC and
        precision-recall curves, each class against the others, 0..1; NaN if only one class has
        images.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> table = prediction_table(list("abc"), ["cat", "dog", "dog"], values, ["cat", "dog"])
        >>> {name: round(value, 2) for name, value in overall(table).items()}
        {'balanced_accuracy': 0.75, 'mcc': 0.5, 'kappa': 0.4, 'macro_auc': 1.0,
         'macro_average_precision': 1.0}
    """
    true, predicted = true_indices(predictions), predicted_indices(predictions)
    values = probabilities_of(predictions)
    alone = len(np.union1d(true, predicted)) == 1
    found = {
        # Not `balanced_accuracy_score`, which warns of predicted classes without an image.
        "balanced_accuracy": sk.recall_score(
            true, predicted, labels=np.unique(true), average="macro", zero_division=0
        ),
        # scikit-learn warns, and divides by zero, where only one class occurs.
        "mcc": 0.0 if alone else sk.matthews_corrcoef(true, predicted),
        "kappa": np.nan if alone else sk.cohen_kappa_score(true, predicted),
    }
    numbers = np.arange(values.shape[1])
    for count in top_counts(len(numbers)):
        found[f"top_{count}"] = sk.top_k_accuracy_score(true, values, k=count, labels=numbers)
    areas = areas_by_class(predictions)
    for name in ("auc", "average_precision"):
        found[f"macro_{name}"] = areas[name].mean()
    return {name: float(value) for name, value in found.items()}


def top_counts(classes: int) -> list[int]:
    """Return among how many most probable classes the true one is looked for.

    Args:
        classes: The number of classes.

    Returns:
        The counts; none where nearly all classes would be among them.

    Example:
        >>> top_counts(4), top_counts(25)
        ([], [3, 5])
    """
    return [count for count, least in ((3, 5), (5, 20)) if classes >= least]


def areas_by_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute how well the probability of each class tells its images from the others.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        The columns `class`, `auc` (area under the ROC curve: how often an image of the class gets
        a higher probability than another image; 0.5 is chance), `average_precision` (area under
        the precision-recall curve; the share of the class is chance) and `images`; NaN for a class
        without images, or if there are no others.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
        >>> true = ["cat", "dog", "dog", "cat"]
        >>> table = prediction_table(list("abcd"), true, values, ["cat", "dog"])
        >>> areas_by_class(table)
          class  auc  average_precision  images
        0   cat  1.0                1.0       2
        1   dog  1.0                1.0       2
    """
    true, values = true_indices(predictions), probabilities_of(predictions)
    rows = []
    for number, name in enumerate(class_names_of(predictions)):
        positive, scores = true == number, values[:, number]
        auc = precision = np.nan
        if positive.any() and not positive.all():
            auc = sk.roc_auc_score(positive, scores)
            precision = sk.average_precision_score(positive, scores)
        rows.append((name, auc, precision, int(positive.sum())))
    return pd.DataFrame(rows, columns=["class", "auc", "average_precision", "images"])


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the images of each true class by predicted class.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.

    Returns:
        Counts of shape (classes, classes): true classes in the rows, predicted ones in the
        columns.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> table = prediction_table(["a", "b"], ["cat", "dog"], values, ["cat", "dog"])
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
    """List the most frequent confusions.

    Args:
        confusion: Counts as returned by `confusion_matrix`.
        count: Upper limit.

    Returns:
        The columns `true`, `predicted`, `images` and `share` (of the true class, 0..1), most
        frequent first; no rows if there is no mistake.

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
