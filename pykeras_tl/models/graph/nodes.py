"""A model's operations as one flat list, with nested models expanded."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras

from ..keras_internals import functional_graph, nodes_in_order


@dataclass(eq=False)
class GraphTensor:
    """A tensor of the model: an input, or an operation's output.

    Attributes:
        shape: None for the batch axis and every other unknown size.
        dtype: Name of its type.
        producer: The node that returns it; None for an input of the model.
    """

    shape: tuple[int | None, ...]
    dtype: str
    producer: Node | None = None

    @property
    def size(self) -> float:
        """Number of values for one sample; infinite where the shape is unknown."""
        return math.inf if None in self.shape[1:] else math.prod(self.shape[1:])  # type: ignore[arg-type]


@dataclass(eq=False)
class Node:
    """One call of one operation.

    Attributes:
        operation: A layer, or an operation without weights.
        args: Its positional arguments, with `GraphTensor`s in place of tensors.
        kwargs: Its keyword arguments, likewise.
        inputs: The `GraphTensor`s among the arguments.
        outputs: What it returns.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[GraphTensor]
    outputs: list[GraphTensor] = field(default_factory=list)

    @property
    def weights(self) -> list[Any]:
        """Variables of the operation."""
        return list(getattr(self.operation, "weights", ()))

    @property
    def takes_training(self) -> bool:
        """Whether the operation has an argument `training`."""
        return isinstance(self.operation, keras.Layer) and (
            "training" in inspect.signature(self.operation.call).parameters
        )


@dataclass
class Graph:
    """A model's operations.

    Attributes:
        inputs: The model's inputs.
        nodes: In topological order.
        outputs: The structure that the model returns, of `GraphTensor`s.
    """

    inputs: list[GraphTensor]
    nodes: list[Node]
    outputs: Any


def flat_graph(model: keras.Model) -> Graph | None:
    """List a model's operations in order, with those of nested models in their place.

    Args:
        model: A functional or sequential model.

    Returns:
        Its graph; None for a model of another kind, whose operations are not known.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="scores")])
        >>> [node.operation.name for node in flat_graph(model).nodes]
        ['scores']
    """
    function = functional_graph(model)
    if function is None:
        return None
    inputs = [GraphTensor(tuple(tensor.shape), tensor.dtype) for tensor in function.inputs]
    nodes: list[Node] = []
    outputs = _expand(function, inputs, nodes)
    structure = function.output if len(outputs) > 1 else outputs[0]
    if len(outputs) > 1:
        structure = keras.tree.pack_sequence_as(structure, outputs)
    return Graph(inputs, nodes, structure)


def inspectable_graph(model: keras.Model) -> Graph:
    """List a model's operations as `flat_graph` does, and refuse models where they are unknown.

    Args:
        model: A functional or sequential model.

    Returns:
        Its graph.

    Raises:
        ValueError: If it is a model of another kind, or is not built yet.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="cut")])
        >>> [node.operation.name for node in inspectable_graph(model).nodes]
        ['cut']
    """
    graph = flat_graph(model)
    if graph is None:
        raise ValueError(
            "Expected a functional or sequential model, whose layers can be looked into. Received: "
            f"{model.name!r}, a {type(model).__name__} that is a subclass of keras.Model or is not "
            "built yet. Build it with keras.Model(inputs, outputs), or start a Sequential with "
            "keras.Input."
        )
    return graph


def calls_of(graph: Graph, layer: keras.Layer) -> list[Node]:
    """Return the calls of a layer, in order.

    Args:
        graph: The graph of a model.
        layer: A layer of the model or of a model inside it.

    Returns:
        One node per call; none if the layer is not part of the graph.

    Example:
        >>> twice = keras.layers.ReLU()
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, twice(twice(inputs)))
        >>> len(calls_of(flat_graph(model), twice))
        2
    """
    return [node for node in graph.nodes if node.operation is layer]


def output_of(graph: Graph, layer: keras.Layer) -> GraphTensor:
    """Return the output of a layer, of its last call if there are several.

    Args:
        graph: The graph of a model.
        layer: A layer of the model or of a model inside it.

    Returns:
        The tensor.

    Raises:
        ValueError: If the layer does not return a single tensor, or is not part of the graph.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> output_of(flat_graph(model), model.layers[0]).shape
        (None, 2)
    """
    calls = calls_of(graph, layer)
    outputs = calls[-1].outputs if calls else []
    if len(outputs) != 1:
        raise ValueError(
            f"Expected a layer with a single output. Received: {layer.name!r}, with "
            f"{len(outputs)} outputs."
        )
    return outputs[0]


def nodes_between(
    nodes: Iterable[Node], inputs: Iterable[GraphTensor], outputs: Iterable[GraphTensor]
) -> list[Node]:
    """Select the nodes that compute some tensors from others.

    Args:
        nodes: All nodes, in order.
        inputs: The tensors to start from.
        outputs: The tensors to compute.

    Returns:
        The nodes needed, in order.
    """
    known = set(inputs)
    needed: set[Node] = set()
    pending = [tensor for tensor in outputs if tensor not in known]
    while pending:
        node = pending.pop().producer
        if node is not None and node not in needed:
            needed.add(node)
            pending += [tensor for tensor in node.inputs if tensor not in known]
    return [node for node in nodes if node in needed]


def _expand(function: Any, inputs: list[GraphTensor], nodes: list[Node]) -> list[GraphTensor]:
    """Append a functional graph's nodes to `nodes`; return its outputs."""
    tensors = {id(tensor): known for tensor, known in zip(function.inputs, inputs)}
    for call in nodes_in_order(function):
        if any(id(tensor) not in tensors for tensor in call.input_tensors):
            continue
        args, kwargs = call.arguments.fill_in(tensors)
        outputs = _expand_nested(call.operation, args, kwargs, nodes)
        if outputs is None:
            given = [tensors[id(tensor)] for tensor in call.input_tensors]
            node = Node(call.operation, args, kwargs, given)
            outputs = [GraphTensor(tuple(out.shape), out.dtype, node) for out in call.outputs]
            node.outputs = outputs
            nodes.append(node)
        tensors |= {id(tensor): known for tensor, known in zip(call.outputs, outputs)}
    return [tensors[id(tensor)] for tensor in function.outputs]


def _expand_nested(
    operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], nodes: list[Node]
) -> list[GraphTensor] | None:
    """Append a nested model's nodes and return its outputs; None for anything else."""
    function = functional_graph(operation)
    given = keras.tree.flatten(args)
    plain = all(isinstance(tensor, GraphTensor) for tensor in given) and len(args) == 1
    if function is None or not plain or isinstance(args[0], dict) or kwargs.get("mask") is not None:
        return None
    if len(given) != len(function.inputs):
        return None
    return _expand(function, given, nodes)
