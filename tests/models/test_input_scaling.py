import sys

import keras
import numpy as np
import pytest
from keras import layers
from keras.applications import imagenet_utils

from pykeras_tl.models.backbones.registry import BACKBONES
from pykeras_tl.models.input_scaling import InputScaling, scales_input


def assert_equal(ours, expected):
    if keras.backend.backend() == "jax":
        # XLA divides by multiplying with the reciprocal: the last bit can differ.
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(ours, expected)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).uniform(0, 255, (2, 9, 7, 3)).astype("float32")


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_equals_keras_to_the_last_bit(mode, dtype, pixels):
    pixels = pixels.astype(dtype)
    expected = imagenet_utils.preprocess_input(
        pixels.copy(), data_format="channels_last", mode=mode
    )
    assert_equal(np.asarray(InputScaling(mode)(pixels)), expected)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "unit", "squeezenet"])
def test_inside_a_model_and_through_its_config(mode, pixels):
    model = keras.Sequential([keras.Input((None, None, 3)), InputScaling(mode)])
    again = keras.models.model_from_json(model.to_json())
    alone = np.asarray(InputScaling(mode)(pixels))
    # A compiled graph may divide by multiplying with the reciprocal.
    np.testing.assert_allclose(again.predict(pixels, verbose=0), alone, rtol=1e-5, atol=1e-5)


def test_unit_and_squeezenet(pixels):
    assert_equal(np.asarray(InputScaling("unit")(pixels)), pixels / np.float32(255))
    expected = pixels[..., ::-1] - np.float32([104.006, 116.669, 122.679])
    assert_equal(np.asarray(InputScaling("squeezenet")(pixels)), expected)


@pytest.mark.parametrize(
    "name", [name for name in BACKBONES if not name.startswith(("squeezenet", "efficientnet_lite"))]
)
def test_registry_scales_as_the_backbones_own_module(name, pixels):
    entry = BACKBONES[name]
    module = sys.modules[getattr(keras.applications, entry.constructor).__module__]
    expected = module.preprocess_input(pixels.copy(), data_format="channels_last")
    ours = pixels if entry.scaling == "inside" else np.asarray(InputScaling(entry.scaling)(pixels))
    assert_equal(ours, expected)


def test_unknown_mode_and_wrong_channels():
    with pytest.raises(
        ValueError, match=r"Expected an input scaling out of 'caffe', .* Received: 'vgg'"
    ):
        InputScaling("vgg")
    with pytest.raises(
        ValueError, match=r"needs three channels, channels last\. Received: .*color_mode='rgb'"
    ):
        InputScaling("caffe")(np.zeros((1, 4, 4, 1)))
    assert InputScaling("tf")(np.zeros((1, 4, 4, 1))).shape == (1, 4, 4, 1)


def test_scales_input():
    image, convolution = keras.Input((32, 32, 3)), layers.Conv2D(2, 3)
    assert not scales_input(keras.Sequential([image, convolution]))
    assert scales_input(keras.Sequential([image, InputScaling("tf"), convolution]))
    assert scales_input(keras.Sequential([image, layers.RandomFlip(), layers.Rescaling(1 / 255)]))
    # Scaling after a trained layer does not scale the input.
    assert not scales_input(keras.Sequential([image, layers.Conv2D(2, 3), layers.Rescaling(2.0)]))
    inside = keras.applications.MobileNetV3Small(weights=None, include_top=False)
    assert scales_input(keras.Sequential([image, inside, layers.Flatten()]))
    outside = keras.applications.VGG16(weights=None, include_top=False)
    assert not scales_input(keras.Sequential([image, outside, layers.Flatten()]))
