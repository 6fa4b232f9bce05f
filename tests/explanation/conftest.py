"""A small trained-like network with a nested part, whose head can be written in numpy."""

from __future__ import annotations

import keras
import numpy as np
import pytest


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Convolutions as a nested model, pooling, and two dense layers."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((13, 9, 3))
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="first")(inputs)
    y = keras.layers.Conv2D(6, 1, activation="relu", name="branch")(x)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="last")(x)
    backbone = keras.Model(inputs, keras.layers.Add(name="joined")([x, y]), name="backbone")
    return keras.Sequential(
        [
            keras.Input((13, 9, 3)),
            keras.layers.Rescaling(1 / 255),
            backbone,
            keras.layers.AveragePooling2D(2, name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.Dense(3, activation="softmax", name="scores"),
        ]
    )


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (5, 13, 9, 3)).astype("float32")


@pytest.fixture(scope="session")
def marked() -> tuple[keras.Model, np.ndarray, np.ndarray, np.ndarray]:
    """A model that tells the color of a square on noise; images, classes, the squares' corners."""
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(2)
    images = random.uniform(0, 255, (300, 24, 24, 3)).astype("float32")
    classes = random.integers(0, 3, 300)
    corners = random.integers(0, 20, (300, 2))
    for image, label, (row, column) in zip(images, classes, corners):
        image[row : row + 5, column : column + 5] = 255 * np.eye(3)[label]
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(12, 3, padding="same", activation="relu"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, classes, epochs=15, verbose=0)
    assert model.evaluate(images, classes, verbose=0)[1] > 0.95
    return model, images, classes, corners
