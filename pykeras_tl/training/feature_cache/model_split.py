"""Where a model's frozen beginning ends."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import keras
import numpy as np

from ...models.graph import Graph, GraphTensor, Step, Subgraph, flat_graph, nodes_between

# Settings of a layer that do not change what it computes from given weights.
_WITHOUT_EFFECT = re.compile(r"name|trainable|\w+_(initializer|regularizer|constraint)")


class Cut:
    """A model as two: the frozen beginning and the rest that trains.

    Attributes:
        beginning: From images to the tensors at the cut.
        rest: From those tensors to the model's outputs. Its layers are the model's own.
        last: Names of the layers that give the tensors at the cut.
        key: Hex digest of the beginning: its operations, their wiring and weights.
    """

    def __init__(self, graph: Graph, boundary: list[GraphTensor]) -> None:
        steps = nodes_between(graph.steps, graph.inputs, boundary)
        after = nodes_between(graph.steps, boundary, keras.tree.flatten(graph.outputs))
        self.beginning = Subgraph(steps, graph.inputs, boundary)
        self.rest = Subgraph(after, boundary, graph.outputs)
        self.last = [
            value.producer.operation.name for value in boundary if value.producer is not None
        ]
        self.key = _key(graph.inputs, steps, boundary)


def split_model(model: keras.Model) -> Cut | None:
    """Find the largest part at a model's beginning whose output training never changes.

    That is every operation that depends on no trainable weight and does the same in training
    as in inference: frozen batch normalization, for one, but not active dropout.

    Args:
        model: A compiled functional or sequential model, in any nesting.

    Returns:
        The cut; `None` where no layer with weights would be spared, or the model's operations
        cannot be seen (a subclass with a call of its own).
    """
    graph = flat_graph(model)
    if graph is None or len(graph.inputs) != 1:
        return None
    fixed = set(graph.inputs)
    for step in graph.steps:
        if _never_changes(step) and all(value in fixed for value in step.inputs):
            fixed.update(step.outputs)
    boundary = _smallest_boundary(_boundary(graph, fixed))
    spared = nodes_between(graph.steps, graph.inputs, boundary)
    if not any(step.weights for step in spared):
        return None
    cut = Cut(graph, boundary)
    trained = {id(weight) for weight in cut.rest.trainable_variables}
    # Where a nested model counts as frozen while its layers do not, leave all to Keras.
    return cut if trained == {id(weight) for weight in model.trainable_variables} else None


def _never_changes(step: Step) -> bool:
    layer = step.operation
    if not isinstance(layer, keras.Layer):
        return True
    known = type(layer).__module__.split(".")[0] in ("keras", __name__.split(".")[0])
    if not known or layer.trainable_variables or layer.activity_regularizer is not None:
        return False
    if isinstance(layer, keras.layers.Masking | keras.layers.Embedding):
        # They hand on a mask, which would be lost at the cut.
        return False
    if not step.takes_training:
        return True
    if isinstance(layer, keras.layers.BatchNormalization):
        return not layer.trainable
    if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
        # They ask for the sake of one kind of quantization, which keeps statistics.
        return layer.quantization_mode != "float8"
    return getattr(layer, "rate", getattr(layer, "stddev", None)) == 0


def _boundary(graph: Graph, fixed: set[GraphTensor]) -> list[GraphTensor]:
    """The fixed values that the rest of the model takes."""
    taken = keras.tree.flatten(graph.outputs)
    for step in graph.steps:
        if not all(value in fixed for value in step.outputs):
            taken += step.inputs
    return list(dict.fromkeys(value for value in taken if value in fixed))


def _smallest_boundary(boundary: list[GraphTensor]) -> list[GraphTensor]:
    """Step back over padding and the like, which cost nothing and make a value larger."""
    for value in boundary:
        sources = [value]
        while len(sources) == 1 and sources[0].producer is not None:
            step = sources[0].producer
            if step.weights or len(step.outputs) > 1:
                break
            sources = [source for source in step.inputs if source not in boundary]
            if sum(source.size for source in sources) < value.size:
                return _smallest_boundary(
                    [other for other in boundary if other is not value] + sources
                )
    return boundary


def _key(inputs: list[GraphTensor], steps: list[Step], boundary: list[GraphTensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{keras.backend.backend()} {keras.__version__}".encode())
    numbers = {value: number for number, value in enumerate(inputs)}

    def named(leaf: Any) -> Any:
        return f"value {numbers[leaf]}" if isinstance(leaf, GraphTensor) else leaf

    for step in steps:
        called = keras.tree.map_structure(named, (step.args, step.kwargs))
        for output in step.outputs:
            numbers[output] = len(numbers)
        operation = keras.saving.serialize_keras_object(step.operation)
        kind = (operation.get("module"), operation.get("class_name"))
        config = {
            name: value
            for name, value in (operation.get("config") or {}).items()
            if not _WITHOUT_EFFECT.fullmatch(name)
        }
        digest.update(json.dumps([kind, config, repr(called)], sort_keys=True).encode())
        for weight in step.weights:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    digest.update(str([numbers[value] for value in boundary]).encode())
    return digest.hexdigest()
