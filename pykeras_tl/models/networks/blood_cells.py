"""The networks of the blood cell study: the two of 2018, and a small modern one."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ..seeding import seed_initializers, seeded_dropout

Shape = tuple[int | None, int | None, int]


def version_1(
    classes: int = 4, input_shape: Shape = (150, 150, 3), seed: int | None = None
) -> keras.Sequential:
    """Build the study's first network: four convolutions, a dense layer and dropout.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, pixels from 0 to 1.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> version_1(seed=0).count_params()
        504228

    Source:
        The blood cell study of 2018 (R, Keras 2).
    """
    with seed_initializers(seed):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                *_pooled_convolutions((32, 32, 64, 128)),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                seeded_dropout(0.2),
                layers.Dense(classes, activation="softmax"),
            ],
            name="blood_cells_version_1",
        )


def version_2(
    classes: int = 4, input_shape: Shape = (150, 150, 3), seed: int | None = None
) -> keras.Sequential:
    """Build the study's second network: five convolutions, dropout and two dense layers.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, pixels from 0 to 1.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> version_2(seed=0).count_params()
        606596

    Source:
        The blood cell study of 2018 (R, Keras 2).
    """
    with seed_initializers(seed):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                *_pooled_convolutions((32, 64, 64, 128, 128)),
                layers.Flatten(),
                seeded_dropout(0.4),
                layers.Dense(512, activation="relu"),
                layers.Dense(128, activation="relu"),
                layers.Dense(classes, activation="softmax"),
            ],
            name="blood_cells_version_2",
        )


def modern(
    classes: int = 4, input_shape: Shape = (96, 128, 3), seed: int | None = None
) -> keras.Sequential:
    """Build a small network with batch normalization that learns blood cells in minutes.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, pixels from 0 to 1; height and width
            may be None.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> modern(seed=0).output_shape
        (None, 4)
    """
    with seed_initializers(seed):
        network = keras.Sequential([keras.Input(input_shape)], name="blood_cells_modern")
        for filters in (16, 32, 64, 128, 128):
            # Batch normalization adds a bias itself.
            network.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
            # Keras's default of 0.99 needs thousands of steps, more than small data sets have.
            network.add(layers.BatchNormalization(momentum=0.9))
            network.add(layers.ReLU())
            # Pooled before it is normalized, a step takes two thirds of the time and the network is
            # as accurate, but Grad-CAM on its coarser maps finds half as much.
            network.add(layers.MaxPooling2D())
        network.add(layers.GlobalAveragePooling2D())
        network.add(seeded_dropout(0.3))
        network.add(layers.Dense(classes, activation="softmax"))
        return network


def _pooled_convolutions(filters: Sequence[int]) -> list[keras.Layer]:
    stack: list[keras.Layer] = []
    for count in filters:
        stack += [layers.Conv2D(count, 3, activation="relu"), layers.MaxPooling2D()]
    return stack
