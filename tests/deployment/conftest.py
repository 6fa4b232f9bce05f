"""A small classifier, and images to send."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from pykeras_tl.models import Classifier, PreprocessConfig

NAMES = ["cat", "dog", "<b>cow</b>"]


@pytest.fixture(scope="package")
def classifier():
    """One that tells red from green from blue images."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(3, 1, use_bias=False),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, "softmax", use_bias=False),
        ]
    )
    model.set_weights([np.eye(3)[None, None], 5 * np.eye(3)])
    return Classifier(model, NAMES, PreprocessConfig((8, 8)))


@pytest.fixture(scope="package")
def png():
    """Make the content of an image of one color."""

    def make(color, size=(12, 10)):
        content = io.BytesIO()
        Image.new("RGB", size, color).save(content, "PNG")
        return content.getvalue()

    return make
