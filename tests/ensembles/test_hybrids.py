"""The support vector machine inside the network is scikit-learn's, and it can learn on."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from pykeras_tl.ensembles import feature_network, fine_tune_svm, fit_svm, fit_svr
from pykeras_tl.ensembles.svm import grid_search
from pykeras_tl.evaluation import evaluate_classifier, predict_flow
from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.models.saving.classifier import Classifier, load_classifier


def _images(classes: int, count: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy stripes; the class decides how steep they are."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    rows, columns = np.mgrid[:32, :32]
    waves = np.sin((rows[None] * (labels[:, None, None] + 1) + columns[None]) / 4)
    images = 0.5 + 0.2 * waves[..., None] + random.normal(0, 0.2, (count, 32, 32, 3))
    return images.clip(0, 1).astype("float32"), labels


def _flow(classes: int, **options):
    images, labels = _images(classes, **options)
    flow = ImageDataGenerator(rescale=1 / 255).flow(
        255 * images, np.eye(classes)[labels], batch_size=16, seed=1
    )
    return flow, images, labels


@pytest.fixture(scope="module")
def network() -> keras.Model:
    base = feature_network(seed=3)
    return keras.Sequential([base, keras.layers.Dense(3, activation="softmax", name="head")])


def test_the_published_network() -> None:
    parameters = [layer.count_params() for layer in feature_network().layers if layer.weights]
    assert parameters == [380, 1260, 410, 4100]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_scores_are_scikit_learns(network, classes, kernel) -> None:
    flow, _, labels = _flow(classes)
    hybrid = fit_svm(network, flow, "feature_network", {"kernel": [kernel], "C": [0.5]}, folds=3)
    # Of the flow's own pixels: a feature that hardly varies, scaled, makes much of their rounding.
    pixels = flow.in_file_order()
    features = network.layers[0].predict(pixels, verbose=0).astype(float)
    scaled = StandardScaler().fit_transform(features)
    theirs = OneVsRestClassifier(SVC(kernel=kernel, C=0.5, gamma="auto")).fit(scaled, labels)
    expected = theirs.decision_function(scaled)
    if classes == 2:
        expected = np.column_stack([-expected, expected])
    scores = hybrid.scores.predict(pixels, verbose=0)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    table = predict_flow(hybrid.model, flow)
    assert (table["predicted"].astype(int) == theirs.predict(scaled)).mean() > 0.98
    np.testing.assert_allclose(table.iloc[:, 3:].sum(axis=1), 1, atol=1e-5)


def test_cross_validation_chooses(network) -> None:
    flow, _, _ = _flow(3)
    search = fit_svm(network, flow, "feature_network", {"C": [1e-3, 1.0]}, folds=3).search
    assert list(search.columns) == ["kernel", "C", "score", "deviation"]
    assert len(search) == 4
    assert search["score"].is_monotonic_decreasing
    assert search["score"][0] > 0.5


def test_many_images_are_tuned_on_some_and_fitted_on_all(network, monkeypatch) -> None:
    monkeypatch.setattr(grid_search, "_MOST_TUNING_SAMPLES", 60)
    flow, images, labels = _flow(3)
    rows = grid_search.tuning_subsample(90, 0, labels)
    assert len(rows) == 60
    assert np.bincount(labels[rows]).tolist() == [20, 20, 20]
    found = fit_svm(network, flow, 0, {"kernel": ["rbf"], "C": [1.0]}, folds=3)
    monkeypatch.undo()
    expected = fit_svm(network, flow, 0, {"kernel": ["rbf"], "C": [1.0]}, folds=3)
    np.testing.assert_array_equal(
        found.scores.predict(images, verbose=0), expected.scores.predict(images, verbose=0)
    )


def test_the_network_itself_stays_as_it_is(network) -> None:
    before = [np.array(weight) for weight in network.get_weights()]
    flow, _, _ = _flow(3)
    hybrid = fit_svm(network, flow, 0, {"kernel": ["linear"], "C": [1.0]}, folds=3)
    fine_tune_svm(hybrid, flow, epochs=1, learning_rate=0.01, verbose=0)
    for old, new in zip(before, network.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_it_learns_on_end_to_end(network, kernel) -> None:
    flow, _, _ = _flow(3)
    hybrid = fit_svm(network, flow, 0, {"kernel": [kernel], "C": [0.01]}, folds=3)

    def hinge() -> float:
        images, labels = _images(3)
        return _one_against_rest(hybrid.scores.predict(images, verbose=0), labels)

    fixed = [w for layer in hybrid.model.layers if "fixed" in layer.name for w in layer.weights]
    held, before = [keras.ops.convert_to_numpy(w).copy() for w in fixed], hinge()
    first = np.array(hybrid.model.layers[1].get_weights()[0])
    chances = predict_flow(hybrid.model, flow).iloc[:, 3:].to_numpy()
    history = fine_tune_svm(hybrid, flow, epochs=4, learning_rate=1e-3, verbose=0)
    assert len(history.epoch) == 4
    assert hinge() < before
    assert np.abs(hybrid.model.layers[1].get_weights()[0] - first).max() > 0
    assert np.abs(predict_flow(hybrid.model, flow).iloc[:, 3:].to_numpy() - chances).max() > 1e-3
    for old, new in zip(held, fixed):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(new))


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_the_loss_is_the_one_the_machines_were_fitted_with(network, classes) -> None:
    flow, images, labels = _flow(classes)
    hybrid = fit_svm(network, flow, 0, {"kernel": ["rbf"], "C": [1.0]}, folds=3)
    expected = _one_against_rest(hybrid.scores.predict(images, verbose=0), labels)
    # Too small a step to move anything.
    history = fine_tune_svm(hybrid, flow, epochs=1, learning_rate=1e-12, verbose=0)
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-4)


def _one_against_rest(scores: np.ndarray, labels: np.ndarray) -> float:
    signs = np.where(np.eye(scores.shape[1])[labels] == 1, 1, -1)
    return float(np.maximum(0, 1 - signs * scores).mean())


@pytest.fixture
def folder(tmp_path):
    """The stripes as files, one folder a class."""
    import cv2

    for number, (image, label) in enumerate(zip(*_images(3))):
        path = tmp_path / "images" / "abc"[label] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (255 * image).astype("uint8"))
    return tmp_path / "images"


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_it_saves_without_pickle_and_predicts_as_any_classifier(network, kernel, folder, tmp_path):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, (32, 32), seed=1)
    hybrid = fit_svm(network, flow, 0, {"kernel": [kernel], "C": [1.0]}, folds=3)
    saved = Classifier.from_flow(hybrid.model, flow).save(tmp_path / "hybrid")
    assert {path.suffix for path in saved.iterdir()} == {".json", ".h5", ".txt"}
    found = load_classifier(saved).predict(folder)
    expected = predict_flow(hybrid.model, flow)
    assert found["predicted"].tolist() == expected["predicted"].tolist()
    np.testing.assert_allclose(found.iloc[:, 2:], expected.iloc[:, 3:], atol=1e-5)


def test_it_is_measured_like_any_network(network) -> None:
    flow, _, _ = _flow(3)
    hybrid = fit_svm(network, flow, 0, {"kernel": ["linear"], "C": [1.0]}, folds=3)
    assert evaluate_classifier(hybrid.model, flow).accuracy > 0.9


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_regression_is_scikit_learns(network, kernel) -> None:
    images, labels = _images(3)
    steepness = labels + 0.5
    flow = ImageDataGenerator(rescale=1 / 255).flow(255 * images, steepness, seed=1)
    hybrid = fit_svr(network, flow, 0, {"kernel": [kernel], "C": [1.0]}, folds=3)
    scaled = StandardScaler().fit_transform(network.layers[0].predict(images, verbose=0))
    theirs = SVR(kernel=kernel, C=1.0, gamma="auto").fit(scaled, steepness)
    found = hybrid.model.predict(images, verbose=0)[:, 0]
    np.testing.assert_allclose(found, theirs.predict(scaled), atol=2e-2)


@pytest.mark.slow
def test_regression_learns_on_end_to_end(network) -> None:
    images, labels = _images(3)
    flow = ImageDataGenerator(rescale=1 / 255).flow(255 * images, labels + 0.5, seed=1)
    hybrid = fit_svr(network, flow, 0, {"kernel": ["linear"], "C": [0.001]}, folds=3)

    def off() -> float:
        found = hybrid.model.predict(images, verbose=0)[:, 0]
        return float(np.maximum(np.abs(found - labels - 0.5) - 0.1, 0).mean())

    before = off()
    history = fine_tune_svm(hybrid, flow, epochs=4, learning_rate=1e-3, verbose=0)
    assert off() < before
    assert "mae" in history.history
    with pytest.raises(ValueError, match=r"class_mode='raw'. Received: 'categorical'"):
        fine_tune_svm(hybrid, SimpleNamespace(class_mode="categorical"))


def test_maps_are_flattened(network) -> None:
    flow, images, _ = _flow(3)
    base = network.layers[0]
    hybrid = fit_svm(base, flow, 4, {"kernel": ["linear"], "C": [1.0]}, folds=3)
    assert hybrid.model.predict(images[:2], verbose=0).shape == (2, 3)


def test_nested_models_with_equal_layer_names(folder, tmp_path) -> None:
    def branch(seed: int, size: int) -> keras.Model:
        conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
        layers = [keras.Input((size, size, 3 if seed == 1 else 4)), conv]
        return keras.Sequential(layers, name=f"branch_{seed}")

    model = keras.Sequential(
        [keras.Input((32, 32, 3)), branch(1, 32), branch(2, 30), keras.layers.Flatten()]
    )
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, (32, 32), seed=1)
    grid = {"kernel": ["linear"], "C": [1.0]}
    hybrid = fit_svm(model, flow, "branch_2/conv", grid, folds=3)
    images = _images(3)[0][:4]
    copied = keras.Model(hybrid.model.inputs, hybrid.model.get_layer("svm_flatten").output)
    np.testing.assert_allclose(
        copied.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
    saved = Classifier.from_flow(hybrid.model, flow).save(tmp_path / "hybrid")
    found, expected = load_classifier(saved).predict(folder), predict_flow(hybrid.model, flow)
    np.testing.assert_allclose(found.iloc[:, 2:], expected.iloc[:, 3:], atol=1e-5)


def test_subclassed_models_are_refused() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    flow, _, _ = _flow(3)
    with pytest.raises(ValueError, match=r"Own that is a subclass of keras\.Model"):
        fit_svm(Own(), flow, 0)


def test_bad_arguments_are_refused(network) -> None:
    flow, images, _ = _flow(3)
    with pytest.raises(ValueError, match="nowhere"):
        fit_svm(network, flow, "nowhere")
    with pytest.raises(ValueError, match="Expected a grid"):
        fit_svm(network, flow, 0, {"kernel": ["poly"]})
    with pytest.raises(ValueError, match="Expected a grid"):
        fit_svm(network, flow, 0, {"gamma": [1]})
    unlabelled = ImageDataGenerator().flow(images, batch_size=16)
    with pytest.raises(ValueError, match="two or more classes"):
        fit_svm(network, unlabelled, 0)
    with pytest.raises(ValueError, match="one number per image"):
        fit_svr(network, flow, 0)
