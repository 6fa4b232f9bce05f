"""The probability from which on an image has a label, chosen on validation images."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_curve

_DEFAULT = 0.5


def choose_label_thresholds(true: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """Choose for each label the threshold with the highest F1.

    Args:
        true: Which validation image has which label, bool of shape (images, labels).
        probabilities: Shape (images, labels), 0..1.

    Returns:
        A threshold per label; 0.5 for a label that no image has, or every image.

    Example:
        >>> true = np.array([[1, 0], [1, 0], [0, 0]], bool)
        >>> choose_label_thresholds(true, np.array([[0.4, 0.1], [0.3, 0.2], [0.1, 0.1]]))
        [0.3, 0.5]
    """
    chosen = []
    for has, scores in zip(np.asarray(true, bool).T, np.asarray(probabilities, "float64").T):
        if has.all() or not has.any():
            chosen.append(_DEFAULT)
            continue
        precision, recall, thresholds = precision_recall_curve(has, scores.round(7))
        sums = precision + recall
        f1 = 2 * precision * recall / np.where(sums > 0, sums, 1)
        chosen.append(float(thresholds[f1[:-1].argmax()]))
    return chosen
