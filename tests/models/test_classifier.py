import json
import os
import shutil
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from PIL import Image

from pykeras_tl.images import BadImageError, ImageDataGenerator
from pykeras_tl.images.datasets.file_names import readable_extensions
from pykeras_tl.images.decoding.content_hash import content_hashes
from pykeras_tl.models.backbones.registry import build_backbone
from pykeras_tl.models.freezing import trainable_table
from pykeras_tl.models.networks import blood_cells
from pykeras_tl.models.saving.classifier import Classifier, load_classifier
from pykeras_tl.models.saving.preprocess_config import PreprocessConfig
from pykeras_tl.models.transfer import transfer_model

SIZE = (20, 24)
FILES = ["config.json", "model.json", "model.weights.h5", "trained_on.txt"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of two classes: color noise, in sizes other than the model's."""
    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for name, count in (("cat", 3), ("dög", 4)):
        (root / name).mkdir()
        for number in range(count):
            pixels = random.integers(0, 256, (30 + number, 41, 3), dtype="uint8")
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def network(channels=3, units=2, activation="softmax", **options):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((*SIZE, channels)),
            layers.Conv2D(4, 3, activation="relu", **options),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(units, activation=activation),
        ]
    )


def flow_of(folder, generator=None, **options):
    generator = generator or ImageDataGenerator(rescale=1 / 255, rotation_range=20)
    options = {"target_size": SIZE, "batch_size": 3, "seed": 1, **options}
    return generator.flow_from_directory(folder, **options)


@pytest.fixture
def saved(folder, tmp_path):
    classifier = Classifier.from_flow(network(), flow_of(folder), {"accuracy": np.float32(0.5)})
    return classifier.save(tmp_path / "classifier")


def _fitted():
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    generator.fit(np.random.default_rng(0).uniform(0, 255, (5, 4, 4, 3)))
    return generator


@pytest.mark.parametrize(
    ("generator", "options"),
    [
        (ImageDataGenerator(rescale=1 / 255, zoom_range=0.3), {}),
        (ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True), {}),
        (_fitted(), {"interpolation": "bilinear", "keep_aspect_ratio": True}),
        (ImageDataGenerator(), {"color_mode": "grayscale", "interpolation": "lanczos"}),
        (ImageDataGenerator(rescale=1 / 127.5), {"color_mode": "rgba", "class_mode": "sparse"}),
    ],
    ids=["rescale", "samplewise", "featurewise", "gray", "rgba"],
)
def test_predicts_as_the_flow_and_the_model_do(folder, generator, options, tmp_path):
    flow = flow_of(folder, generator, **options)
    model = network(channels=flow.image_shape[-1])
    expected = model.predict(flow.in_file_order(), verbose=0)
    classifier = Classifier.from_flow(model, flow)
    table = classifier.predict(folder)
    assert table["filename"].tolist() == flow.filepaths
    assert table.columns.tolist() == ["filename", "predicted", "cat", "dög"]
    np.testing.assert_allclose(table[["cat", "dög"]], expected, rtol=1e-5, atol=1e-6)
    loaded = load_classifier(classifier.save(tmp_path / "saved"))
    pd.testing.assert_frame_equal(loaded.predict(folder), table, check_exact=True)


def test_what_is_kept(saved, folder):
    loaded = load_classifier(saved)
    assert loaded.class_names == ["cat", "dög"]
    assert loaded.target_size == SIZE
    assert loaded.color_mode == "rgb"
    assert loaded.standardization == {"rescale": 1 / 255}
    assert loaded.metrics == {"accuracy": 0.5}
    assert loaded.versions["keras"] == keras.__version__
    assert not loaded.model.compiled
    assert loaded.trained_on == frozenset(content_hashes([str(f) for f in folder.glob("*/*")]))
    assert sorted(file.name for file in saved.iterdir()) == FILES


def test_equal_files_are_one_hash_wherever_they_lie(saved, folder, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "moved")
    shutil.copy(moved / "cat" / "0.png", moved / "cat" / "copy.png")
    again = Classifier.from_flow(network(), flow_of(moved))
    assert again.trained_on == load_classifier(saved).trained_on
    assert len(again.trained_on) == 7


