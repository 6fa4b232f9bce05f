"""The networks of the BaseNet study: BaseNet and its three improvements, for 32×32 images.

The publication states the types of layers and the range of their filters. Where it states no
number, the docstrings say which one is used here.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from ..seeding import seed_initializers, seeded_dropout

Shape = tuple[int, int, int]
_SMALL: Shape = (32, 32, 3)


def basenet(classes: int = 25, input_shape: Shape = _SMALL, seed: int | None = None) -> keras.Model:
    """Build BaseNet: two 5×5 convolutions, each with max pooling, and two dense layers.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, standardized.
        seed: Seed of the initial weights (Glorot uniform).

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> basenet(seed=0).count_params()
        24197
    """
    with seed_initializers(seed):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                layers.Conv2D(6, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(16, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(50, activation="relu"),
                layers.Dense(classes, activation="softmax"),
            ],
            name="basenet",
        )


def basenet_2_1(
    classes: int = 25, input_shape: Shape = _SMALL, seed: int | None = None
) -> keras.Model:
    """Build BaseNet 2.1: pairs of 3×3 convolutions, batch normalization, dropout 0.4.

    Filters used here: 64, 64, 128, 128.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, standardized.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> basenet_2_1(seed=0).output_shape
        (None, 25)
    """
    with seed_initializers(seed):
        inputs = maps = keras.Input(input_shape)
        for filters in (64, 128):
            maps = _convolution(maps, filters, padding="valid")
            maps = _convolution(maps, filters, padding="valid")
            maps = layers.MaxPooling2D()(maps)
        return _classify(inputs, maps, classes, "basenet_2_1")


def basenet_2_2(
    classes: int = 25, input_shape: Shape = _SMALL, seed: int | None = None
) -> keras.Model:
    """Build BaseNet 2.2: five padded convolutions, the last with stride 2 after upsampling.

    Filters used here: 128, 128, 256, 256, 512.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, standardized.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> basenet_2_2(seed=0).output_shape
        (None, 25)
    """
    with seed_initializers(seed):
        inputs = maps = keras.Input(input_shape)
        for filters in (128, 256):
            maps = _convolution(maps, filters)
            maps = _convolution(maps, filters)
            maps = layers.MaxPooling2D()(maps)
        maps = _convolution(layers.UpSampling2D()(maps), 512, strides=2)
        return _classify(inputs, maps, classes, "basenet_2_2")


def basenet_2_3(
    classes: int = 25, input_shape: Shape = _SMALL, seed: int | None = None
) -> keras.Model:
    """Build BaseNet 2.3: BaseNet 2.2 with residual units and a final 4×4 average pooling.

    A unit used here is a 1×1 convolution with half of the filters and a 3×3 convolution with all
    of them, added to the unit's input. Where the input has another number of filters, a 1×1
    convolution projects it.

    Args:
        classes: Number of classes.
        input_shape: Height, width and channels of an image, standardized.
        seed: Seed of the initial weights and of dropout.

    Returns:
        A model that is not compiled. Its output is `(batch, classes)`.

    Example:
        >>> basenet_2_3(seed=0).output_shape
        (None, 25)
    """
    with seed_initializers(seed):
        inputs = maps = keras.Input(input_shape)
        for filters in (128, 256):
            maps = _residual(maps, filters)
            maps = _residual(maps, filters)
            maps = layers.MaxPooling2D()(maps)
        maps = _residual(maps, 512, up=True)
        return _classify(inputs, layers.AveragePooling2D(4)(maps), classes, "basenet_2_3")


def _convolution(
    maps: Any, filters: int, size: int = 3, strides: int = 1, padding: str = "same"
) -> Any:
    return layers.ReLU()(_normalized(maps, filters, size, strides, padding))


def _normalized(
    maps: Any, filters: int, size: int = 3, strides: int = 1, padding: str = "same"
) -> Any:
    maps = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(maps)
    return layers.BatchNormalization()(maps)


def _residual(maps: Any, filters: int, up: bool = False) -> Any:
    shortcut = maps if maps.shape[-1] == filters else _normalized(maps, filters, size=1)
    residual = _convolution(maps, filters // 2, size=1)
    if up:
        residual = _normalized(layers.UpSampling2D()(residual), filters, strides=2)
    else:
        residual = _normalized(residual, filters)
    return layers.ReLU()(layers.Add()([residual, shortcut]))


def _classify(inputs: Any, maps: Any, classes: int, name: str) -> keras.Model:
    values = seeded_dropout(0.4)(layers.Flatten()(maps))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(values), name=name)
