"""None of these: distances against scikit-learn, and what a classifier carries."""

from __future__ import annotations

import json

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from pykeras_tl.cli import main
from pykeras_tl.evaluation import Evaluation, evaluate_classifier, plot_mistakes
from pykeras_tl.evaluation.prediction_table import class_names_of, predicted_indices
from pykeras_tl.images import list_images
from pykeras_tl.models import Classifier, average_classifiers, load_classifier
from pykeras_tl.models.uncertainty.features import FeatureExtractor
from pykeras_tl.uncertainty import fit_novelty, fit_prediction_sets
from pykeras_tl.uncertainty.novelty import detector_of, draw_images

ADDED = ["prediction_set", "none_of_these", "novelty"]


def _features() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    classes = np.arange(90) % 3
    centers = random.normal(0, 3, (3, 5))
    training, validation = random.normal(size=(2, 90, 5)) + centers[classes]
    return training, classes, validation


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_nearest_neighbours_are_those_of_scikit_learn() -> None:
    training, classes, validation = _features()
    detector = detector_of(training, classes, validation)
    search = NearestNeighbors(n_neighbors=5).fit(_unit(training))
    expected = search.kneighbors(_unit(validation))[0][:, -1]
    # The training images are kept with three digits.
    np.testing.assert_allclose(detector.distances(validation), expected, atol=2e-3)
    assert (detector.scores(validation) <= 1).sum() == np.ceil(0.95 * 91)


def test_mahalanobis_is_that_of_a_loop() -> None:
    training, classes, validation = _features()
    detector = detector_of(training, classes, validation, method="mahalanobis")
    unit, new = _unit(training), _unit(validation)
    means = np.stack([unit[classes == number].mean(axis=0) for number in range(3)])
    precision = LedoitWolf(assume_centered=True).fit(unit - means[classes]).precision_
    expected = [
        min(np.sqrt((row - mean) @ precision @ (row - mean)) for mean in means) for row in new
    ]
    np.testing.assert_allclose(detector.distances(validation), expected, rtol=1e-3)


def test_thresholds_count_each_group_once() -> None:
    training, classes, validation = _features()
    # One odd photograph with 40 copies is one of 51 groups.
    copies = np.concatenate([validation[:50], np.repeat(-validation[:1], 40, axis=0)])
    groups = [*range(50), *[50] * 40]
    together = detector_of(training, classes, copies, groups)
    assert (together.scores(validation[:50]) <= 1).mean() > 0.9
    assert together.scores(copies[-1:])[0] > 1
    assert detector_of(training, classes, copies).scores(copies[-1:])[0] <= 1


def _nested(side_by_side: bool) -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    backbone = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    if side_by_side:
        heads = [keras.layers.Dense(2, "softmax")(pooled) for _ in range(2)]
        return keras.Model(inputs, keras.layers.Average()(heads))
    return keras.Model(inputs, keras.layers.Dense(2, "softmax")(keras.layers.Dropout(0.5)(pooled)))


@pytest.mark.parametrize("side_by_side", [False, True])
def test_features_are_what_comes_into_the_last_layers(side_by_side: bool) -> None:
    model = _nested(side_by_side)
    images = np.random.default_rng(0).random((3, 8, 8, 3)).astype("float32")
    outputs, features = FeatureExtractor(model)(images)
    np.testing.assert_allclose(outputs, model.predict(images, verbose=0), atol=1e-6)
    maps = np.asarray(model.layers[1](images))
    np.testing.assert_allclose(features, maps.mean(axis=(1, 2)), atol=1e-5)
    flipped, same = FeatureExtractor(model)(images, "hflip")
    np.testing.assert_allclose(same, features)
    assert not np.allclose(flipped, outputs)


def test_features_of_networks_without_a_dense_layer_are_pooled() -> None:
    conv = keras.layers.Conv2D(2, 1)
    layers = [keras.Input((4, 4, 3)), conv, keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Softmax()])
    images = np.random.default_rng(0).random((2, 4, 4, 3)).astype("float32")
    features = FeatureExtractor(model)(images)[1]
    np.testing.assert_allclose(features, images.mean(axis=(1, 2)), atol=1e-6)


