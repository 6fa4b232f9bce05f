"""Multi-label classifiers and regressors: what they predict, and that folders keep it."""

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.evaluation import evaluate_classifier
from pykeras_tl.explanation import map_images
from pykeras_tl.models import (
    Classifier,
    MultiLabelClassifier,
    PreprocessConfig,
    Regressor,
    average_classifiers,
    load_classifier,
    load_predictor,
)
from pykeras_tl.uncertainty import fit_novelty, fit_prediction_sets


def _model(units, activation=None):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(units, activation),
        ]
    )
    model.layers[-1].set_weights([8 * np.eye(3)[:, :units], np.full(units, -4.0)])
    return model


@pytest.fixture
def classifier():
    """One that tells whether an image has red, green and blue in it."""
    names = ["red", "NA", "a b"]
    return MultiLabelClassifier(_model(3, "sigmoid"), names, PreprocessConfig((8, 8)), [0.5] * 3)


@pytest.fixture
def regressor():
    """One that tells how red an image is."""
    return Regressor(_model(1), "redness", PreprocessConfig((8, 8)))


@pytest.fixture
def files(tmp_path):
    for name, color in {"1": (255, 0, 0), "2": (200, 255, 255), "3": (0, 0, 0)}.items():
        Image.new("RGB", (9, 7), color).save(tmp_path / f"{name}.png")
    (tmp_path / "4.png").write_bytes(b"no image")
    return [str(tmp_path / f"{number}.png") for number in (1, 2, 3, 4)]


def test_labels_are_those_above_their_threshold(classifier, files):
    table = classifier.predict(files)
    assert table.columns.tolist() == ["filename", "predicted", "red", "NA", "a b", "error"]
    assert table["predicted"].tolist() == ["red", "NA | a b | red", "", None]
    assert table.loc[0, "red"] == pytest.approx(1 / (1 + np.exp(-4)))
    assert np.isnan(table.loc[3, "red"])
    assert table["error"].tolist()[:3] == [""] * 3
    strict = MultiLabelClassifier(classifier.model, classifier.class_names, classifier.images,
                                  [0.95, 0.5, 0.5])  # fmt: skip
    assert strict.predict(files[:2])["predicted"].tolist() == ["red", "NA | a b"]


def test_numbers_are_those_of_the_model(regressor, files):
    table = regressor.predict(files, batch_size=2)
    assert table.columns.tolist() == ["filename", "predicted", "error"]
    assert table["predicted"].tolist()[:3] == pytest.approx([4, 8 * 200 / 255 - 4, -4], abs=1e-5)
    assert pd.isna(table["predicted"][3])
    assert table["error"][3]


def test_a_folder_keeps_all_of_it(classifier, regressor, files, tmp_path):
    classifier.card = "# Colors"
    for kind, predictor in {"labels": classifier, "number": regressor}.items():
        loaded = load_predictor(predictor.save(tmp_path / kind))
        assert type(loaded) is type(predictor)
        assert loaded.predict(files).equals(predictor.predict(files))
        assert (loaded.card, loaded.metrics) == (predictor.card, predictor.metrics)
        with pytest.raises(ValueError, match=rf"{predictor.kind}\. Load it with load_predictor"):
            load_classifier(tmp_path / kind)
    plain = Classifier(_model(3, "softmax"), list("xyz"), PreprocessConfig((8, 8)))
    assert isinstance(load_predictor(plain.save(tmp_path / "number")), Classifier)


def test_what_does_not_fit_the_model_is_refused(classifier, regressor):
    images = PreprocessConfig((8, 8))
    with pytest.raises(ValueError, match="one label per output"):
        MultiLabelClassifier(classifier.model, ["a", "b"], images)
    with pytest.raises(ValueError, match="a threshold from 0 to 1 for each of 3 labels"):
        MultiLabelClassifier(classifier.model, ["a", "b", "c"], images, [0.5])
    with pytest.raises(ValueError, match="one number for each image"):
        Regressor(classifier.model, "age", images)
    with pytest.raises(ValueError, match="preprocessing to shape"):
        Regressor(regressor.model, "age", PreprocessConfig((9, 8)))


def test_what_needs_one_class_refuses_the_others_at_once(classifier, regressor):
    for predictor in (classifier, regressor):
        for function in (
            evaluate_classifier, fit_novelty, fit_prediction_sets, map_images,
            lambda predictor, *_: average_classifiers([predictor]),
        ):  # fmt: skip
            with pytest.raises(TypeError, match=f"one class. Received: {predictor.kind}"):
                function(*[predictor, "nowhere", "nowhere"][: 3 if function is fit_novelty else 2])


def test_a_diverged_regressor_says_so(regressor, files):
    regressor.model.layers[-1].bias.assign([np.nan])
    with pytest.raises(ValueError, match="diverged"):
        regressor.predict(files[:1])
