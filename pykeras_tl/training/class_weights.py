"""Class counts, and the class weights that balance them."""

from __future__ import annotations

import warnings

import numpy as np

from ..images.iterators.base import Iterator

_UNEVEN = 2


def balanced_class_weight(flow: Iterator) -> dict[str | int, float]:
    """Compute class weights with which all classes count the same in the loss.

    Args:
        flow: An iterator whose labels are classes.

    Returns:
        Class name (or number, where classes have no names) to weight: the number of images
        divided by the number of classes and by the class's images. Pass it to `fit` as
        `class_weight`.

    Raises:
        ValueError: When the labels are not classes.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> labels = np.eye(2)[[0, 0, 0, 1]]
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), labels)
        >>> {number: round(weight, 2) for number, weight in balanced_class_weight(flow).items()}
        {0: 0.67, 1: 2.0}

    Source:
        `sklearn.utils.class_weight.compute_class_weight("balanced", ...)`, after King and Zeng,
        Logistic Regression in Rare Events Data, 2001.
    """
    counts = class_counts(flow)
    if not counts:
        raise ValueError(
            'The flow\'s labels are not classes. Make it with class_mode "categorical", '
            '"sparse" or "binary", or over arrays with one-hot labels.'
        )
    total = sum(counts.values())
    return {name: total / (len(counts) * count) for name, count in counts.items()}


def class_counts(flow: Iterator) -> dict[str | int, int]:
    """Count an iterator's images by class.

    Args:
        flow: An iterator.

    Returns:
        Class name (or number, where classes have no names) to number of images, for classes
        that have any; empty where the labels are not classes.
    """
    numbers = _class_numbers(flow)
    if numbers is None:
        return {}
    names = {number: name for name, number in (flow.class_indices or {}).items()}
    found, counts = np.unique(numbers, return_counts=True)
    return {names.get(number, number): int(count) for number, count in zip(found.tolist(), counts)}


def report_imbalance(flow: Iterator) -> None:
    """Warn when a class has at least twice the images of another, and suggest weights.

    Args:
        flow: The training iterator.
    """
    counts = class_counts(flow)
    if len(counts) < 2 or max(counts.values()) < _UNEVEN * min(counts.values()):
        return
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    weights = {name: float(f"{each:.4g}") for name, each in balanced_class_weight(flow).items()}
    warnings.warn(
        f"The classes are uneven: {counts[most]:,} images of {most!r}, {counts[least]:,} of "
        f"{least!r}. To make them count the same, pass class_weight={weights}.",
        stacklevel=4,
    )


def _class_numbers(flow: Iterator) -> np.ndarray | None:
    """Return the class number of each image; None where labels are not classes."""
    labels = flow.labels
    if flow.class_mode != "array":
        single = flow.class_mode in ("categorical", "sparse", "binary")
        classes = list(labels) if single else [None]
        return np.array(classes) if all(map(np.isscalar, classes)) else None
    if labels is None or np.ndim(labels) != 2:
        return None
    one_hot = np.isin(labels, (0, 1)).all() and (np.sum(labels, axis=1) == 1).all()
    return np.argmax(labels, axis=1) if one_hot else None
