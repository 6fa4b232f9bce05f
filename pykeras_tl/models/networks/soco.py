"""The network of the study that transfers from a source to a target data set."""

from __future__ import annotations

import keras
from keras import layers

from ..seeding import seed_initializers


def network(
    classes: int = 2,
    input_shape: tuple[int, int, int] = (50, 50, 3),
    seed: int | None = None,
    *,
    binary: bool = False,
    one_by_one: int = 0,
) -> keras.Sequential:
    """Build the study's network: three convolutions, two max poolings and two dense layers.

    The study's case 4 retrains only the dense layers: `freeze_weights(model, to="flatten")`.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, pixels from 0 to 1.
        seed: Seed of the initial weights.
        binary: Whether the last layer is one sigmoid unit for two classes instead of a softmax.
        one_by_one: Filters of a 1×1 convolution before the dense layers, which the study suggests
            as future work; 0 for none.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`, or `(batch, 1)` when
        `binary`.

    Raises:
        ValueError: When `binary` is True and `classes` is not 2.

    Example:
        >>> network(seed=0).count_params()
        848226
    """
    if binary and classes != 2:
        raise ValueError(f"Expected classes=2 with binary=True. Received: classes={classes}.")
    with seed_initializers(seed):
        model = keras.Sequential([keras.Input(input_shape)], name="soco")
        model.add(layers.Conv2D(32, 3, activation="relu", name="conv_1"))
        model.add(layers.Conv2D(32, 3, activation="relu", name="conv_2"))
        model.add(layers.MaxPooling2D(name="pool_1"))
        model.add(layers.Conv2D(64, 3, activation="relu", name="conv_3"))
        model.add(layers.MaxPooling2D(name="pool_2"))
        if one_by_one:
            model.add(layers.Conv2D(one_by_one, 1, activation="relu", name="one_by_one"))
        model.add(layers.Flatten(name="flatten"))
        model.add(layers.Dense(128, activation="relu", name="dense"))
        units, activation = (1, "sigmoid") if binary else (classes, "softmax")
        model.add(layers.Dense(units, activation=activation, name="probabilities"))
        return model
