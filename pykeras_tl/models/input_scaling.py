"""Input scaling as a layer, so that a model takes raw pixels and carries its own scaling.

A scaling outside the model is easily forgotten or chosen for another backbone, and nothing fails:
the predictions are only worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from .layer_tree import flatten_layers


@dataclass(frozen=True)
class _Mode:
    divide: float = 1.0
    subtract: float | tuple[float, ...] = 0.0
    divide_again: float | tuple[float, ...] = 1.0
    reverse_channels: bool = False


_MODES = {
    "caffe": _Mode(subtract=(103.939, 116.779, 123.68), reverse_channels=True),
    "tf": _Mode(divide=127.5, subtract=1.0),
    "torch": _Mode(
        divide=255.0, subtract=(0.485, 0.456, 0.406), divide_again=(0.229, 0.224, 0.225)
    ),
    "unit": _Mode(divide=255.0),
    "efficientnet_lite": _Mode(subtract=127.0, divide_again=128.0),
    "squeezenet": _Mode(subtract=(104.006, 116.669, 122.679), reverse_channels=True),
}


@keras.saving.register_keras_serializable(package="pykeras_tl")
class InputScaling(keras.Layer):
    """Scale raw pixels as a backbone expects them.

    Args:
        mode: How to scale, as in `keras.applications.imagenet_utils.preprocess_input`:

            - `"caffe"`: RGB to BGR, minus ImageNet's mean of each channel;
            - `"tf"`: to the range -1 to 1;
            - `"torch"`: to the range 0 to 1, minus ImageNet's mean of each channel, divided by
              its standard deviation;
            - `"unit"`: to the range 0 to 1;
            - `"efficientnet_lite"`: minus 127, divided by 128;
            - `"squeezenet"`: as `"caffe"`, with the means that SqueezeNet was trained with.
        **options: Arguments of every Keras layer, such as `name`.

    Input shape:
        `(batch, height, width, channels)`, channels last, pixels from 0 to 255. The modes that
        name ImageNet's means need three channels in the order red, green, blue.

    Output shape:
        The same, in the layer's floating-point type.

    Raises:
        ValueError: When the mode is unknown, or when it needs three channels and the input has
            another number.

    Example:
        >>> import numpy as np
        >>> pixels = np.array([[[[0, 127.5, 255]]]])
        >>> np.asarray(InputScaling("tf")(pixels)).ravel().tolist()
        [-1.0, 0.0, 1.0]

    Source:
        `keras.applications.imagenet_utils.preprocess_input`.
    """

    def __init__(self, mode: str, **options: Any):
        super().__init__(**options)
        if mode not in _MODES:
            allowed = ", ".join(map(repr, _MODES))
            raise ValueError(f"Expected an input scaling out of {allowed}. Received: {mode!r}.")
        self.mode = mode

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check the number of channels.

        Args:
            input_shape: Shape of the input, batch first.

        Raises:
            ValueError: When the mode needs three channels and the input has another number.
        """
        if isinstance(_MODES[self.mode].subtract, tuple) and input_shape[-1] != 3:
            raise ValueError(
                f"Input scaling {self.mode!r} needs three channels, channels last. Received: "
                f"input of shape {tuple(input_shape)}. Read the images with color_mode='rgb'."
            )

    def call(self, inputs: Any) -> Any:
        """Scale a batch of images.

        Args:
            inputs: Pixels from 0 to 255, `(batch, height, width, channels)`.

        Returns:
            The scaled pixels, of the same shape.
        """
        mode = _MODES[self.mode]
        pixels = ops.cast(inputs, self.compute_dtype)
        if mode.reverse_channels:
            pixels = ops.flip(pixels, axis=-1)
        # One step after the other in the order of Keras gives exactly its numbers.
        if mode.divide != 1:
            pixels = pixels / mode.divide
        if mode.subtract != 0:
            pixels = pixels - ops.convert_to_tensor(mode.subtract, pixels.dtype)
        if mode.divide_again != 1:
            pixels = pixels / ops.convert_to_tensor(mode.divide_again, pixels.dtype)
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
        return {**super().get_config(), "mode": self.mode}


def scales_input(model: keras.Model) -> bool:
    """Check whether a model scales its input itself and therefore takes raw pixels.

    Args:
        model: Any Keras model.

    Returns:
        True when an `InputScaling`, `Rescaling` or `Normalization` layer comes before the first
        layer with weights, in a nested model too.

    Example:
        >>> import keras
        >>> plain = [keras.Input((8, 8, 3)), keras.layers.Flatten()]
        >>> scales_input(keras.Sequential(plain))
        False
        >>> scales_input(keras.Sequential([*plain[:1], InputScaling("unit"), *plain[1:]]))
        True
    """
    scaling = (InputScaling, keras.layers.Rescaling, keras.layers.Normalization)
    for leaf in flatten_layers(model):
        if isinstance(leaf.layer, scaling):
            return True
        if leaf.layer.weights:
            return False
    return False