def test_folders_of_earlier_versions_do_not_say_what_they_were_trained_on(saved):
    (saved / "trained_on.txt").unlink()
    _edit(saved / "config.json", lambda config: config.pop("trained_on"))
    assert load_classifier(saved).trained_on == frozenset()


@pytest.mark.slow
def test_transfer_model_survives(tmp_path, folder):
    weights = tmp_path / "mobilenet.weights.h5"
    options = {"input_shape": (32, 32, 3), "alpha": 0.25}
    build_backbone("mobilenet", weights=None, seed=1, **options).save_weights(weights)
    model = transfer_model("mobilenet", 2, weights=weights, dense=[4], **options)
    classifier = Classifier(model, ["a", "b"], PreprocessConfig((32, 32)))
    loaded = load_classifier(classifier.save(tmp_path / "saved"))
    assert trainable_table(loaded.model).equals(trainable_table(model))
    pd.testing.assert_frame_equal(loaded.predict(folder), classifier.predict(folder))


@pytest.mark.slow
def test_what_was_loaded_can_be_saved_again(tmp_path, folder):
    model = blood_cells.modern(2, (32, 32, 3), seed=1)
    classifier = Classifier(model, ["a", "b"], PreprocessConfig((32, 32)))
    once = load_classifier(classifier.save(tmp_path / "once"))
    twice = load_classifier(once.save(tmp_path / "twice"))
    pd.testing.assert_frame_equal(twice.predict(folder), classifier.predict(folder))


def test_one_sigmoid_unit_gives_both_probabilities(folder):
    model = network(units=1, activation="sigmoid")
    flow = flow_of(folder, class_mode="binary")
    table = Classifier.from_flow(model, flow).predict(folder)
    expected = model.predict(flow.in_file_order(), verbose=0)[:, 0]
    np.testing.assert_allclose(table["dög"], expected, rtol=1e-5)
    np.testing.assert_allclose(table["cat"] + table["dög"], 1, rtol=1e-6)
    assert (table["predicted"] == np.where(expected > 0.5, "dög", "cat")).all()


def test_what_can_be_predicted(saved, folder):
    classifier = load_classifier(saved)
    whole = classifier.predict(folder, batch_size=2)
    one = folder / "cat" / "1.png"
    assert classifier.predict(one)["filename"].tolist() == [str(one)]
    several = classifier.predict([folder / "dög", str(one)])
    assert len(several) == 5
    assert several["filename"].iloc[-1] == str(one)
    table = classifier.predict(pd.DataFrame({"filename": whole["filename"][::-1]}))
    np.testing.assert_allclose(table["cat"], whole["cat"][::-1], rtol=1e-5)
    assert classifier.predict(whole).equals(classifier.predict(folder))


def test_what_cannot_be_predicted(saved, tmp_path):
    classifier = load_classifier(saved)
    with pytest.raises(FileNotFoundError, match=r"File or folder .*gone\.png does not exist"):
        classifier.predict([tmp_path / "gone.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="Expected at least one image"):
        classifier.predict(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"column filename\. Received: columns \['path'\]"):
        classifier.predict(pd.DataFrame({"path": ["a.png"]}))
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"bad\.png"):
        classifier.predict(tmp_path / "bad.png")
    with pytest.raises(ValueError, match="batch_size"):
        classifier.predict(tmp_path, batch_size=0)


def test_bad_files_are_reported_among_the_others(saved, folder, tmp_path):
    classifier = load_classifier(saved)
    data = tmp_path / "mixed"
    shutil.copytree(folder / "cat", data)
    whole = classifier.predict(data, batch_size=2)
    assert "error" not in whole
    (data / "0bad.png").write_bytes(b"no image")
    (data / "zempty.jpg").touch()
    (data / "._1.png").write_bytes(b"left by a tool")
    table = classifier.predict(data, batch_size=2)
    assert list(table) == ["filename", "predicted", "cat", "dög", "error"]
    bad = table[table["predicted"].isna()]
    assert [Path(name).name for name in bad["filename"]] == ["0bad.png", "zempty.jpg"]
    assert "not a readable image" in bad["error"].iloc[0]
    assert bad["error"].iloc[1] == "is empty"
    assert bad["cat"].isna().all()
    good = table[table["predicted"].notna()].reset_index(drop=True)
    assert (good["error"] == "").all()
    pd.testing.assert_frame_equal(good.drop(columns="error"), whole)


def test_webp_among_the_images_is_predicted(saved, tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "1.webp")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "2.gif")
    assert len(load_classifier(saved).predict(tmp_path)) == 2


