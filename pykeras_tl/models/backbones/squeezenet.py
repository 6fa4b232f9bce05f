"""SqueezeNet v1.1, which `keras.applications` does not include."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from ..saving.weight_files import load_weights
from .global_pooling import pool

_ADDRESS = (
    "https://raw.githubusercontent.com/DeepCognition/keras-squeezenet/"
    "a73d4339aa4d37c51a0b3ba044bed55477abec73/"
    "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
# Filters of the squeeze and of each expand convolution in fire2 to fire9.
_FIRE = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def SqueezeNet(
    *,
    include_top: bool = False,
    weights: str | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] | None = None,
    pooling: str | None = None,
    name: str = "squeezenet",
) -> keras.Model:
    """Build SqueezeNet v1.1 without its classifier.

    Args:
        include_top: Must be False: the classifier's weights are not available for Keras.
        weights: `"imagenet"`, the path of a weights file, or None for random weights.
        input_shape: Height, width and channels of an image. None is any size with three channels.
        pooling: `"avg"` or `"max"` for one vector per image; None for the last feature maps.
        name: Name of the model.

    Returns:
        A model that is not compiled. Its input is BGR minus the mean of each channel, as computed
        by `InputScaling("squeezenet")`. Its output is `(batch, rows, columns, 512)` without
        pooling, `(batch, 512)` with.

    Raises:
        FileNotFoundError: When the weights file does not exist.
        ValueError: When `include_top` is True, the pooling is unknown, or the weights are unsafe,
            truncated, or do not fit.

    Example:
        >>> SqueezeNet(weights=None, input_shape=(128, 128, 3)).output_shape
        (None, 7, 7, 512)

    Source:
        F. Iandola et al., SqueezeNet, arXiv:1602.07360, version 1.1 as released by its authors.
    """
    if include_top:
        raise ValueError(
            "SqueezeNet is only available without its classifier. Expected include_top=False. "
            f"Received: {include_top!r}."
        )
    inputs = keras.Input(input_shape or (None, None, 3))
    maps = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(inputs)
    maps = layers.MaxPooling2D(3, strides=2, name="pool1")(maps)
    for number, (squeeze, expand) in enumerate(_FIRE, start=2):
        maps = _fire(maps, f"fire{number}", squeeze, expand)
        if number in (3, 5):
            maps = layers.MaxPooling2D(3, strides=2, name=f"fire{number}_pool")(maps)
    model = keras.Model(inputs, pool(maps, pooling), name=name)
    if weights == "imagenet":
        file_name = "squeezenet_v1.1_imagenet_notop.h5"
        weights = keras.utils.get_file(file_name, _ADDRESS, cache_subdir="models")
    if weights is not None:
        load_weights(model, weights)
    return model


def _fire(maps: Any, name: str, squeeze: int, expand: int) -> Any:
    maps = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze1x1")(maps)
    small = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(maps)
    large = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}_expand3x3")(
        maps
    )
    return layers.Concatenate(name=f"{name}_concat")([small, large])
