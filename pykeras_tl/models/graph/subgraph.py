"""A part of a model's graph as a model of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from .folded_batch_norm import fold_batch_norm
from .nodes import Graph, GraphTensor, Node, calls_of, nodes_between


class Subgraph(keras.Model):
    """A part of a model's graph as a model of its own, sharing its layers.

    It calls the layers on real tensors only, so it leaves no trace in them. Where the
    statistics of batch normalization are held, it is folded into the convolution before it
    (`fold_batch_norm`).

    Args:
        nodes: The nodes to run, in order.
        inputs: The input tensors, in the order in which their values will be given.
        outputs: The structure of tensors to return.
        variables: Variables in whose order this model is to list its own.
        inference: Whether it will never be called with `training=True`.

    Attributes:
        parts: The layers that run, each once, in that order or else in the order they run.
    """

    def __init__(
        self,
        nodes: list[Node],
        inputs: list[GraphTensor],
        outputs: Any,
        variables: Sequence[Any] = (),
        inference: bool = False,
    ) -> None:
        # The layers have dtype policies of their own; nothing is to be cast here.
        super().__init__(dtype="float32")
        # In a dataclass, so that Keras does not replace the lists and dicts by its own kinds.
        self._graph = Graph(inputs, nodes, outputs)
        self._steps = fold_batch_norm(nodes, keras.tree.flatten(outputs), inference)
        places = {id(variable): place for place, variable in enumerate(variables)}
        self.parts = sorted(
            _layers_once(node.operation for node in nodes),
            key=lambda part: min((places.get(id(each), -1) for each in part.variables), default=-1),
        )
        self.built = True

    @property
    def is_folded(self) -> bool:
        """Whether batch normalization is folded into convolutions."""
        return self._steps != self._graph.nodes

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Run the nodes, passing `training` to the layers that take it."""
        values = dict(zip(self._graph.inputs, keras.tree.flatten(inputs)))

        def value(leaf: Any) -> Any:
            return values[leaf] if isinstance(leaf, GraphTensor) else leaf

        for node in self._steps:
            args = keras.tree.map_structure(value, node.args)
            kwargs = keras.tree.map_structure(value, node.kwargs)
            if training is not None and node.takes_training:
                kwargs["training"] = training
            results = keras.tree.flatten(node.operation(*args, **kwargs))
            values.update(zip(node.outputs, results))
        return keras.tree.map_structure(value, self._graph.outputs)

    def before(self, layer: keras.Layer) -> Subgraph:
        """Return the part that computes what a layer takes.

        Args:
            layer: A layer of one input that is called once.

        Returns:
            A model from the same inputs to that tensor.
        """
        (node,) = calls_of(self._graph, layer)
        (tensor,) = node.inputs
        nodes = nodes_between(self._graph.nodes, self._graph.inputs, [tensor])
        return Subgraph(nodes, self._graph.inputs, tensor)


def _layers_once(operations: Iterable[Any]) -> list[keras.Layer]:
    layers = [operation for operation in operations if isinstance(operation, keras.Layer)]
    return list(dict.fromkeys(layers))
