"""Class modes: which ones an iterator offers, and how each encodes labels in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def validate_class_mode(class_mode: str | None, allowed: Sequence[str | None]) -> None:
    """Raise `ValueError` when an iterator does not offer a class mode.

    Args:
        class_mode: The argument received.
        allowed: The class modes that the iterator offers.

    Raises:
        ValueError: When it is not one of them.

    Example:
        >>> validate_class_mode("one-hot", ["categorical", "sparse", None])
        Traceback (most recent call last):
        ValueError: Invalid class_mode. Expected one of: 'categorical', 'sparse', None.
        Received: 'one-hot'
    """
    if class_mode not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"Invalid class_mode. Expected one of: {listed}. Received: {class_mode!r}")


def encode_labels(
    labels: Any, indices: np.ndarray, class_mode: str, classes: int, dtype: Any
) -> Any:
    """Encode the labels of some samples as they appear in a batch.

    Args:
        labels: Labels of all samples: class numbers (for "categorical" also a list of several
            a sample), values, or for "multi_output" a list of arrays.
        indices: Indices of the samples, shape (batch,).
        class_mode: "binary", "sparse", "categorical", "multi_output", "raw" or "input".
        classes: Number of classes.
        dtype: Data type of the encoded class numbers.

    Returns:
        Class numbers of shape (batch,), one-hot rows of shape (batch, classes), values, a list
        of arrays, or None for "input".

    Example:
        >>> encode_labels([0, 2], np.array([1]), "categorical", 3, "float32")
        array([[0., 0., 1.]], dtype=float32)
    """
    if class_mode in ("binary", "sparse"):
        return np.array([labels[index] for index in indices], dtype=dtype)
    if class_mode == "categorical":
        one_hot = np.zeros((len(indices), classes), dtype=dtype)
        for row, index in enumerate(indices):
            one_hot[row, labels[index]] = 1.0
        return one_hot
    if class_mode == "multi_output":
        return [values[indices] for values in labels]
    return labels[indices] if class_mode == "raw" else None
