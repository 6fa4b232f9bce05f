"""Activations of Keras 2 that Keras 3 computes differently under the same name."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="pykeras_tl")
def keras2_hard_sigmoid(x: Any) -> Any:
    """Compute the hard sigmoid of Keras 2, `0.2 * x + 0.5` between 0 and 1.

    In Keras 3 the name stands for `x / 6 + 0.5`.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the same shape.

    Example:
        >>> import numpy as np
        >>> np.asarray(keras2_hard_sigmoid(np.array([-3.0, 0.0, 1.0]))).tolist()
        [0.0, 0.5, 0.7]
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


# How Keras saves a layer that uses it.
HARD_SIGMOID = {
    "module": "builtins",
    "class_name": "function",
    "config": keras.saving.get_registered_name(keras2_hard_sigmoid),
    "registered_name": "function",
}
