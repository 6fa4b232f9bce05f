"""Models in the form in which they are exported: raw pixels in, one probability per class out.

Exporters lack a few operations that Keras's layers use. While a model is exported, such layers
compute the same by operations that every exporter has:

- `Normalization` (in EfficientNet) holds its mean and variance as tensors, which tf2onnx takes for
  inputs that nobody feeds. As arrays they become constants.
- The exact `gelu` (in ConvNeXt) is TensorFlow's `Erfc`, which tf2onnx lacks. It has `Erf`.
- A convolution in groups (in ConvNeXt) is compiled by XLA, which hides it from tf2onnx. Depthwise
  convolutions are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from ..layer_tree import flatten_layers

INPUT, OUTPUT = "image", "probabilities"


class Standardization(keras.Layer):
    """The standardization of a classifier's images as a layer.

    Args:
        standardization: The settings, as in `PreprocessConfig`.
        **options: Arguments of every Keras layer, such as `name`.

    Example:
        >>> layer = Standardization({"rescale": 0.5, "samplewise_center": True})
        >>> np.asarray(layer(np.array([[[[0.0], [4.0]]]]))).ravel().tolist()
        [-1.0, 1.0]
    """

    def __init__(self, standardization: Mapping[str, Any], **options: Any):
        super().__init__(**options)
        self.standardization = dict(standardization)

    def call(self, inputs: Any) -> Any:
        """Standardize a batch of images.

        Args:
            inputs: Pixels, `(batch, height, width, channels)`.

        Returns:
            The standardized pixels, of the same shape.
        """
        settings = self.standardization
        pixels, axes, small = inputs, (1, 2, 3), 1e-6
        if settings.get("rescale"):
            pixels = pixels * settings["rescale"]
        if settings.get("samplewise_center"):
            pixels = pixels - ops.mean(pixels, axes, keepdims=True)
        if settings.get("samplewise_std_normalization"):
            pixels = pixels / (ops.std(pixels, axes, keepdims=True) + small)
        if settings.get("featurewise_center"):
            pixels = pixels - np.asarray(settings["mean"], "float32")
        if settings.get("featurewise_std_normalization"):
            pixels = pixels / (np.asarray(settings["std"], "float32") + small)
        return pixels

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output.

        Args:
            input_shape: Shape of the input.

        Returns:
            The same shape.
        """
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration.

        Returns:
            The arguments of the constructor.
        """
        return {**super().get_config(), "standardization": self.standardization}


def from_pixels(
    model: keras.Model, shape: tuple[int, int, int], standardization: Mapping[str, Any]
) -> keras.Model:
    """Put a classifier's preprocessing before its model, and its two columns behind one sigmoid.

    Args:
        model: The classifier's model.
        shape: Height, width and channels of the images.
        standardization: The settings, as in `PreprocessConfig`.

    Returns:
        A model that shares the weights, from pixels in the range 0 to 255, float32 of shape
        (images, height, width, channels), to probabilities of shape (images, classes).

    Example:
        >>> model = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten()])
        >>> pixels = np.array([[[[51.0]]]], "float32")
        >>> from_pixels(model, (1, 1, 1), {"rescale": 1 / 255}).predict_on_batch(pixels).round(2)
        array([[0.8, 0.2]], dtype=float32)
    """
    image = keras.Input(shape, name=INPUT, dtype="float32")
    # What exporters cannot express in half precision is the input and output.
    outputs = model(Standardization(standardization, dtype="float32")(image))
    if outputs.shape[-1] == 1:
        outputs = ops.concatenate([1 - outputs, outputs], axis=-1)
    named = keras.layers.Activation("linear", name=OUTPUT, dtype="float32")
    return keras.Model(image, named(outputs))


@contextmanager
def exportable(model: keras.Model) -> Iterator[None]:
    """Let layers compute by operations that every exporter has, until the block ends.

    Args:
        model: The model that is exported in the block.

    Yields:
        Nothing.

    Example:
        >>> dense = keras.layers.Dense(1, "gelu")
        >>> model = keras.Sequential([keras.Input((2,)), dense])
        >>> with exportable(model):
        ...     dense.activation is keras.activations.gelu
        False
        >>> dense.activation is keras.activations.gelu
        True
    """
    with ExitStack() as stack:
        for leaf in flatten_layers(model):
            for name, substitute in _substitutes(leaf.layer).items():
                stack.enter_context(_replaced(leaf.layer, name, substitute))
        yield


def _substitutes(layer: keras.Layer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(layer, keras.layers.Normalization):
        names = [name for name in ("mean", "variance") if getattr(layer, name, None) is not None]
        found |= {name: ops.convert_to_numpy(getattr(layer, name)) for name in names}
    if getattr(layer, "activation", None) is keras.activations.gelu:
        found["activation"] = _gelu
    if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1:
        found["convolution_op"] = _convolution_in_groups(layer)
    return found


@contextmanager
def _replaced(layer: keras.Layer, name: str, value: Any) -> Iterator[None]:
    # A method is hidden by an attribute of the object, which is removed afterwards.
    own = name in vars(layer)
    before = getattr(layer, name)
    setattr(layer, name, value)
    try:
        yield
    finally:
        if own:
            setattr(layer, name, before)
        else:
            delattr(layer, name)


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))


def _convolution_in_groups(layer: keras.layers.Conv2D) -> Callable[[Any, Any], Any]:
    axis = -1 if layer.data_format == "channels_last" else 1
    options = {
        "strides": layer.strides,
        "padding": layer.padding,
        "data_format": layer.data_format,
        "dilation_rate": layer.dilation_rate,
    }

    def convolution(inputs: Any, kernel: Any) -> Any:
        if layer.groups == layer.filters == inputs.shape[axis]:
            return ops.depthwise_conv(inputs, ops.transpose(kernel, (0, 1, 3, 2)), **options)
        groups = zip(
            ops.split(inputs, layer.groups, axis), ops.split(kernel, layer.groups, axis=-1)
        )
        return ops.concatenate([ops.conv(one, part, **options) for one, part in groups], axis)

    return convolution
