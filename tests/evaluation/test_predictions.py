"""Predictions stand in the files' own order, whatever the flow's order and class mode."""

from __future__ import annotations

import numpy as np
import pytest

from pykeras_tl.evaluation import predict_flow
from pykeras_tl.evaluation.prediction_table import prediction_table
from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.models.inference import as_probabilities


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of flat gray images; the brightness of each is known from its name."""
    import cv2

    root = tmp_path_factory.mktemp("images")
    for number in range(21):
        path = root / "abc"[number % 3] / f"{number * 10:03}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((6, 6, 3), number * 10, dtype="uint8"))
    return root


@pytest.fixture(scope="module")
def softmax():
    """A network whose outputs tell the brightness it was given, in units of 1/255."""
    return _network(3, "softmax")


def _network(units: int, activation: str):
    import keras

    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(units)]
    )
    model.add(keras.layers.Activation(activation))
    slopes = np.linspace(-1, 2, units) if units > 1 else np.array([1.0])
    model.layers[1].set_weights([np.tile(slopes, (3, 1)) / 3, np.zeros(units)])
    return model


def _expected(table, units: int, activation: str) -> np.ndarray:
    import keras

    brightness = np.array([int(file[-7:-4]) / 255 for file in table["filename"]])
    slopes = np.linspace(-1, 2, units) if units > 1 else np.array([1.0])
    logits = brightness[:, None] * slopes
    values = np.asarray(getattr(keras.ops, activation)(logits))
    return np.concatenate([1 - values, values], axis=1) if units == 1 else values


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_stand_in_the_files_order(folder, softmax, class_mode, shuffle) -> None:
    augmented = ImageDataGenerator(rescale=1 / 255, brightness_range=(0.2, 3), rotation_range=90)
    flow = augmented.flow_from_directory(
        folder, (6, 6), batch_size=4, class_mode=class_mode, shuffle=shuffle, seed=3
    )
    table = predict_flow(softmax, flow)
    assert table["filename"].tolist() == [str(path) for path in flow.filepaths]
    assert table["class"].tolist() == [file.split("/")[-2] for file in table["filename"]]
    np.testing.assert_allclose(table.iloc[:, 3:], _expected(table, 3, "softmax"), atol=1e-5)
    assert (table["predicted"] == table.iloc[:, 3:].idxmax(axis=1)).all()


def test_the_flow_itself_stands_where_it_stood(folder, softmax) -> None:
    def made():
        return ImageDataGenerator(rotation_range=20).flow_from_directory(
            folder, (6, 6), batch_size=4, seed=3
        )

    used, untouched = made(), made()
    next(used), next(untouched)
    predict_flow(softmax, used)
    np.testing.assert_array_equal(next(used)[0], next(untouched)[0])


@pytest.mark.parametrize("units", [1, 2])
def test_binary_flows_with_one_unit_or_two(folder, units) -> None:
    activation = "sigmoid" if units == 1 else "softmax"
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, (6, 6), classes=["c", "a"], class_mode="binary", batch_size=5
    )
    table = predict_flow(_network(units, activation), flow)
    assert list(table.columns) == ["filename", "class", "predicted", "c", "a"]
    assert table["class"].tolist() == [file.split("/")[-2] for file in table["filename"]]
    np.testing.assert_allclose(table.iloc[:, 3:], _expected(table, units, activation), atol=1e-5)


def test_images_from_an_array(softmax) -> None:
    images = np.random.default_rng(0).uniform(0, 1, (7, 6, 6, 3)).astype("float32")
    labels = np.array([0, 1, 2, 2, 1, 0, 0])
    flow = ImageDataGenerator().flow(images, np.eye(3)[labels], batch_size=3, seed=1)
    table = predict_flow(softmax, flow)
    assert table["class"].tolist() == [str(label) for label in labels]
    np.testing.assert_allclose(table.iloc[:, 3:], softmax.predict(images, verbose=0), atol=1e-6)


def test_an_array_without_labels_has_no_truth(softmax) -> None:
    flow = ImageDataGenerator().flow(np.zeros((3, 6, 6, 3)), batch_size=2)
    assert list(predict_flow(softmax, flow)) == ["filename", "predicted", "0", "1", "2"]


def test_files_that_cannot_be_read_are_left_out(folder, softmax, tmp_path) -> None:
    import shutil

    copy = tmp_path / "images"
    shutil.copytree(folder, copy)
    (copy / "a" / "090.png").write_bytes(b"no image")
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        copy, (6, 6), batch_size=4, on_bad="skip", seed=3
    )
    table = predict_flow(softmax, flow)
    assert len(table) == 20
    assert not any("090" in file for file in table["filename"])
    np.testing.assert_allclose(table.iloc[:, 3:], _expected(table, 3, "softmax"), atol=1e-5)


def test_labels_that_are_no_classes_are_refused(softmax) -> None:
    flow = ImageDataGenerator().flow(np.zeros((3, 6, 6, 3)), np.array([0.5, 1.0, 7.0]))
    with pytest.raises(ValueError, match="not classes"):
        predict_flow(softmax, flow)


def test_a_flow_for_something_else_is_refused(folder, softmax) -> None:
    flow = ImageDataGenerator().flow_from_directory(folder, (6, 6), class_mode="input")
    with pytest.raises(ValueError, match="classification"):
        predict_flow(softmax, flow)


def test_outputs_that_do_not_fit_the_classes_are_refused(folder) -> None:
    flow = ImageDataGenerator().flow_from_directory(folder, (6, 6))
    with pytest.raises(ValueError, match=r"each of 3 classes. Received: a model with 4 outputs"):
        predict_flow(_network(4, "softmax"), flow)


def test_outputs_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="softmax or sigmoid"):
        as_probabilities(np.array([[2.0, -1.0]]))
    with pytest.raises(ValueError, match="diverged"):
        as_probabilities(np.array([[np.nan, 0.5]]))
    with pytest.raises(ValueError, match="shape"):
        as_probabilities(np.zeros((2, 3, 4)))


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="for 2 files"):
        prediction_table(["a", "b"], None, np.zeros((1, 2)), ["no", "yes"])
