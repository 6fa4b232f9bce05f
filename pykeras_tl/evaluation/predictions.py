"""Predictions of a model for every image of a flow, as a table in file order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..models.inference import as_probabilities, run_flow
from .prediction_table import prediction_table

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator

_CLASS_MODES = ("categorical", "sparse", "binary", "array", None)


def predict_flow(
    model: keras.Model, flow: Iterator, test_time_augmentation: str | None = None
) -> pd.DataFrame:
    """Predict every image of a flow once, in file order and without augmentation.

    It makes no difference whether the flow shuffles or augments, and its own state does not
    change.

    Args:
        model: A classifier that returns probabilities: one unit per class (softmax), or a
            single sigmoid unit for two classes.
        flow: The images, with `class_mode` "categorical", "sparse", "binary" or None.
        test_time_augmentation: None, or views of each image over which probabilities are
            averaged: `"hflip"` (the image and its mirror image), `"flips"` (also upside down, and
            both) or `"d4"` (all eight flips and quarter turns, for square images).

    Returns:
        One row per image: `filename`, `class` (the true class; no such column if the flow has
        no labels), `predicted` (the most probable class), and one column of probabilities per
        class.

    Raises:
        ValueError: If the flow has another class mode, or the model's outputs do not match the
            classes or are not probabilities.

    Example:
        >>> import keras, numpy as np
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
        ... )
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 1, 0]])
        >>> predict_flow(model, flow)["class"].tolist()
        ['0', '1', '1', '0']
    """
    if flow.class_mode not in _CLASS_MODES:
        raise ValueError(
            "Expected a flow for classification, with class_mode 'categorical', 'sparse', "
            f"'binary' or None. Received: class_mode={flow.class_mode!r}. Use model.predict(flow)."
        )
    ordered = flow.in_file_order()
    indices, outputs = run_flow(model, ordered, test_time_augmentation)
    known = ordered.class_names
    probabilities = as_probabilities(outputs, len(known) if known else None)
    names = list(known) if known else [str(i) for i in range(probabilities.shape[1])]
    files = ordered.sample_names
    truth = true_classes(ordered, names)
    return prediction_table(
        [files[i] for i in indices],
        None if truth is None else [truth[i] for i in indices],
        probabilities,
        names,
    )


def true_classes(flow: Iterator, names: Sequence[str]) -> list[str] | None:
    """Return the true class of each sample of a flow.

    Args:
        flow: A flow for classification.
        names: The classes, in the order of their indices.

    Returns:
        One name per sample, in the order of the samples; None if the flow has no labels.

    Raises:
        ValueError: If the flow's labels are not classes.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> flow = ImageDataGenerator().flow(np.ones((2, 8, 8, 3)), np.array([1, 0]))
        >>> true_classes(flow, ["cat", "dog"])
        ['dog', 'cat']
    """
    targets: Any = flow.targets(np.arange(flow.n))[0]
    if targets is None:
        # With class_mode=None, a flow over class folders still has labels.
        targets = flow.labels
    if targets is None:
        return None
    values = np.asarray(targets)
    one_hot = values.ndim == 2 and values.shape[1] > 1
    numbers = values.argmax(axis=1) if one_hot else values.reshape(-1)
    if len(numbers) != flow.n or not np.isin(numbers, np.arange(len(names))).all():
        raise ValueError(
            f"Expected labels that are classes: one-hot rows, or integers from 0 to "
            f"{len(names) - 1}. Received: labels of shape {values.shape} that are not classes."
        )
    return [names[int(number)] for number in numbers]
