"""Where a model's frozen beginning ends."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import keras
import numpy as np

from ...models.graph import Graph, GraphPart, Step, Value, flat_graph, steps_between

# Settings of a layer that do not change what it computes from given weights.
_WITHOUT_EFFECT = re.compile(r"name|trainable|\w+_(initializer|regularizer|constraint)")


class Cut:
    """A model as two: the frozen beginning and the rest that trains.

    Attributes:
        beginning: From pictures to the tensors at the cut.
        rest: From those tensors to the model's outputs. Its layers are the model's own.
        last: Names of the layers that give the tensors at the cut.
        key: Hex digest of the beginning: its operations, their wiring and weights.
    """

    def __init__(self, graph: Graph, edge: list[Value]) -> None:
        steps = steps_between(graph.steps, graph.inputs, edge)
        after = steps_between(graph.steps, edge, keras.tree.flatten(graph.outputs))
        self.beginning = GraphPart(steps, graph.inputs, edge)
        self.rest = GraphPart(after, edge, graph.outputs)
        self.last = [value.maker.operation.name for value in edge if value.maker is not None]
        self.key = _key(graph.inputs, steps, edge)


def find_cut(model: keras.Model) -> Cut | None:
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
    edge = _smaller(_edge(graph, fixed))
    spared = steps_between(graph.steps, graph.inputs, edge)
    if not any(step.weights for step in spared):
        return None
    cut = Cut(graph, edge)
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


def _edge(graph: Graph, fixed: set[Value]) -> list[Value]:
    """The fixed values that the rest of the model takes."""
    taken = keras.tree.flatten(graph.outputs)
    for step in graph.steps:
        if not all(value in fixed for value in step.outputs):
            taken += step.inputs
    return list(dict.fromkeys(value for value in taken if value in fixed))


def _smaller(edge: list[Value]) -> list[Value]:
    """Step back over padding and the like, which cost nothing and make a value larger."""
    for value in edge:
        sources = [value]
        while len(sources) == 1 and sources[0].maker is not None:
            step = sources[0].maker
            if step.weights or len(step.outputs) > 1:
                break
            sources = [source for source in step.inputs if source not in edge]
            if sum(source.size for source in sources) < value.size:
                return _smaller([other for other in edge if other is not value] + sources)
    return edge


def _key(inputs: list[Value], steps: list[Step], edge: list[Value]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{keras.backend.backend()} {keras.__version__}".encode())
    numbers = {value: number for number, value in enumerate(inputs)}

    def named(leaf: Any) -> Any:
        return f"value {numbers[leaf]}" if isinstance(leaf, Value) else leaf

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
    digest.update(str([numbers[value] for value in edge]).encode())
    return digest.hexdigest()
