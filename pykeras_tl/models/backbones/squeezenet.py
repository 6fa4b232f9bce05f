"""SqueezeNet v1.1, which `keras.applications` does not include."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import keras
from keras import layers

from ..saving.weight_files import check_weights_file, load_weights
from ..weights.at_hand import imagenet_weights
from .global_pooling import pool

# Filters of the squeeze and of each expand convolution in fire2 to fire9.
_FIRE = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def SqueezeNet(
    *,
    include_top: bool = False,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    name: str = "squeezenet",
) -> keras.Model:
    """Build SqueezeNet v1.1.

    Args:
        include_top: Whether to include the classifier.
        weights: `"imagenet"`, the path of a weights file, or None for random weights.
        input_shape: Height, width and channels of an image. None is any size with three channels.
        pooling: `"avg"` or `"max"` for one vector per image; None for the last feature maps.
        classes: Number of classes of the classifier.
        name: Name of the model.

    Returns:
        A model that is not compiled. Its input is BGR minus the mean of each channel, as computed
        by `InputScaling("squeezenet")`. Its output is `(batch, rows, columns, 512)` without
        pooling, `(batch, 512)` with, and `(batch, classes)`, softmax, with the classifier.

    Raises:
        FileNotFoundError: When the weights file does not exist or the download fails.
        ValueError: When the pooling is unknown, or the weights are unsafe, truncated, or do not
            fit.

    Example:
        >>> SqueezeNet(weights=None, input_shape=(128, 128, 3)).output_shape
        (None, 7, 7, 512)

    Source:
        F. Iandola et al., SqueezeNet, arXiv:1602.07360, version 1.1 as released by its authors.
    """
    inputs = keras.Input(input_shape or (None, None, 3))
    maps = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(inputs)
    maps = layers.MaxPooling2D(3, strides=2, name="pool1")(maps)
    for number, (squeeze, expand) in enumerate(_FIRE, start=2):
        maps = _fire(maps, f"fire{number}", squeeze, expand)
        if number in (3, 5):
            maps = layers.MaxPooling2D(3, strides=2, name=f"fire{number}_pool")(maps)
    if include_top:
        maps = layers.Dropout(0.5, name="drop9")(maps)
        maps = layers.Conv2D(classes, 1, activation="relu", name="conv10")(maps)
        outputs = layers.Softmax(name="predictions")(pool(maps, "avg"))
    else:
        outputs = pool(maps, pooling)
    model = keras.Model(inputs, outputs, name=name)
    if weights is not None:
        load_squeezenet(model, imagenet_weights("squeezenet") if weights == "imagenet" else weights)
    return model


def load_squeezenet(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load SqueezeNet's weights, from a file with the classifier into a model without it too.

    Args:
        model: A model that `SqueezeNet` built; its weights are replaced.
        path: Keras's `.weights.h5`, or the older `.h5`.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not a weights file, is truncated or unsafe, or does not fit the
            model.

    Example:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/whole.weights.h5"
        >>> SqueezeNet(include_top=True, weights=None, classes=5).save_weights(path)
        >>> load_squeezenet(SqueezeNet(weights=None), path)
    """
    stored = Counter(check_weights_file(path))
    stored.subtract(tuple(weight.shape) for weight in model.weights)
    classes = {shape[-1] for shape in +stored if shape[:3] == (1, 1, 512)}
    if len(classes) != 1:
        load_weights(model, path)
        return
    whole = SqueezeNet(include_top=True, weights=None, classes=classes.pop())
    load_weights(whole, path)
    model.set_weights(whole.get_weights()[: len(model.weights)])


def _fire(maps: Any, name: str, squeeze: int, expand: int) -> Any:
    maps = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze1x1")(maps)
    small = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(maps)
    large = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}_expand3x3")(
        maps
    )
    return layers.Concatenate(name=f"{name}_concat")([small, large])
