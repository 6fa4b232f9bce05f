"""Small data and networks that the tests of training share."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pykeras_tl.images.image_data_generator import ImageDataGenerator


@pytest.fixture(scope="session")
def images():
    """40 images of 48×48 and their one-hot labels, in which something can be learned."""
    random = np.random.RandomState(0)
    labels = np.arange(40) % 4
    x = random.randint(0, 128, (40, 48, 48, 3)).astype("uint8")
    x[np.arange(40), labels * 10] += 100
    return x, np.eye(4, dtype="float32")[labels]


@pytest.fixture
def make_flow(images):
    """A function that makes a flow over some of the images."""

    def make(
        count=40, batch_size=8, shuffle=True, seed=3, sample_weight=None, labels=None, **settings
    ):
        x, y = images
        y = y if labels is None else y[:, labels]
        generator = ImageDataGenerator(**{"rescale": 1 / 255} | settings)
        return generator.flow(
            x[:count],
            y[:count],
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            sample_weight=sample_weight,
        )

    return make


@pytest.fixture
def write_folder(images):
    """A function that writes the first of the images into a folder, each class into its own."""

    def write(folder, count=40, classes=("a", "b", "c", "d")):
        for number, image in enumerate(images[0][:count]):
            place = folder / classes[number % len(classes)]
            place.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(place / f"{number}.png", image)

    return write


@pytest.fixture
def small_model():
    """A function that makes the same small compiled network each time, with dropout.

    On torch, dropout without a seed draws from torch's global generator, which the function seeds:
    networks to compare are made just before each is trained.
    """

    def make(optimizer="adam", units=8, dropout_seed=None, **options):
        keras.utils.set_random_seed(7)
        model = keras.Sequential(
            [
                keras.Input((48, 48, 3)),
                keras.layers.Conv2D(4, 3, strides=4, activation="relu", name="conv"),
                keras.layers.Flatten(name="flatten"),
                keras.layers.Dropout(0.4, seed=dropout_seed),
                keras.layers.Dense(units, activation="relu", name="hidden"),
                keras.layers.Dense(4, activation="softmax", name="classes"),
            ]
        )
        model.compile(
            optimizer, **{"loss": "categorical_crossentropy", "metrics": ["accuracy"]} | options
        )
        return model

    return make
