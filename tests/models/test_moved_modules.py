"""A saved classifier outlives moves of Python modules, in this package and in Keras."""

import json

import keras
import numpy as np
import pytest

from pykeras_tl.models.backbones.registry import build_backbone
from pykeras_tl.models.saving import allowed_layers
from pykeras_tl.models.saving.classifier import Classifier, load_classifier
from pykeras_tl.models.saving.preprocess_config import PreprocessConfig
from pykeras_tl.models.transfer import transfer_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    build_backbone("mobilenet", (32, 32, 3), weights=None, alpha=0.25, seed=1).save_weights(path)
    return path


@pytest.fixture
def model(weights):
    """A pretrained transfer model: it has both of our layers, and a nested functional model."""
    return transfer_model("mobilenet", 2, weights=weights, input_shape=(32, 32, 3), alpha=0.25)


@pytest.fixture
def saved(model, tmp_path):
    classifier = Classifier(model, ["a", "b"], PreprocessConfig((32, 32)))
    return classifier.save(tmp_path / "classifier")


def _objects(described):
    if isinstance(described, dict):
        yield described
    for item in described.values() if isinstance(described, dict) else described:
        if isinstance(item, (dict, list)):
            yield from _objects(item)


def _edit(folder, change):
    """Change the saved objects that have a class, and say how many were changed."""
    path = folder / "model.json"
    described = json.loads(path.read_text())
    changed = [change(item) for item in _objects(described) if "class_name" in item]
    path.write_text(json.dumps(described))
    return sum(map(bool, changed))


def _set_module(class_name, module):
    def change(item):
        if item["class_name"] == class_name:
            item["module"] = module
        return item["class_name"] == class_name

    return change


def _predictions(model):
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    return model.predict(images, verbose=0)


def _move_in_keras(monkeypatch, class_name, old):
    """Make an imaginary module the former home of a class that has no public name in Keras."""
    entries = allowed_layers._PRIVATE
    moved = tuple(
        (classes, (*modules, old) if class_name in classes else modules)
        for classes, modules in entries
    )
    assert moved != entries
    monkeypatch.setattr(allowed_layers, "_PRIVATE", moved)


@pytest.mark.parametrize("layer", ["InputScaling", "InferenceBatchNormalization"])
@pytest.mark.parametrize("module", ["pykeras_tl.models.preprocessing", "no.longer.there"])
def test_our_layers_are_found_whatever_module_defined_them(layer, module, saved, model):
    assert _edit(saved, _set_module(layer, module)) > 0
    assert np.array_equal(_predictions(load_classifier(saved).model), _predictions(model))


def test_keras_backbones_private_layers_are_found_too(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), allowed_layers._CUSTOM[1](1.0, 3)])
    model = keras.Sequential([model, keras.layers.Flatten(), keras.layers.Dense(2)])
    saved = Classifier(model, ["a", "b"], PreprocessConfig((4, 4))).save(tmp_path / "classifier")
    assert _edit(saved, _set_module("LayerScale", "keras.src.layers.layer_scale")) == 1
    loaded = load_classifier(saved).model
    assert loaded.layers[0].layers[0].projection_dim == 3


def test_functional_models_are_found_after_a_move_in_keras(saved, model, monkeypatch):
    old = "keras.src.where_functional_was"
    assert _edit(saved, _set_module("Functional", old)) == 2
    with pytest.raises(ValueError, match=f"{old}.Functional, which is not known to be safe"):
        load_classifier(saved)
    _move_in_keras(monkeypatch, "Functional", old)
    assert np.array_equal(_predictions(load_classifier(saved).model), _predictions(model))


def test_operations_are_found_after_a_move_in_keras(tmp_path, monkeypatch):
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()((inputs + 1) * 2))
    model = keras.Model(inputs, outputs)
    saved = Classifier(model, ["a", "b"], PreprocessConfig((4, 4))).save(tmp_path / "classifier")
    old = "keras.src.where_operations_were"
    assert _edit(saved, _set_module("Multiply", old)) == 1
    _move_in_keras(monkeypatch, "Multiply", old)
    images = np.ones((1, 4, 4, 3), "float32")
    expected = model.predict(images, verbose=0)
    assert np.array_equal(load_classifier(saved).model.predict(images, verbose=0), expected)


@pytest.mark.parametrize(
    "claimed",
    [
        {"module": "os", "class_name": "system"},
        {"module": "builtins", "class_name": "eval"},
        {"module": "keras.layers", "class_name": "Lambda"},
        {"module": "pykeras_tl.models.preprocessing", "class_name": "Lambda"},
        {"module": "keras.layers", "class_name": "Dense"},
        {"module": None, "class_name": "Lambda"},
    ],
)
def test_another_class_under_our_registered_name_is_refused(claimed, saved):
    def change(item):
        ours = item.get("registered_name") == "pykeras_tl>InputScaling"
        item.update(claimed if ours else {})
        return ours

    assert _edit(saved, change) == 1
    with pytest.raises(ValueError, match=r"registered as pykeras_tl>InputScaling, which is not"):
        load_classifier(saved)


def test_our_class_under_another_registered_name_is_refused(saved):
    def change(item):
        ours = item["class_name"] == "InputScaling"
        item.update({"registered_name": "evil>InputScaling"} if ours else {})
        return ours

    assert _edit(saved, change) == 1
    with pytest.raises(ValueError, match="InputScaling, which is not known to be safe"):
        load_classifier(saved)


def test_a_foreign_module_for_functional_models_is_refused(saved):
    assert _edit(saved, _set_module("Functional", "os")) == 2
    with pytest.raises(ValueError, match=r"os\.Functional, which is not known to be safe"):
        load_classifier(saved)


def test_preprocessing_under_its_first_key_is_read(saved):
    path = saved / "config.json"
    config = json.loads(path.read_text())
    config["pictures"] = config.pop("preprocess")
    path.write_text(json.dumps(config))
    loaded = load_classifier(saved)
    assert loaded.target_size == (32, 32)
    loaded.save(saved)
    assert "pictures" not in json.loads(path.read_text())
