"""Layer activations and their sparsity, also for layers of nested models.

A layer inside a nested model has no output in the outer model's graph, so `keras.Model(inputs,
layer.output)` fails for it. Here the graph is flattened first, and a subgraph returns the outputs
of any layer, or of all layers in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..models.graph.nodes import (
    Graph,
    GraphTensor,
    calls_of,
    inspectable_graph,
    nodes_between,
    output_of,
)
from ..models.graph.subgraph import Subgraph
from ..models.layer_tree import LayerTree

_BATCH = 32


def layer_activations(
    model: keras.Model, images: np.ndarray, layer: str | int | keras.Layer
) -> np.ndarray:
    """Return the output of one layer for each image.

    Args:
        model: A functional or sequential model, which may contain other models.
        images: Input of the model, shape (images, height, width, channels), scaled as in
            training.
        layer: Its name, its index, its path into a nested model ("vgg16/block1_conv1"), or
            the layer itself; for a nested model or a stage, its last layer is used.

    Returns:
        Array of shape (images, ...), the layer's own output shape.

    Raises:
        ValueError: If there is no such layer, it does not return a single tensor, or the model
            is a subclass of `keras.Model`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="cut")])
        >>> layer_activations(model, np.array([[-1.0, 0.0, 1.0, 2.0]]), "cut")
        array([[0., 0., 1., 2.]], dtype=float32)
    """
    tree = LayerTree(model)
    graph = inspectable_graph(model)
    output = output_of(graph, tree.leaves[tree.find(layer)[-1]].layer)
    return np.concatenate([values for (values,) in _run(graph, [output], images)])


def sparsity_by_layer(
    model: keras.Model, images: np.ndarray, threshold: float = 0.0
) -> pd.DataFrame:
    """Measure the share of zero activations, and of dead channels, in each layer.

    Args:
        model: A functional or sequential model, which may contain other models.
        images: Input of the model, shape (images, height, width, channels), scaled as in
            training.
        threshold: Activations up to this share of the layer's largest count as zero; 0 counts
            exact zeros, which suits ReLU. Smooth activations need about 0.01.

    Returns:
        One row per layer, from input to output: `depth` (from 1), `layer` (its path), `kind`,
        `shape` (of its output for one image), `sparsity` (share of zero activations, 0..1) and
        `dead_channels` (share of channels that are zero in every image, 0..1).

    Raises:
        ValueError: If `threshold` is not in 0..1, there is no image, or the model is a subclass
            of `keras.Model`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="cut")])
        >>> images = np.array([[-1.0, 0.0, 1.0, 2.0], [-1.0, 3.0, 4.0, 5.0]])
        >>> sparsity_by_layer(model, images)[["layer", "sparsity", "dead_channels"]]
          layer  sparsity  dead_channels
        0   cut     0.375           0.25
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"Expected threshold to be from 0 to below 1. Received: {threshold}.")
    if len(images) == 0:
        raise ValueError("Expected at least one image. Received: no image.")
    graph = inspectable_graph(model)
    calls = [
        (leaf, node.outputs[0])
        for leaf in LayerTree(model).leaves
        for node in calls_of(graph, leaf.layer)
        if len(node.outputs) == 1
    ]
    counts = {leaf.path: _ZeroCounts() for leaf, _ in calls}
    kinds = {leaf.path: type(leaf.layer).__name__ for leaf, _ in calls}
    for outputs in _run(graph, [tensor for _, tensor in calls], images):
        for (leaf, _), values in zip(calls, outputs):
            counts[leaf.path].add(values, threshold)
    rows = [
        (path, kinds[path], count.shape, count.sparsity, count.dead_channels)
        for path, count in counts.items()
    ]
    table = pd.DataFrame(rows, columns=["layer", "kind", "shape", "sparsity", "dead_channels"])
    table.insert(0, "depth", np.arange(1, len(table) + 1))
    return table


class _ZeroCounts:
    """Zero activations of one layer, accumulated over batches and calls."""

    def __init__(self) -> None:
        self.zeros = 0
        self.values = 0
        self.shape: tuple[int, ...] = ()
        self.dead: Any = True

    def add(self, activations: np.ndarray, threshold: float) -> None:
        magnitudes = np.abs(activations)
        zero = magnitudes <= threshold * magnitudes.max()
        self.zeros += int(zero.sum())
        self.values += zero.size
        self.shape = zero.shape[1:]
        self.dead = self.dead & zero.reshape(-1, zero.shape[-1]).all(axis=0)

    @property
    def sparsity(self) -> float:
        return self.zeros / self.values

    @property
    def dead_channels(self) -> float:
        return float(np.mean(self.dead))


def _run(
    graph: Graph, outputs: list[GraphTensor], images: np.ndarray
) -> Iterator[list[np.ndarray]]:
    """Yield the values of some tensors of the graph for each batch of images."""
    nodes = nodes_between(graph.nodes, graph.inputs, outputs)
    subgraph = Subgraph(nodes, graph.inputs, outputs)
    for start in range(0, len(images), _BATCH):
        batch = keras.ops.convert_to_tensor(
            images[start : start + _BATCH], dtype=graph.inputs[0].dtype
        )
        values = subgraph(batch, training=False)
        yield [np.asarray(keras.ops.convert_to_numpy(value)) for value in values]
