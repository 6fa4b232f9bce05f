"""Explanations of a classifier's predictions of files, as tables, overlays and sheets."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import predict_flow, worst_mistakes
from pykeras_tl.explanation import Explanations, explain_images, overlay_map, saliency_maps
from pykeras_tl.images import ImageDataGenerator, list_images
from pykeras_tl.models import Classifier, PreprocessConfig
from pykeras_tl.visualization.style import png

_NAMES = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def folder(marked, tmp_path_factory) -> Path:
    """Images of squares on noise, in wide files of twice the size, and one that is no image."""
    _, images, classes, _ = marked
    root = tmp_path_factory.mktemp("squares")
    for number in range(6):
        wide = cv2.resize(images[number], (96, 48), interpolation=cv2.INTER_NEAREST)
        path = root / _NAMES[classes[number]] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), wide[..., ::-1])
    (root / "red" / "bad.png").write_bytes(b"no image")
    return root


@pytest.fixture(scope="module")
def classifier(marked) -> Classifier:
    return Classifier(marked[0], _NAMES, PreprocessConfig((24, 24)))


@pytest.fixture(scope="module")
def explained(classifier, folder) -> Explanations:
    return explain_images(classifier, folder, batch_size=4)


def test_the_table_is_that_of_predict(classifier, folder, explained) -> None:
    pd.testing.assert_frame_equal(explained.predictions, classifier.predict(folder))
    bad = [Path(file).name for file in explained.predictions["filename"]].index("bad.png")
    assert sorted(explained.readable) == sorted(set(range(7)) - {bad})
    assert repr(explained).startswith("Explanations\nimages: 7 · method: grad_cam")
    with pytest.raises(ValueError, match="could not be read"):
        explained.overlay(bad)


def test_maps_are_those_of_the_images_as_the_model_sees_them(marked, classifier, folder) -> None:
    files = sorted(str(path) for path in folder.rglob("[0-9].png"))
    images = np.stack([classifier.images.read(file) for file in files])
    for classes, indices in {"blue": 2, 1: 1, ("red",) * 6: 0}.items():
        found = explain_images(
            classifier, files, list(classes) if len(str(classes)) > 9 else classes
        )
        np.testing.assert_allclose(found.maps, saliency_maps(marked[0], images, indices), atol=1e-5)
        assert found.explained == [_NAMES[indices]] * 6


def test_overlays_keep_the_proportions_of_the_file(explained) -> None:
    row = int(explained.readable[0])
    overlay = explained.overlay(row)
    assert overlay.shape == (48, 96, 3)
    np.testing.assert_array_equal(
        overlay, overlay_map(explained.image(row), cv2.resize(explained.maps[row], (96, 48)))
    )
    assert explained.overlay(row, 48).shape == (24, 48, 3)


def test_the_cropped_margin_speaks_for_nothing(marked, folder) -> None:
    cropping = Classifier(marked[0], _NAMES, PreprocessConfig((24, 24), keep_aspect_ratio=True))
    explained = explain_images(cropping, next(folder.rglob("[0-9].png")))
    overlay = explained.overlay(0)
    margin = overlay_map(explained.image(0), np.zeros((1, 1)))
    np.testing.assert_array_equal(overlay[:, :24], margin[:, :24])
    np.testing.assert_array_equal(overlay[:, 72:], margin[:, 72:])
    assert (overlay[:, 24:72] != margin[:, 24:72]).any()


def test_the_colors_say_how_much(explained) -> None:
    gray = np.full((2, 2, 3), 128, np.uint8)
    overlay = overlay_map(gray, np.array([[0, 1], [0.5, 0.5]]))
    assert overlay[0, 1, 0] > 180 > overlay[0, 1, 2]  # yellow
    assert overlay[0, 0, 2] > overlay[0, 0, 0]  # blue
    lightness = overlay.astype(float).mean(axis=-1)
    assert lightness[0, 0] < lightness[1, 0] < lightness[0, 1]
    with pytest.raises(ValueError, match="uint8"):
        overlay_map(gray / 255, np.zeros((2, 2)))


def test_sheets_show_truth_and_prediction(marked, classifier, folder) -> None:
    table = list_images(folder)
    table = table[~table["filename"].str.endswith("bad.png")]
    flow = ImageDataGenerator().flow_from_dataframe(table, target_size=(24, 24), classes=_NAMES)
    predictions = predict_flow(marked[0], flow)
    predictions["predicted"] = "green"
    mistakes = worst_mistakes(predictions)
    explained = explain_images(classifier, mistakes, classes="green")
    assert explained.predictions.columns[:3].tolist() == ["filename", "class", "predicted"]
    figure = explained.plot(count=2, title="Mistakes")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    true = mistakes["class"].tolist()
    assert texts[1].startswith(f"is {true[0]} ")
    assert texts[1].endswith("why green")
    png(figure)


def test_saved_explanations_are_overlays_and_a_table(explained, tmp_path) -> None:
    for _ in range(2):
        explained.save(tmp_path / "why")
    table = pd.read_csv(tmp_path / "why" / "explanations.csv")
    assert table["explained"].dropna().tolist() == table["predicted"].dropna().tolist()
    for row, name in enumerate(table["overlay"]):
        if row in explained.readable:
            drawn = cv2.imread(str(tmp_path / "why" / name))[..., ::-1]
            np.testing.assert_array_equal(drawn, explained.overlay(row))
        else:
            assert pd.isna(name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="other files"):
        explained.save(tmp_path / "other")


def test_unknown_classes_are_refused(classifier, folder) -> None:
    for classes, message in (("pink", "pink"), (3, "0 to 2"), (["red"], "one for each of 7")):
        with pytest.raises(ValueError, match=message):
            explain_images(classifier, folder, classes)


def test_one_class_unit_names_both(marked, folder) -> None:
    unit = keras.layers.Dense(1, activation="sigmoid")(marked[0].layers[-2].output)
    model = keras.Model(marked[0].inputs, unit)
    classifier = Classifier(model, ["other", "blue"], PreprocessConfig((24, 24)))
    assert explain_images(classifier, folder, "other").explained == ["other"] * 7
