import urllib.error

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import imagenet_utils
from numpy.lib.stride_tricks import sliding_window_view

from pykeras_tl.models.backbones.registry import (
    BACKBONES,
    backbone_of,
    build_backbone,
    get_backbone,
)
from pykeras_tl.models.input_scaling import scales_input
from pykeras_tl.models.weights.published import WeightsPackage

# One of each family; its larger sisters have the same stages with more blocks in each.
FAMILIES = {
    "vgg16": ("block5", "block5_conv1", "block5_pool"),
    "resnet50": ("conv5", "conv5_block1_1_conv", "conv5_block3_out"),
    "resnet50_v2": ("conv5", "conv5_block1_preact_bn", "post_relu"),
    "inception_v3": ("block3", None, "mixed3"),
    "inception_resnet_v2": ("block17", None, "block17_20_ac"),
    "xception": ("block14", "block14_sepconv1", "block14_sepconv2_act"),
    "mobilenet": ("block12", "conv_pad_12", "conv_pw_12_relu"),
    "mobilenet_v2": ("block16", "block_16_expand", "block_16_project_BN"),
    "mobilenet_v3_small": ("block10", "expanded_conv_10_expand", "expanded_conv_10_add"),
    "mobilenet_v3_large": ("block14", "expanded_conv_14_expand", "expanded_conv_14_add"),
    "densenet121": ("conv4", "conv4_block1_0_bn", "pool4_pool"),
    "nasnet_mobile": ("reduction2", None, "reduction_concat_reduce_8"),
    "efficientnet_b0": ("block7", "block7a_expand_conv", "block7a_project_bn"),
    "efficientnet_v2b0": ("block6", "block6a_expand_conv", "block6h_add"),
    "convnext_tiny": (
        "stage2",
        "convnext_tiny_downsampling_block_1",
        "convnext_tiny_stage_2_block_8_identity",
    ),
    "squeezenet": ("fire9", "fire9_squeeze1x1", "fire9_concat"),
    "efficientnet_lite0": ("block6", "block6a_expand_conv", "block6d_add"),
}
_NOT_IN_KERAS = {"squeezenet", *(f"efficientnet_lite{n}" for n in range(3))}
_MOBILENETS_V3 = {"mobilenet_v3_small", "mobilenet_v3_large"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_stages_follow_each_other_and_hold_every_layer(name, built):
    # A layer built earlier shifts the numbers in Keras's own names: conv2d_1, conv2d_2, …
    keras.layers.Conv2D(1, 1)
    model = built(name)
    entry = get_backbone(name)
    assert backbone_of(model) is entry
    assert scales_input(model) == (entry.scaling == "inside")
    names = [layer.name for layer in model.layers]
    stages = entry.stage_layers(model)
    assert list(stages) == list(entry.stages)
    covered = []
    for first, last in stages.values():
        covered += names[names.index(first) : names.index(last) + 1]
    assert covered == names
    stage, first, last = FAMILIES[name]
    assert stages[stage][1] == last
    assert first is None or stages[stage][0] == first
    # A name means one thing: no stage is called as a layer is.
    assert not set(stages) & set(names)


# MobileNetV3 takes its size in another way.
@pytest.mark.parametrize("name", sorted(set(BACKBONES) - _NOT_IN_KERAS - _MOBILENETS_V3))
def test_default_size_is_keras_own(name, monkeypatch):
    class SizeKnownError(Exception):
        pass

    def raise_size(*_, default_size, **__):
        raise SizeKnownError(default_size)

    if name == "nasnet_mobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras refuses NASNetMobile on torch")
    monkeypatch.setattr(imagenet_utils, "obtain_input_shape", raise_size)
    with pytest.raises(SizeKnownError) as size:
        getattr(keras.applications, BACKBONES[name].constructor)(weights=None)
    assert (size.value.args[0],) * 2 == BACKBONES[name].default_size


def test_registry_holds_the_families_of_keras_applications():
    constructors = {
        name
        for name in dir(keras.applications)
        if callable(getattr(keras.applications, name)) and name[0].isupper()
    }
    ours = {entry.constructor for name, entry in BACKBONES.items() if name not in _NOT_IN_KERAS}
    assert constructors == ours


def test_names_are_found_however_written_and_similar_ones_suggested():
    assert get_backbone("ResNet50V2").name == "resnet50_v2"
    assert get_backbone("EfficientNet-B3").name == "efficientnet_b3"
    with pytest.raises(
        ValueError, match=r"Unknown backbone 'vgg61'\. Did you mean 'vgg19' or 'vgg16'\?"
    ):
        get_backbone("vgg61")
    with pytest.raises(
        ValueError, match=r"Unknown backbone 'yolo'\. Expected one of vgg16, .*squeezenet, "
    ):
        get_backbone("yolo")


def test_model_of_other_layers_is_not_taken_for_the_backbone():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="vgg16")
    with pytest.raises(
        ValueError, match="Expected a layer 'block2_', at which a stage of vgg16 begins"
    ):
        get_backbone("vgg16").stage_layers(model)


def test_backbone_that_keras_lacks_is_not_replaced_by_another(monkeypatch):
    monkeypatch.delattr(keras.applications, "Xception")
    message = r"'xception' needs keras\.applications\.Xception, .*pip install 'keras==3\.15\.\*'"
    for weights in (None, "imagenet"):
        with pytest.raises(ValueError, match=message):
            build_backbone("xception", weights=weights)
    assert build_backbone("squeezenet", (32, 32, 3), weights=None).name == "squeezenet"


