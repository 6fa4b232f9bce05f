"""Splits a model into its frozen layers and the head that is trained."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import keras
import numpy as np

from ...models.graph.nodes import Graph, GraphTensor, Node, flat_graph, nodes_between
from ...models.graph.subgraph import Subgraph

# Settings of a layer that do not change what it computes from given weights.
_WITHOUT_EFFECT = re.compile(r"name|trainable|\w+_(initializer|regularizer|constraint)")


class SplitModel:
    """A model in two parts: the frozen feature extractor and the head that is trained.

    Attributes:
        feature_extractor: From images to the tensors at the boundary.
        head: From those tensors to the model's outputs. Its layers are the model's own.
        boundary_names: Names of the layers that return the tensors at the boundary.
        key: Hex digest of the feature extractor: its operations, their wiring and weights.
    """

    def __init__(self, graph: Graph, boundary: list[GraphTensor], model: keras.Model) -> None:
        nodes = nodes_between(graph.nodes, graph.inputs, boundary)
        after = nodes_between(graph.nodes, boundary, keras.tree.flatten(graph.outputs))
        self.feature_extractor = Subgraph(nodes, graph.inputs, boundary)
        # Optimizers with averaged weights, and all on JAX, match variables by their order.
        self.head = Subgraph(after, boundary, graph.outputs, model.trainable_variables)
        self.boundary_names = [
            tensor.producer.operation.name for tensor in boundary if tensor.producer is not None
        ]
        self.key = _key(graph.inputs, nodes, boundary)


def split_model(model: keras.Model) -> SplitModel | None:
    """Split off the largest part of a model whose output never changes during training.

    That is every operation that depends on no trainable weight and does the same in training
    as in inference: frozen batch normalization, for example, but not active dropout.

    Args:
        model: A compiled functional or sequential model, in any nesting.

    Returns:
        The split; None where no layer with weights would be saved, or the model's operations
        are not known (a subclass with its own `call`).
    """
    graph = flat_graph(model)
    if graph is None or len(graph.inputs) != 1:
        return None
    fixed = set(graph.inputs)
    for node in graph.nodes:
        if _never_changes(node) and all(tensor in fixed for tensor in node.inputs):
            fixed.update(node.outputs)
    boundary = _smallest_boundary(_boundary(graph, fixed))
    saved = nodes_between(graph.nodes, graph.inputs, boundary)
    if not any(node.weights for node in saved):
        return None
    split = SplitModel(graph, boundary, model)
    trained = {id(weight) for weight in split.head.trainable_variables}
    # Where a nested model is frozen but its layers are not, Keras trains the whole model.
    return split if trained == {id(weight) for weight in model.trainable_variables} else None


def _never_changes(node: Node) -> bool:
    layer = node.operation
    if not isinstance(layer, keras.Layer):
        return True
    known = type(layer).__module__.split(".")[0] in ("keras", __name__.split(".")[0])
    if not known or layer.trainable_variables or layer.activity_regularizer is not None:
        return False
    if isinstance(layer, keras.layers.Masking | keras.layers.Embedding):
        # They pass on a mask, which would be lost at the boundary.
        return False
    if not node.takes_training:
        return True
    if isinstance(layer, keras.layers.BatchNormalization):
        return not layer.trainable
    if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
        # They take `training` only for float8 quantization, which keeps statistics.
        return layer.quantization_mode != "float8"
    return getattr(layer, "rate", getattr(layer, "stddev", None)) == 0


def _boundary(graph: Graph, fixed: set[GraphTensor]) -> list[GraphTensor]:
    """Return the fixed tensors that the rest of the model takes."""
    taken = keras.tree.flatten(graph.outputs)
    for node in graph.nodes:
        if not all(tensor in fixed for tensor in node.outputs):
            taken += node.inputs
    return list(dict.fromkeys(tensor for tensor in taken if tensor in fixed))


def _smallest_boundary(boundary: list[GraphTensor]) -> list[GraphTensor]:
    """Move the boundary before padding and the like, which enlarge a tensor at no cost."""
    for tensor in boundary:
        sources = [tensor]
        while len(sources) == 1 and sources[0].producer is not None:
            node = sources[0].producer
            if node.weights or len(node.outputs) > 1:
                break
            sources = [source for source in node.inputs if source not in boundary]
            if sum(source.size for source in sources) < tensor.size:
                return _smallest_boundary(
                    [other for other in boundary if other is not tensor] + sources
                )
    return boundary


def _key(inputs: list[GraphTensor], nodes: list[Node], boundary: list[GraphTensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{keras.backend.backend()} {keras.__version__}".encode())
    numbers = {tensor: number for number, tensor in enumerate(inputs)}

    def named(leaf: Any) -> Any:
        return f"value {numbers[leaf]}" if isinstance(leaf, GraphTensor) else leaf

    for node in nodes:
        called = keras.tree.map_structure(named, (node.args, node.kwargs))
        for output in node.outputs:
            numbers[output] = len(numbers)
        operation = keras.saving.serialize_keras_object(node.operation)
        kind = (operation.get("module"), operation.get("class_name"))
        config = {
            name: setting
            for name, setting in (operation.get("config") or {}).items()
            if not _WITHOUT_EFFECT.fullmatch(name)
        }
        digest.update(json.dumps([kind, config, repr(called)], sort_keys=True).encode())
        for weight in node.weights:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    digest.update(str([numbers[tensor] for tensor in boundary]).encode())
    return digest.hexdigest()
