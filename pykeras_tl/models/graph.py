"""A model's operations as one flat list, nested models taken apart."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras


@dataclass(eq=False)
class GraphTensor:
    """A tensor of the model: what an operation gives, or an input.

    Attributes:
        shape: With `None` for the batch and whatever else is open.
        dtype: Its type's name.
        producer: The step that gives it; `None` for an input of the model.
    """

    shape: tuple[int | None, ...]
    dtype: str
    producer: Step | None = None

    @property
    def size(self) -> float:
        """Numbers an image; infinite where the shape is open."""
        return math.inf if None in self.shape[1:] else math.prod(self.shape[1:])  # type: ignore[arg-type]


@dataclass(eq=False)
class Step:
    """One call of one operation.

    Attributes:
        operation: The layer or bare operation.
        args: What it is called with, `GraphTensor`s in the place of tensors.
        kwargs: The same, by name.
        inputs: The `GraphTensor`s among them.
        outputs: What it gives.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[GraphTensor]
    outputs: list[GraphTensor] = field(default_factory=list)

    @property
    def weights(self) -> list[Any]:
        """The operation's variables; none for a bare operation."""
        return list(getattr(self.operation, "weights", ()))

    @property
    def takes_training(self) -> bool:
        """Whether the operation asks if it is in training."""
        return isinstance(self.operation, keras.Layer) and (
            "training" in inspect.signature(self.operation.call).parameters
        )


@dataclass
class Graph:
    """A model's operations.

    Attributes:
        inputs: The model's inputs.
        steps: In an order in which each finds its inputs made.
        outputs: The structure that the model returns, of `GraphTensor`s.
    """

    inputs: list[GraphTensor]
    steps: list[Step]
    outputs: Any


def flat_graph(model: keras.Model) -> Graph | None:
    """Write down a model's operations one by one, those of nested models in their place.

    Args:
        model: A functional or sequential model.

    Returns:
        Its graph; `None` when the model is of another kind, whose operations cannot be seen.
    """
    function = _function(model)
    if function is None:
        return None
    inputs = [GraphTensor(tuple(tensor.shape), tensor.dtype) for tensor in function.inputs]
    steps: list[Step] = []
    outputs = _walk(function, inputs, steps)
    structure = function.output if len(outputs) > 1 else outputs[0]
    if len(outputs) > 1:
        structure = keras.tree.pack_sequence_as(structure, outputs)
    return Graph(inputs, steps, structure)


def nodes_between(
    steps: Iterable[Step], given: Iterable[GraphTensor], wanted: Iterable[GraphTensor]
) -> list[Step]:
    """Choose the steps that lead from some values to others.

    Args:
        steps: All steps, in order.
        given: The values to begin with.
        wanted: The values to make.

    Returns:
        The steps needed, in order.
    """
    have = set(given)
    needed: set[Step] = set()
    open_values = [value for value in wanted if value not in have]
    while open_values:
        step = open_values.pop().producer
        if step is not None and step not in needed:
            needed.add(step)
            open_values += [value for value in step.inputs if value not in have]
    return [step for step in steps if step in needed]


class Subgraph(keras.Model):
    """A stretch of a model's graph as a model of its own, with the very same layers.

    It calls the layers on real tensors only, so they carry no trace of it afterwards.

    Args:
        steps: The steps to run, in order.
        inputs: The values that are given, in the order in which they will be given.
        outputs: The structure of values to return.
    """

    def __init__(self, steps: list[Step], inputs: list[GraphTensor], outputs: Any) -> None:
        # The layers inside have policies of their own; here nothing is to be cast.
        super().__init__(dtype="float32")
        # Keras would make lists and dicts of its own of the graph's.
        self._graph = Graph(inputs, steps, outputs)
        self.parts = _once(step.operation for step in steps)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Run the steps, telling each layer whether this is training, as Keras does."""
        values = dict(zip(self._graph.inputs, keras.tree.flatten(inputs)))

        def made(leaf: Any) -> Any:
            return values[leaf] if isinstance(leaf, GraphTensor) else leaf

        for step in self._graph.steps:
            args = keras.tree.map_structure(made, step.args)
            kwargs = keras.tree.map_structure(made, step.kwargs)
            if training is not None and step.takes_training:
                kwargs["training"] = training
            results = keras.tree.flatten(step.operation(*args, **kwargs))
            values.update(zip(step.outputs, results))
        return keras.tree.map_structure(made, self._graph.outputs)


def _function(model: Any) -> Any:
    """The graph behind a model of Keras's own kinds, whose call is nothing but that graph."""
    kind = type(model)
    if not kind.__module__.startswith("keras."):
        return None
    if kind.__name__ == "Sequential":
        return model._functional
    return model if kind.__name__ == "Functional" else None


def _walk(function: Any, inputs: list[GraphTensor], steps: list[Step]) -> list[GraphTensor]:
    values = {id(tensor): value for tensor, value in zip(function.inputs, inputs)}
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if node.is_input or any(id(tensor) not in values for tensor in node.input_tensors):
                continue
            args, kwargs = node.arguments.fill_in(values)
            made = _inside(node.operation, args, kwargs, steps)
            if made is None:
                given = [values[id(tensor)] for tensor in node.input_tensors]
                step = Step(node.operation, args, kwargs, given)
                made = [GraphTensor(tuple(out.shape), out.dtype, step) for out in node.outputs]
                step.outputs = made
                steps.append(step)
            values |= {id(tensor): value for tensor, value in zip(node.outputs, made)}
    return [values[id(tensor)] for tensor in function.outputs]


def _inside(
    operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], steps: list[Step]
) -> list[GraphTensor] | None:
    """Take a nested model apart; `None` for anything else."""
    function = _function(operation)
    given = keras.tree.flatten(args)
    plain = all(isinstance(value, GraphTensor) for value in given) and len(args) == 1
    if function is None or not plain or isinstance(args[0], dict) or kwargs.get("mask") is not None:
        return None
    if len(given) != len(function.inputs):
        return None
    return _walk(function, given, steps)


def _once(operations: Iterable[Any]) -> list[keras.Layer]:
    layers = [operation for operation in operations if isinstance(operation, keras.Layer)]
    return list(dict.fromkeys(layers))
