"""Splits that are none are warned of before the first epoch."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import ImageDataGenerator, fit


@pytest.fixture
def table(tmp_path):
    """Twelve images of three classes, sorted by class as most tables are."""
    random, rows = np.random.default_rng(0), []
    for name in "abc":
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            path = tmp_path / "data" / name / f"{number}.png"
            Image.fromarray(random.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
            rows.append((str(path), name))
    return pd.DataFrame(rows, columns=["filename", "class"])


def network(classes=3):
    layers = [keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile("sgd", "categorical_crossentropy")
    return model


def warned(training, validation):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(network(), training, validation_data=validation, verbose=0)
    return [str(each.message) for each in caught if each.category is UserWarning]


def flows(table, training=None, validation=None, split=0.25):
    settings = {"target_size": (8, 8), "batch_size": 4, "classes": ["a", "b", "c"]}
    one = ImageDataGenerator(rescale=1 / 255, validation_split=split, **(training or {}))
    two = ImageDataGenerator(rescale=1 / 255, validation_split=split, **(validation or {}))
    return (
        one.flow_from_dataframe(table, subset="training", **settings),
        two.flow_from_dataframe(table, subset="validation", **settings),
    )


def test_a_table_sorted_by_class_is_warned_of(table):
    messages = warned(*flows(table, split=0.34))
    assert any("The training data have no images of class 'a'" in each for each in messages)
    assert any("validation_data has no images of class 'b', 'c'" in each for each in messages)
    shuffled = table.sample(frac=1, random_state=2)
    assert not [each for each in warned(*flows(shuffled, split=0.5)) if "no images" in each]


def test_augmented_validation_is_warned_of(table):
    shuffled = table.sample(frac=1, random_state=2)
    augmenting = {"horizontal_flip": True}
    messages = warned(*flows(shuffled, augmenting, augmenting, split=0.5))
    assert any("validation_data augments its images" in each for each in messages)
    messages = warned(*flows(shuffled, augmenting, {}, split=0.5))
    assert not any("augments" in each for each in messages)


def test_a_forgotten_subset_is_warned_of(table, tmp_path):
    generator = ImageDataGenerator(rescale=1 / 255, validation_split=0.5)
    settings = {"target_size": (8, 8), "batch_size": 4}
    both = [generator.flow_from_directory(tmp_path / "data", **settings) for _ in range(2)]
    assert any("contains all 12 training images" in each for each in warned(*both))
    half = generator.flow_from_directory(tmp_path / "data", subset="validation", **settings)
    assert any("contains 6 training images" in each for each in warned(both[0], half))
    other = generator.flow_from_directory(tmp_path / "data", subset="training", **settings)
    assert not any("training images" in each for each in warned(other, half))


def test_the_same_array_is_warned_of():
    images = np.random.default_rng(0).random((12, 8, 8, 3)).astype("float32")
    labels = np.eye(3)[[0, 1, 2] * 4]
    one, two = (ImageDataGenerator().flow(images, labels, batch_size=4) for _ in range(2))
    assert any("contains all 12 training images" in each for each in warned(one, two))
    other = ImageDataGenerator().flow(images[::-1].copy(), labels, batch_size=4)
    assert warned(one, other) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("as_flow", [True, False])
def test_the_training_arrays_as_validation_data_are_warned_of(dtype, as_flow):
    images = np.random.default_rng(0).random((12, 8, 8, 3)).astype(dtype)
    labels = np.eye(3)[[0, 1, 2] * 4]

    def told(x, y, validation):
        if as_flow:
            return warned(ImageDataGenerator().flow(x, y, batch_size=4), validation)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(network(), x, y, validation_data=validation, verbose=0)
        return [str(each.message) for each in caught if each.category is UserWarning]

    messages = told(images, labels, (images, labels))
    assert any("contains all 12 training images" in each for each in messages)
    assert any("x[n:] to train on, x[:n] to validate" in each for each in messages)
    # As R passes them: a new array with the same content.
    assert any("all 12" in each for each in told(images, labels, (images.copy(), labels)))
    assert told(images[3:], labels[3:], (images[:3], labels[:3])) == []
    assert told(images[::2], labels[::2], (images[1::2], labels[1::2])) == []


def test_overlapping_parts_of_an_array_are_counted():
    images = np.random.default_rng(0).random((12, 8, 8, 3)).astype("float32")
    labels = np.eye(3)[[0, 1, 2] * 4]
    flow = ImageDataGenerator().flow(images[:9], labels[:9], batch_size=4)
    messages = warned(flow, (images[6:], labels[6:]))
    assert any("contains 3 training images" in each for each in messages)


def test_an_empty_class_folder_is_warned_of(table, tmp_path):
    (tmp_path / "data" / "d").mkdir()
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        tmp_path / "data", target_size=(8, 8), batch_size=4
    )
    with pytest.warns(UserWarning, match="The training data have no images of class 'd'"):
        fit(network(4), flow, verbose=0)
