"""What is explained: the score of a class, and the feature maps that it is computed from.

The score of a class is its logit, as in the paper of Grad-CAM: the gradient of a probability
vanishes where the model is certain. So a softmax or sigmoid at the end of the graph is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ..models.graph.nodes import (
    Graph,
    GraphTensor,
    Node,
    inspectable_graph,
    nodes_between,
    output_of,
)
from ..models.graph.subgraph import Subgraph
from ..models.layer_tree import LayerTree

# Layers, activations and operations of Keras that turn logits into probabilities.
_PROBABILITIES = ("softmax", "sigmoid")


@dataclass(frozen=True)
class ScoreGraph:
    """A model's operations up to the scores of its classes.

    Attributes:
        model: The model.
        graph: The operations; its outputs are the scores.
        scores: Shape (images, classes), or (images, 1) of one sigmoid unit.
    """

    model: keras.Model
    graph: Graph
    scores: GraphTensor

    def part(self, inputs: Sequence[GraphTensor], outputs: Sequence[GraphTensor]) -> Subgraph:
        """Return the operations from some tensors to others as a model.

        Args:
            inputs: The tensors whose values will be given.
            outputs: The tensors to compute.

        Returns:
            A model from a list of values to a list of values.
        """
        nodes = nodes_between(self.graph.nodes, inputs, outputs)
        return Subgraph(nodes, list(inputs), list(outputs))

    def feature_maps(self, layer: str | int | keras.Layer | None = None) -> list[GraphTensor]:
        """Return the feature maps that the scores are computed from.

        Args:
            layer: A layer: its name, its index, its path into a nested model, or itself; `None`
                is the last one with a spatial extent, or the last of each branch. Of a pooling
                layer it is the input, which is finer.

        Returns:
            Tensors with two spatial axes; several only where branches end in vectors, as in the
            average of several networks.

        Raises:
            ValueError: If there is no such layer, or its output has no spatial extent.
        """
        if layer is not None:
            return [self._output_of(layer)]
        found: list[GraphTensor] = []
        pending, seen = [self.scores], {self.scores}
        while pending:
            tensor = pending.pop()
            if _is_spatial(tensor) and tensor.producer is not None:
                found.append(tensor)
                continue
            for source in tensor.producer.inputs if tensor.producer else ():
                if source not in seen:
                    seen.add(source)
                    pending.append(source)
        found = list(dict.fromkeys(map(_before_pooling, found)))
        if not found:
            raise ValueError(
                "Expected a model with feature maps, of shape (height, width, channels) and more "
                "than one pixel. Received: a model without. Use method='occlusion'."
            )
        return found

    def features(self) -> list[GraphTensor]:
        """Return what the last layer computes the scores from.

        Returns:
            The input of the last layer with the classes as its units; of an average of several
            models, that of each.

        Example:
            >>> model = keras.Sequential(
            ...     [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(),
            ...      keras.layers.Dense(5, "relu"), keras.layers.Dense(2, "softmax")])
            >>> [tensor.shape for tensor in score_graph(model).features()]
            [(None, 5)]
        """
        last = self.scores.producer
        if last is None:
            return [self.scores]
        if not isinstance(last.operation, keras.layers.Average):
            return last.inputs
        return [each for score in last.inputs if score.producer for each in score.producer.inputs]

    def _output_of(self, layer: str | int | keras.Layer) -> GraphTensor:
        tree = LayerTree(self.model)
        tensor = output_of(self.graph, tree.leaves[tree.find(layer)[-1]].layer)
        if not _is_spatial(tensor):
            raise ValueError(
                "Expected a layer with an output of shape (height, width, channels) and more than "
                f"one pixel. Received: {layer!r} with shape {tensor.shape[1:]}. Choose a layer "
                "before the pooling or flattening, or leave `layer` out."
            )
        return tensor


def score_graph(model: keras.Model) -> ScoreGraph:
    """List a model's operations up to the scores of its classes.

    Args:
        model: A functional or sequential classifier with one output.

    Returns:
        The operations. The scores are the logits if the model ends with a softmax or a sigmoid;
        the mean of the logits if it is an average of such models; and otherwise its output.

    Raises:
        ValueError: If the model is of another kind, or has several outputs.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(),
        ...      keras.layers.Dense(2), keras.layers.Softmax()])
        >>> explained = score_graph(model)
        >>> explained.scores.producer.operation is model.layers[-2]
        True
        >>> explained.feature_maps()[0].shape
        (None, 6, 6, 4)
    """
    graph = inspectable_graph(model)
    if not isinstance(graph.outputs, GraphTensor) or len(graph.outputs.shape) != 2:
        shapes = [tensor.shape for tensor in keras.tree.flatten(graph.outputs)]
        raise ValueError(
            "Expected a classifier, with one output of shape (images, classes). Received: "
            f"{shapes}."
        )
    nodes = list(graph.nodes)
    scores = _logits(graph.outputs, nodes)
    return ScoreGraph(model, Graph(graph.inputs, nodes, scores), scores)


def _logits(tensor: GraphTensor, nodes: list[Node]) -> GraphTensor:
    """Return what a tensor of probabilities is computed from, adding nodes that are needed."""
    node = tensor.producer
    if node is None:
        return tensor
    operation = node.operation
    kind = type(operation).__name__.lower()
    activation = getattr(getattr(operation, "activation", None), "__name__", "")
    if isinstance(operation, keras.layers.Dense) and activation in _PROBABILITIES:
        return _added(
            Node(_without_activation(operation), node.args, {}, node.inputs), tensor, nodes
        )
    if kind in _PROBABILITIES or (kind == "activation" and activation in _PROBABILITIES):
        return node.inputs[0]
    if kind == "activation" and activation == "linear":
        return _logits(node.inputs[0], nodes)
    if isinstance(operation, keras.layers.Average):
        logits = [_logits(each, nodes) for each in node.inputs]
        if all(logit is not each for logit, each in zip(logits, node.inputs)):
            return _added(Node(operation, (logits,), {}, logits), tensor, nodes)
    return tensor


def _added(node: Node, like: GraphTensor, nodes: list[Node]) -> GraphTensor:
    output = GraphTensor(like.shape, like.dtype, node)
    node.outputs = [output]
    nodes.append(node)
    return output


def _without_activation(dense: keras.layers.Dense) -> Callable[[Any], Any]:
    def call(inputs: Any) -> Any:
        kind = dense.compute_dtype
        product = keras.ops.matmul(keras.ops.cast(inputs, kind), keras.ops.cast(dense.kernel, kind))
        return product if dense.bias is None else product + keras.ops.cast(dense.bias, kind)

    return call


def _is_spatial(tensor: GraphTensor) -> bool:
    if len(tensor.shape) != 4:
        return False
    first = keras.config.image_data_format() == "channels_first"
    sides = tensor.shape[2:] if first else tensor.shape[1:3]
    return sides != (1, 1)


def _before_pooling(tensor: GraphTensor) -> GraphTensor:
    while (node := tensor.producer) is not None and "Pooling" in type(node.operation).__name__:
        (tensor,) = node.inputs
    return tensor