def test_flows_that_cannot_be_stored(folder):
    functional = flow_of(folder, ImageDataGenerator(preprocessing_function=lambda x: x))
    with pytest.raises(ValueError, match=r"preprocessing_function cannot be stored.*InputScaling"):
        Classifier.from_flow(network(), functional)
    arrays = ImageDataGenerator().flow(np.zeros((4, *SIZE, 3)), np.eye(2)[[0, 1, 0, 1]])
    with pytest.raises(TypeError, match="does not know how files become"):
        Classifier.from_flow(network(), arrays)
    with pytest.raises(ValueError, match="Expected images of shape"):
        Classifier.from_flow(network(), flow_of(folder, target_size=(8, 8)))
    with pytest.raises(ValueError, match="Received: 2 class names for a model with outputs"):
        Classifier.from_flow(network(units=3), flow_of(folder))


def test_layers_that_cannot_be_stored_are_refused_before_anything_is_written(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Lambda(lambda x: x), layers.Flatten(), layers.Dense(2)]
    )
    classifier = Classifier(model, ["a", "b"], PreprocessConfig((8, 8)))
    with pytest.raises(ValueError, match=r"keras\.layers\.Lambda, which is not known to be safe"):
        classifier.save(tmp_path / "classifier")
    assert not any(tmp_path.iterdir())


def test_folder_of_something_else_is_not_overwritten(saved, tmp_path):
    classifier = load_classifier(saved)
    classifier.metrics["accuracy"] = 0.75
    assert load_classifier(classifier.save(saved)).metrics == {"accuracy": 0.75}
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="thesis holds something else"):
        classifier.save(other)
    assert (other / "config.json").read_text() == "{}"
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FileExistsError, match="holds something else"):
        classifier.save(file)


def test_failed_save_leaves_the_old_one(saved, monkeypatch):
    classifier = load_classifier(saved)
    classifier.metrics["accuracy"] = 1.0

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(classifier.model, "save_weights", full)
    with pytest.raises(OSError, match="No space left"):
        classifier.save(saved)
    assert load_classifier(saved).metrics == {"accuracy": 0.5}
    assert [path.name for path in saved.parent.iterdir()] == ["classifier"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_cut_off_file_is_named(saved, name, keep):
    path = saved / name
    os.truncate(path, int(path.stat().st_size * keep))
    with pytest.raises(ValueError, match=r"not a valid classifier|not a complete JSON"):
        load_classifier(saved)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {name}"):
        load_classifier(saved)


@pytest.mark.parametrize("name", FILES)
def test_file_that_leads_out_of_the_folder(saved, name, tmp_path):
    shutil.move(saved / name, tmp_path / name)
    (saved / name).symlink_to(tmp_path / name)
    with pytest.raises(ValueError, match="leads out of the folder"):
        load_classifier(saved)


def _edit(path, change):
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "does not describe a classifier"),
        (lambda c: c.update(format_version=9), "has format 9, and this version reads 1"),
        (lambda c: c.update(class_names="ab"), "to be a list of names"),
        (lambda c: c.update(class_names=["a"]), "at least two distinct class names"),
        (lambda c: c.update(class_names=["a", "a"]), "at least two distinct class names"),
        (lambda c: c.update(class_names=["a", 2]), "class names to be non-empty text"),
        (lambda c: c.update(class_names=["a", "b", "c"]), "3 class names"),
        (lambda c: c.pop("preprocess"), "The key 'preprocess' is missing"),
        (lambda c: c["preprocess"].update(target_size=[10**6, 10**6]), "target_size is height"),
        (lambda c: c["preprocess"].update(target_size=[10**400, 2]), "not a valid classifier"),
        (lambda c: c["preprocess"].update(target_size=[9, 9]), "Expected images of shape"),
        (lambda c: c["preprocess"].update(color_mode="cmyk"), "cmyk"),
        (lambda c: c["preprocess"].update(path="/etc/passwd"), "path"),
        (
            lambda c: c["preprocess"].update(standardization={"rescale": "x"}),
            "rescale is a number",
        ),
        (
            lambda c: c["preprocess"].update(
                standardization={"preprocessing_function": "os.system"}
            ),
            "no standardization 'preprocessing_function'",
        ),
        (
            lambda c: c["preprocess"].update(
                standardization={"featurewise_center": True, "mean": [[[1, 2]]]}
            ),
            "finite number for each of 3 channels",
        ),
        (
            lambda c: c["preprocess"].update(standardization={"featurewise_center": True}),
            "go together",
        ),
    ],
)
def test_hostile_config(saved, change, message):
    _edit(saved / "config.json", change)
    with pytest.raises(ValueError, match=message):
        load_classifier(saved)


