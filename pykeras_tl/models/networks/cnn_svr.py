"""The network whose features a support vector machine classifies."""

from __future__ import annotations

import keras
from keras import layers

from ..seeding import seed_initializers


def network(
    classes: int = 2,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    seed: int | None = None,
    *,
    activation: str = "softmax",
) -> keras.Sequential:
    """Build the published network: three convolutions with max pooling and 100 dense features.

    Args:
        classes: Units of the last layer, which the support vector machine replaces.
        input_shape: Height, width and channels of an image, pixels from 0 to 1.
        seed: Seed of the initial weights.
        activation: Activation of the last layer; `"linear"` with one unit for regression.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`, that of the layer
        `features` is `(batch, 100)`.

    Example:
        >>> network().get_layer("features").output.shape
        (None, 100)
    """
    with seed_initializers(seed):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                layers.Conv2D(5, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(10, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(10, 2, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(100, activation="relu", name="features"),
                layers.Dense(classes, activation=activation, name="outputs"),
            ],
            name="hybrid",
        )
