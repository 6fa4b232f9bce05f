"""The loss that fits an iterator's labels."""

from __future__ import annotations

import keras

from ..images.iterators.base import Iterator

_LOSSES = {
    "categorical": "categorical_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
}


def cross_entropy(flow: Iterator, label_smoothing: float = 0.0) -> str | keras.Loss:
    """Return the cross-entropy that fits an iterator's labels.

    Args:
        flow: An iterator whose labels are classes.
        label_smoothing: The part of each label that is spread evenly over all classes, from 0 to
            below 1; 0.1 turns (1, 0) into (0.95, 0.05). It goes with `class_mode` "categorical"
            and "binary". The validation loss is smoothed too.

    Returns:
        The loss, for `model.compile`: Keras's name, or with smoothing an object.

    Raises:
        ValueError: When the labels are not classes, or cannot be smoothed.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 0, 1]])
        >>> flow.class_mode = "categorical"
        >>> cross_entropy(flow)
        'categorical_crossentropy'
        >>> cross_entropy(flow, label_smoothing=0.1).label_smoothing
        0.1

    Source:
        Szegedy et al., Rethinking the Inception Architecture, 2016, section 7; computed by
        `keras.losses.CategoricalCrossentropy` and `BinaryCrossentropy`.
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"Expected label_smoothing from 0 to below 1. Received: {label_smoothing!r}."
        )
    mode = flow.class_mode
    if mode not in _LOSSES:
        raise ValueError(f"`loss` is required when class_mode={mode!r}.")
    if not label_smoothing:
        return _LOSSES[mode]
    if mode == "categorical":
        return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    if mode == "binary":
        return keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing)
    raise ValueError(
        "Expected labels that can be smoothed with `label_smoothing`. Received: "
        f'class_mode={mode!r}. Make the flow with class_mode="categorical".'
    )