def _layer(described, kind):
    return next(layer for layer in described["config"]["layers"] if layer["class_name"] == kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: _layer(m, "Dropout").update(class_name="Lambda"),
            r"keras\.layers\.Lambda, which is not known",
        ),
        (
            lambda m: _layer(m, "Dropout").update(module="os", class_name="system"),
            r"os\.system, which is not known",
        ),
        (
            lambda m: _layer(m, "Dropout").update(class_name="TFSMLayer"),
            "TFSMLayer, which is not known",
        ),
        (
            lambda m: _layer(m, "Dropout").update(registered_name="evil>Dropout"),
            "which is not known",
        ),
        (
            lambda m: _layer(m, "Conv2D")["config"].update(
                activation={"class_name": "__lambda__", "config": {"value": "4wA="}}
            ),
            "__lambda__, which is not known",
        ),
        (
            lambda m: _layer(m, "Conv2D")["config"].update(
                activation={
                    "class_name": "function",
                    "config": "system",
                    "module": "os",
                    "registered_name": "system",
                }
            ),
            r"os\.function, which is not known",
        ),
        (lambda m: m.update(class_name="Model"), "not that of a functional or sequential model"),
        (
            lambda m: _layer(m, "Conv2D")["config"].update(filters=10**12),
            "not a valid classifier",
        ),
        (
            lambda m: _layer(m, "Dense")["config"].update(units=10**7),
            "needs weights of shape",
        ),
        (
            lambda m: _layer(m, "Dense")["config"].update(units=10**400),
            "not a valid classifier",
        ),
        (
            lambda m: m["config"]["layers"].insert(
                1,
                {
                    "module": "keras.layers",
                    "class_name": "UpSampling2D",
                    "config": {"name": "up", "size": [10**6, 10**6]},
                    "registered_name": None,
                },
            ),
            "values for one image",
        ),
        (lambda m: m["config"].update(layers=[{}] * 600_000), "too large"),
        (lambda m: m["config"].pop("layers"), "cannot be built"),
        (lambda m: m["config"]["layers"].reverse(), "not a valid classifier"),
    ],
)
def test_hostile_architecture(saved, change, message):
    _edit(saved / "model.json", change)
    with pytest.raises(ValueError, match=message):
        load_classifier(saved)
    # Nothing is left behind that a later model would be made to allocate.
    assert network().count_params() > 0


