"""What each layer of a network puts out for given images, nested models included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..models.layer_tree import LayerTree

_BATCH = 32


def layer_activations(
    model: keras.Model, images: np.ndarray, layer: str | int | keras.Layer
) -> np.ndarray:
    """Return what one layer puts out for each image.

    Args:
        model: Any Keras model, with other models inside or not.
        images: As the model takes them: shape (images, height, width, channels), scaled as
            in training.
        layer: Its name, its index, its path into a nested model ("vgg16/block1_conv1"), or
            itself; of a nested model or a stage, its last layer is taken.

    Returns:
        Array of shape (images, ...), the layer's own output shape.

    Raises:
        ValueError: When there is no such layer, or it has no single output.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="cut")])
        >>> layer_activations(model, np.array([[-1.0, 0.0, 1.0, 2.0]]), "cut")
        array([[0., 0., 1., 2.]], dtype=float32)
    """
    tree = LayerTree(model)
    leaf = tree.leaves[tree.find(layer)[-1]]
    batches = []
    with _recording(leaf.layer) as output:
        for batch in _batches(images):
            model(batch, training=False)
            batches.append(_array(output[-1], leaf.path))
            output.clear()
    return np.concatenate(batches)


def sparsity_by_layer(
    model: keras.Model, images: np.ndarray, threshold: float = 0.0
) -> pd.DataFrame:
    """Measure how much of each layer stays silent.

    Args:
        model: Any Keras model, with other models inside or not.
        images: As the model takes them: shape (images, height, width, channels), scaled as
            in training.
        threshold: Values up to this share of the layer's largest count as silent too; 0 counts
            exact zeros, which fits relu. Smooth activations need about 0.01.

    Returns:
        One row a layer, input to output: `depth` (from 1), `layer` (its path), `kind`, `shape`
        (of its output for one image), `sparsity` (share of silent values, 0..1) and
        `silent_channels` (share of channels that are silent in every image).

    Raises:
        ValueError: When `threshold` is not in 0..1 or there is no image.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="cut")])
        >>> found = sparsity_by_layer(model, np.array([[-1.0, 0.0, 1.0, 2.0], [-1, 3, 4, 5]]))
        >>> found[["layer", "sparsity", "silent_channels"]].values.tolist()
        [['cut', 0.375, 0.25]]
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is a share from 0 to below 1; got {threshold}.")
    if len(images) == 0:
        raise ValueError("There is no image to measure the layers with.")
    leaves = [leaf for leaf in LayerTree(model).leaves if not _is_input(leaf.layer)]
    sums = [_SparsityAccumulator() for _ in leaves]
    for batch in _batches(images):
        with ExitStack() as stack:
            outputs = [stack.enter_context(_recording(leaf.layer)) for leaf in leaves]
            model(batch, training=False)
        for each, output in zip(sums, outputs):
            each.add(output, threshold)
    rows = [
        (leaf.path, type(leaf.layer).__name__, each.shape, each.share, each.silent_channels)
        for leaf, each in zip(leaves, sums)
        if each.values
    ]
    table = pd.DataFrame(rows, columns=["layer", "kind", "shape", "sparsity", "silent_channels"])
    table.insert(0, "depth", np.arange(1, len(table) + 1))
    return table


class _SparsityAccumulator:
    """Counts of silent values of one layer, batch by batch."""

    def __init__(self) -> None:
        self.silent = 0
        self.values = 0
        self.shape: tuple[int, ...] = ()
        self.channels = np.array(True)

    def add(self, outputs: Sequence[Any], threshold: float) -> None:
        for output in outputs:
            if not keras.ops.is_tensor(output):
                continue
            values = np.abs(keras.ops.convert_to_numpy(output))
            silent = values <= threshold * values.max()
            self.silent += int(silent.sum())
            self.values += silent.size
            self.shape = silent.shape[1:]
            self.channels = self.channels & silent.reshape(-1, silent.shape[-1]).all(axis=0)

    @property
    def share(self) -> float:
        return self.silent / self.values

    @property
    def silent_channels(self) -> float:
        return float(self.channels.mean())


@contextmanager
def _recording(layer: keras.Layer) -> Iterator[list[Any]]:
    """Note what a layer puts out whenever it is called in the block.

    A layer inside a nested model belongs to that model's own graph, so no model from the outer
    input to its output can be built; watching the calls works for any model and backend.
    """
    outputs: list[Any] = []
    plain = layer.call

    def noting(*arguments: Any, **options: Any) -> Any:
        outputs.append(plain(*arguments, **options))
        return outputs[-1]

    layer.call = noting
    try:
        yield outputs
    finally:
        del layer.call


def _batches(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), _BATCH):
        yield np.asarray(images[start : start + _BATCH], dtype="float32")


def _is_input(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.InputLayer)


def _array(output: Any, path: str) -> np.ndarray:
    if not keras.ops.is_tensor(output):
        raise ValueError(f"Layer {path!r} puts out {type(output).__name__}, not one array.")
    return np.asarray(keras.ops.convert_to_numpy(output))