def test_a_classifier_knows_what_it_has_not_seen(colors, classifier, validation, tmp_path) -> None:
    plain = classifier.predict(colors / "test")
    fit_novelty(classifier, colors / "train", validation)
    fit_prediction_sets(classifier, validation, groups=None)
    table = classifier.predict(colors / "test")
    assert list(table) == ["filename", "predicted", *ADDED, "green", "red"]
    pd.testing.assert_frame_equal(table.drop(columns=ADDED), plain)
    assert table["none_of_these"].mean() < 0.2
    assert classifier.predict(colors / "blue")["none_of_these"].all()
    loaded = load_classifier(classifier.save(tmp_path / "saved"))
    again = loaded.predict(colors / "test")
    pd.testing.assert_frame_equal(again, table)
    assert list(loaded.predict(colors / "test", coverage=None))[2:4] == ADDED[1:]
    sets = loaded.predict(colors / "test", coverage=0.99)["prediction_set"]
    assert all(len(set(text.split(" | "))) == 2 for text in sets)
    assert (sets.str.split(" | ", regex=False).str[0] == table["predicted"]).all()
    # The table is still one of predictions.
    assert class_names_of(table) == ["green", "red"]
    labelled = table.copy()
    labelled.insert(1, "class", "red")
    assert class_names_of(labelled) == ["green", "red"]
    assert (predicted_indices(labelled) == predicted_indices(plain)).all()
    assert len(Evaluation(labelled).by_class) == 4
    plot_mistakes(labelled)
    assert evaluate_classifier(loaded, colors / "test", groups=None).class_names == ["green", "red"]


def test_unreadable_files_have_no_set(colors, classifier, validation, tmp_path) -> None:
    fit_novelty(classifier, colors / "train", validation)
    fit_prediction_sets(classifier, validation, groups=None)
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = next((colors / "test" / "red").iterdir())
    table = classifier.predict([tmp_path / "bad.png", good])
    assert list(table)[-1] == "error"
    assert table.loc[0, ["prediction_set", "none_of_these"]].tolist() == [None, None]
    assert np.isnan(table["novelty"][0])
    assert table["none_of_these"][1] in (True, False)


def test_a_class_may_be_called_like_a_column() -> None:
    columns = ["filename", "predicted", "none_of_these", "other"]
    table = pd.DataFrame([["a.png", "other", 0.2, 0.8]], columns=columns)
    assert class_names_of(table) == ["none_of_these", "other"]


def test_what_is_carried_is_checked_when_it_is_read(
    colors, classifier, validation, tmp_path
) -> None:
    fit_novelty(classifier, colors / "train", validation, method="mahalanobis")
    fit_prediction_sets(classifier, validation, groups=None)
    folder = classifier.save(tmp_path / "saved")
    files = {path.name for path in folder.iterdir()}
    assert files == {"config.json", "model.json", "model.weights.h5", "uncertainty.h5"}
    config = folder / "config.json"
    text = config.read_text("utf-8")
    for threshold, method in (("-1", "knn"), ("NaN", "mahalanobis"), ("1", "pickle")):
        changed = json.loads(text)
        changed["novelty"] = {"threshold": float(threshold), "method": method}
        config.write_text(json.dumps(changed), "utf-8")
        with pytest.raises(ValueError, match="is not a valid classifier"):
            load_classifier(folder)
    config.write_text(text, "utf-8")
    with h5py.File(folder / "uncertainty.h5", "a") as file:
        file["prediction_sets/classes"][...] = 7
    with pytest.raises(ValueError, match="classes 0 to 1"):
        load_classifier(folder)
    with h5py.File(folder / "uncertainty.h5", "a") as file:
        del file["prediction_sets/scores"]
        file["prediction_sets/scores"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ValueError, match="is a link"):
        load_classifier(folder)
    (folder / "uncertainty.h5").unlink()
    with pytest.raises((FileNotFoundError, ValueError), match="uncertainty"):
        load_classifier(folder)


def test_features_of_another_size_are_refused(colors, classifier, validation, tmp_path) -> None:
    detector = fit_novelty(classifier, colors / "train", validation)
    other = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    with pytest.raises(ValueError, match="6 features"):
        Classifier(other, classifier.class_names, classifier.images, novelty=detector)
    assert average_classifiers([classifier, classifier]).novelty is None


def test_images_are_drawn_class_by_class() -> None:
    table = pd.DataFrame({"filename": map(str, range(300)), "class": ["a"] * 290 + ["b"] * 10})
    drawn = draw_images(table, 30, 0)
    assert drawn["class"].value_counts().to_dict() == {"a": 29, "b": 1}
    assert not drawn["filename"].equals(draw_images(table, 30, 1)["filename"])
    assert draw_images(table, 300, 0) is table


def test_evaluate_tells_from_the_command_line(
    colors, classifier, validation, tmp_path, monkeypatch, capsys
) -> None:
    fit_novelty(classifier, colors / "train", validation)
    fit_prediction_sets(classifier, validation, groups=None)
    folder = classifier.save(tmp_path / "saved")
    table = list_images(colors / "test").assign(site=["a", "b"] * 20)
    table.to_csv(tmp_path / "test.csv", index=False)
    arguments = ["evaluate", str(folder), str(tmp_path / "test.csv"), "--subgroup", "site"]
    arguments += ["--validation", str(colors / "validation"), "--positive", "red"]
    arguments += ["--sensitivity", "0.9", "--groups", "none", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["pykeras-tl", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("macro_auc", "red from a probability of", "specificity", "site", "promised"):
        assert word in shown
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    for word in ("Prediction sets of the classifier", "By subgroup", "Youden", "macro AUC"):
        assert word in page