def test_deeply_nested_json(saved):
    (saved / "model.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ValueError, match="not complete JSON"):
        load_classifier(saved)
    (saved / "model.json").write_text('{"class_name": "Functional", "a": ' + "[" * 200 + "]" * 201)
    with pytest.raises(ValueError, match=r"not complete JSON|nested too deep"):
        load_classifier(saved)


def test_pickle_in_place_of_weights(saved):
    (saved / "model.weights.h5").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR." * 100)
    with pytest.raises(ValueError, match="not a complete HDF5 file"):
        load_classifier(saved)


def test_weights_of_another_model(saved, tmp_path):
    network(units=5).save_weights(tmp_path / "other.weights.h5")
    shutil.copy(tmp_path / "other.weights.h5", saved / "model.weights.h5")
    with pytest.raises(ValueError, match=r"needs weights of shape .* does not contain"):
        load_classifier(saved)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Classifier folder .* does not exist"):
        load_classifier(tmp_path / "nowhere")


def test_images_that_lose_too_much_in_color_are_warned_of(saved, folder, tmp_path):
    classifier = load_classifier(saved)
    data = tmp_path / "deep"
    shutil.copytree(folder / "cat", data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier.predict(data)
    gray = np.arange(81, dtype="uint16").reshape(9, 9)
    Image.fromarray(gray * 700).save(data / "deep.png")
    Image.fromarray((gray / 80).astype("float32")).save(data / "float.tif")
    icon = np.zeros((9, 9, 4), "uint8")
    icon[2:5, 2:5, 3] = 255
    Image.fromarray(icon).save(data / "icon.png")
    Image.new("RGB", (9, 9)).save(data / "black.png")
    (data / "phone.heic").touch()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = classifier.predict(data)
    told = "\n".join(str(each.message) for each in caught)
    assert f"3 of {len(table)} images lose too much as 8-bit colors" in told
    assert "deep.png has 16 bits and values from 0 to 56,000" in told
    assert "float.tif has floating-point pixels" in told
    assert 'Train on a flow with dtype_range="dtype"' in told
    assert "icon.png has its shape in the alpha channel" in told
    assert "black.png" not in told
    if "heic" not in readable_extensions():
        assert "phone.heic; run `pip install pillow-heif`" in told


def test_a_classifier_scales_deep_images_as_its_flow(tmp_path):
    for number in range(4):
        place = tmp_path / "deep" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        gray = np.random.default_rng(number).integers(0, 4096, (9, 9)).astype("uint16")
        Image.fromarray(gray).save(place / f"{number}.png")
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        tmp_path / "deep", target_size=(9, 9), dtype_range=(0, 4095), shuffle=False
    )
    model = keras.Sequential(
        [keras.Input((9, 9, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    classifier = Classifier.from_flow(model, flow)
    saved = classifier.save(tmp_path / "saved")
    loaded = load_classifier(saved)
    assert loaded.images == classifier.images
    assert loaded.images.dtype_range == (0, 4095)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = loaded.predict(tmp_path / "deep")
    expected = model.predict(flow.in_file_order(), verbose=0)
    np.testing.assert_allclose(table[["a", "b"]], expected, rtol=1e-5, atol=1e-6)
    config = json.loads((saved / "config.json").read_text())
    del config["preprocess"]["dtype_range"]  # As classifiers were saved before.
    (saved / "config.json").write_text(json.dumps(config))
    assert load_classifier(saved).images.dtype_range is None


def test_images_that_exif_turns_are_named(saved, folder, tmp_path):
    data = tmp_path / "photographs"
    shutil.copytree(folder / "cat", data)
    exif = Image.Exif()
    exif[0x0112] = 6
    gray = Image.fromarray(np.arange(81, dtype="uint8").reshape(9, 9))
    gray.save(data / "turned.jpg", exif=exif)
    gray.save(data / "turned.tif", tiffinfo={0x0112: 6})  # Which Pillow turns.
    with pytest.warns(UserWarning, match=r"^1 of \d+ images are read turned") as caught:
        load_classifier(saved).predict(data)
    told = str(caught[0].message)
    assert "turned.jpg has EXIF orientation 6" in told
    assert "exif_transpose" in told


def test_deep_images_are_not_warned_of_where_nothing_is_cut_off(folder, tmp_path):
    (tmp_path / "a").mkdir()
    gray = np.arange(81, dtype="uint16").reshape(9, 9)
    Image.fromarray(gray * 700).save(tmp_path / "a" / "deep.png")
    model = keras.Sequential(
        [keras.Input((9, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    images = PreprocessConfig(
        (9, 9), color_mode="grayscale", standardization={"rescale": 1 / 65535}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Classifier(model, ["a", "b"], images).predict(tmp_path / "a")