def test_seed_decides_random_weights():
    first, second, other = (
        build_backbone("mobilenet", (32, 32, 3), weights=None, alpha=0.25, seed=seed)
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first.get_weights()[0], second.get_weights()[0])
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize(
    "failure",
    [
        urllib.error.URLError("Connection refused"),
        urllib.error.HTTPError("http://proxy", 403, "Forbidden", None, None),
        ConnectionResetError("Connection reset by peer"),
    ],
    ids=["refused", "forbidden", "reset"],
)
@pytest.mark.parametrize(
    ("name", "address", "file"),
    [
        (
            "vgg16",
            "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        (
            "squeezenet",
            "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "squeezenet_v1.1_imagenet_notop.h5",
        ),
    ],
)
def test_refused_download_says_what_to_do(name, address, file, failure, monkeypatch, tmp_path):
    def refuse(*_):
        raise failure

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", refuse)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(WeightsPackage, "find", lambda _: None)
    with pytest.raises(FileNotFoundError) as error:
        build_backbone(name, (48, 48, 3))
    message = str(error.value)
    assert address in message
    assert f"put it at {tmp_path / 'models' / file}" in message
    assert "weights=PATH" in message


def test_other_errors_of_the_constructor_are_left_alone():
    with pytest.raises(ValueError, match="at least 32x32"):
        build_backbone("vgg16", (16, 16, 3))


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".h5", ".weights.h5"])
def test_weights_from_a_path(ending, tmp_path):
    built = build_backbone("vgg16", (32, 32, 3), weights=None, seed=1)
    path = tmp_path / f"vgg16_notop{ending}"
    built.save(path) if ending == ".h5" else built.save_weights(path)
    loaded = build_backbone("vgg16", (48, 48, 3), weights=path)
    assert all(
        np.array_equal(a, b) for a, b in zip(built.get_weights(), loaded.get_weights(), strict=True)
    )


@pytest.mark.slow
def test_weights_that_do_not_fit(tmp_path):
    path = tmp_path / "mobilenet.weights.h5"
    build_backbone("mobilenet", (32, 32, 3), weights=None, alpha=0.25).save_weights(path)
    with pytest.raises(
        ValueError, match=r"weights in .*mobilenet\.weights\.h5 do not fit model 'vgg16'"
    ):
        build_backbone("vgg16", (32, 32, 3), weights=path)
    with pytest.raises(ValueError, match=r"do not fit model 'mobilenet_0\.50_32'"):
        build_backbone("mobilenet", (32, 32, 3), weights=path, alpha=0.5)


def test_missing_weights_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Weights file .*gone\.h5 does not exist"):
        build_backbone("vgg16", (32, 32, 3), weights=tmp_path / "gone.h5")


@pytest.mark.slow
def test_efficientnets_published_variances_are_corrected_from_a_path_too(tmp_path, monkeypatch):
    """Keras corrects them by a layer that it adds for weights="imagenet" alone."""
    published_model = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    published = {"mean": [0.485, 0.456, 0.406], "variance": [0.229, 0.224, 0.225]}
    normalization = next(
        layer for layer in published_model.layers if isinstance(layer, keras.layers.Normalization)
    )
    _, _, *count = normalization.get_weights()
    normalization.set_weights([*map(np.float32, published.values()), *count])
    path = tmp_path / "efficientnetb0_notop.h5"
    published_model.save(path)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(path))
    theirs = build_backbone("efficientnet_b0", (32, 32, 3), weights="imagenet")
    ours = build_backbone("efficientnet_b0", (32, 32, 3), weights=path)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected, corrected, uncorrected = (
        keras.ops.convert_to_numpy(
            keras.Model(each.input, each.get_layer("stem_conv").output)(images)
        )
        for each in (theirs, ours, published_model)
    )
    np.testing.assert_allclose(corrected, expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(uncorrected, expected, rtol=1e-1)


def _squeezenet_in_numpy(file, images):
    """SqueezeNet v1.1 from the file's own layer names, by sums over windows."""

    def convolution(maps, name, stride=1, pad=0):
        group = file[name]
        kernel, bias = (np.asarray(group[key]) for key in group.attrs["weight_names"])
        maps = np.pad(maps, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        windows = sliding_window_view(maps, kernel.shape[:2], (1, 2))[:, ::stride, ::stride]
        return np.maximum(np.einsum("nrcihw,hwio->nrco", windows, kernel, optimize=True) + bias, 0)

    def pool(maps):
        return sliding_window_view(maps, (3, 3), (1, 2))[:, ::2, ::2].max((-2, -1))

    maps = pool(convolution(images, "conv1", stride=2))
    for number in range(2, 10):
        small = convolution(maps, f"fire{number}/squeeze1x1")
        maps = np.concatenate(
            [
                convolution(small, f"fire{number}/expand1x1"),
                convolution(small, f"fire{number}/expand3x3", pad=1),
            ],
            axis=-1,
        )
        maps = pool(maps) if number in (3, 5) else maps
    return maps


def test_squeezenets_real_weights_give_what_the_file_says(real_data):
    path = real_data / "weights" / "squeezenet_v1.1_imagenet_notop.h5"
    model = build_backbone("squeezenet", (64, 80, 3), weights=path)
    image = real_data / "blood-cells" / "TEST_SIMPLE"
    files = sorted(image.rglob("*.jp*g"))[::20]
    loaded = [
        keras.utils.img_to_array(keras.utils.load_img(file, target_size=(64, 80))) for file in files
    ]
    images = np.stack(loaded)[..., ::-1] - np.float32([104.006, 116.669, 122.679])
    features = model.predict(images, verbose=0)
    with h5py.File(path) as file:
        expected = _squeezenet_in_numpy(file, images)
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-2)
    assert (features > 0).any(axis=(0, 1, 2)).mean() > 0.1
