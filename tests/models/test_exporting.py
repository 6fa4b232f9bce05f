"""Exported classifiers, run by the runtimes that they are for."""

import json
import sys
import zipfile
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from pykeras_tl.models import Classifier, PreprocessConfig
from pykeras_tl.models.sharing import formats
from pykeras_tl.models.sharing.exportable import exportable

if keras.backend.backend() != "tensorflow":
    pytest.skip("Keras exports these formats by TensorFlow", allow_module_level=True)
SIZE = (16, 20)
NAMES = ["cat", "dög"]


@pytest.fixture(scope="module")
def classifier():
    """One with every layer that exporters lack: those of EfficientNet and of ConvNeXt."""
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 1, 2]),
            layers.Conv2D(8, 3, padding="same", activation="gelu"),
            layers.Conv2D(8, 5, padding="same", groups=8),
            layers.Conv2D(8, 3, strides=2, groups=2, activation="gelu"),
            layers.LayerNormalization(epsilon=1e-6),
            layers.GlobalAveragePooling2D(),
        ]
    )
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            inner,
            layers.Dropout(0.5),
            layers.Dense(1, "sigmoid", kernel_initializer=keras.initializers.RandomNormal(0, 3)),
        ]
    )
    standardization = {
        "rescale": 1 / 255,
        "samplewise_center": True,
        "samplewise_std_normalization": True,
        "featurewise_center": True,
        "featurewise_std_normalization": True,
        "mean": [[[0.1, 0.0, -0.1]]],
        "std": [[[0.9, 1.0, 1.1]]],
    }
    return Classifier(
        model, NAMES, PreprocessConfig(SIZE, "rgb", "bilinear", standardization=standardization)
    )


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for number in range(5):
        pixels = random.integers(0, 50 * (number + 1), (30, 30, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def exported(classifier, photographs, tmp_path_factory):
    """Export to a format once for all tests."""

    @cache
    def export(format):
        if format != "saved_model":
            pytest.importorskip({"onnx": "onnxruntime", "litert": "ai_edge_litert"}[format])
        name = f"model{formats.FORMATS[format].suffix}"
        path = classifier.export(tmp_path_factory.mktemp(format) / name, format, photographs)
        assert list(path.parent.iterdir()) == [path]
        return path

    return export


@pytest.mark.parametrize("format", ["onnx", "litert", "saved_model"])
def test_file_predicts_what_the_classifier_does(classifier, photographs, exported, format):
    files = sorted(photographs.iterdir())
    expected = classifier.predict(files)[NAMES].to_numpy()
    # As others would read them, without this package.
    pixels = np.stack(
        [
            np.asarray(Image.open(file).resize(SIZE[::-1], Image.Resampling.BILINEAR))
            for file in files
        ]
    )
    received = formats.FORMATS[format].run(exported(format), pixels.astype("float32"))
    assert np.ptp(expected[:, 0]) > 0.05
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_onnx_file_describes_itself(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(exported("onnx"))
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == NAMES
    assert json.loads(told["preprocess"])["target_size"] == list(SIZE)
    image = session.get_inputs()[0]
    assert (image.name, image.shape) == ("image", ["images", *SIZE, 3])
    assert session.get_outputs()[0].name == "probabilities"


def test_litert_file_and_saved_model_describe_themselves(exported):
    with zipfile.ZipFile(exported("litert")) as archive:
        assert archive.read("labels.txt").decode().splitlines() == NAMES
    described = exported("saved_model") / "assets.extra" / "classifier.json"
    assert json.loads(described.read_text("utf-8"))["class_names"] == NAMES


def test_other_predictions_are_refused(classifier, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    true = formats.FORMATS["onnx"]
    lying = replace(true, run=lambda *given: true.run(*given)[:, ::-1])
    monkeypatch.setitem(formats.FORMATS, "onnx", lying)
    with pytest.raises(RuntimeError, match="Nothing was written"):
        classifier.export(tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(classifier, tmp_path):
    (tmp_path / "a.onnx").write_text("mine")
    with pytest.raises(FileExistsError, match="already exists"):
        classifier.export(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="ends in"):
        classifier.export(tmp_path / "b.onnx", "litert")
    assert (tmp_path / "a.onnx").read_text() == "mine"


def test_a_missing_package_is_named(classifier, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"pykeras-tl\[export\]"):
        classifier.export(tmp_path / "a.onnx")


def test_layers_are_as_before_after_an_export(classifier):
    before = [dict(vars(layer)) for layer in classifier.model.layers[0].layers]
    with exportable(classifier.model):
        pass
    after = [dict(vars(layer)) for layer in classifier.model.layers[0].layers]
    assert [list(each) for each in before] == [list(each) for each in after]
    assert classifier.model.layers[0].layers[1].activation is keras.activations.gelu
