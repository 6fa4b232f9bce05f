"""Folds batch normalization into the convolution before it, where its statistics are held.

Normalizing by fixed statistics multiplies and adds a number for each channel. The same numbers can
be put into the convolution's kernel and bias, a few thousand values, instead of being applied to
whole maps, and TensorFlow then runs convolution, bias and activation as one operation. Convolutions
with kernels of one pixel are matrix products, whose gradients TensorFlow computes faster as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from ..inference_batch_norm import InferenceBatchNormalization
from .depthwise_convolution import depthwise_convolution
from .nodes import GraphTensor, Node

_Convolution: TypeAlias = keras.layers.Conv2D | keras.layers.DepthwiseConv2D


def fold_batch_norm(
    nodes: Sequence[Node], outputs: Iterable[GraphTensor], inference: bool = False
) -> list[Node]:
    """Replace each convolution and the held batch normalization after it by one operation.

    Only on TensorFlow: XLA does so by itself.

    Args:
        nodes: The nodes of a graph, in order. They are not changed.
        outputs: The tensors that the graph returns.
        inference: Whether the graph is never run with `training=True`.

    Returns:
        The nodes to run instead. They use the same layers, and gradients reach their weights.

    Example:
        >>> from pykeras_tl.models import freeze_batch_norm
        >>> from pykeras_tl.models.graph.nodes import flat_graph
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        >>> graph = flat_graph(model)
        >>> len(fold_batch_norm(graph.nodes, [graph.outputs]))  # Its statistics are still learned.
        2
        >>> freeze_batch_norm(model)
        >>> len(fold_batch_norm(flat_graph(model).nodes, [graph.outputs]))
        1

    Source:
        Jacob et al., Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference, 2018, section 3.2.
    """
    if keras.backend.backend() != "tensorflow":
        return list(nodes)
    uses = Counter([*outputs, *(tensor for node in nodes for tensor in node.inputs)])
    present = set(nodes)
    folded: dict[Node, Node | None] = {}
    for node in nodes:
        source = node.inputs[0].producer if node.inputs else None
        if (
            source in present
            and uses[node.inputs[0]] == 1
            and _is_held(node.operation, inference)
            and _can_be_folded(source.operation, node.operation)
            and node.kwargs.get("mask") is None
        ):
            operation = _FoldedConvolution(source.operation, node.operation)
            folded[source] = Node(operation, source.args, {}, source.inputs, node.outputs)
            folded[node] = None
    return [each for node in nodes if (each := folded.get(node, node)) is not None]


def _is_held(layer: Any, inference: bool) -> bool:
    """Whether a layer is batch normalization that never uses the statistics of a batch."""
    kind = type(layer)
    return kind is InferenceBatchNormalization or (
        kind is keras.layers.BatchNormalization and (inference or not layer.trainable)
    )


def _can_be_folded(convolution: Any, normalization: Any) -> bool:
    """Whether a convolution's output is normalized by channel, and nothing else happens to it."""
    return (
        type(convolution) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and convolution.activation is keras.activations.linear
        and convolution.activity_regularizer is None
        and normalization.activity_regularizer is None
        and getattr(convolution, "groups", 1) == 1
        and convolution.data_format == "channels_last"
        and normalization.axis in (-1, 3)
        # Other types convert what they take.
        and {convolution.dtype_policy.name, normalization.dtype_policy.name} == {"float32"}
    )


@dataclass(frozen=True)
class _FoldedConvolution:
    convolution: _Convolution
    normalization: keras.layers.BatchNormalization

    @property
    def name(self) -> str:
        return self.convolution.name

    def __call__(self, inputs: Any) -> Any:
        import tensorflow as tf

        if self.convolution.compute_dtype != "float32":
            # In mixed precision, which layers are changed to later.
            return self.normalization(self.convolution(inputs))
        scale, offset = self._scale_and_offset()
        layer = self.convolution
        kernel = tf.convert_to_tensor(layer.kernel)
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            # One channel after another, each with its filters.
            kernel *= tf.reshape(scale, kernel.shape[2:])
            outputs = depthwise_convolution(
                inputs, kernel, layer.strides, layer.padding, layer.dilation_rate
            )
        elif (*layer.kernel_size, *layer.strides) == (1, 1, 1, 1):
            pixels = tf.reshape(inputs, [-1, kernel.shape[2]])
            outputs = tf.nn.bias_add(tf.matmul(pixels, kernel[0, 0] * scale), offset)
            return tf.reshape(outputs, tf.concat([tf.shape(inputs)[:3], [kernel.shape[3]]], 0))
        else:
            window = (layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
            outputs = keras.ops.conv(inputs, kernel * scale, *window)
        # A broadcast addition's gradient takes several times as long as that of `bias_add`.
        return tf.nn.bias_add(outputs, offset)

    def _scale_and_offset(self) -> tuple[Any, Any]:
        layer = self.normalization
        scale = keras.ops.rsqrt(layer.moving_variance + layer.epsilon)
        if layer.scale:
            scale *= layer.gamma
        offset = -scale * layer.moving_mean
        if layer.center:
            offset += layer.beta
        if self.convolution.use_bias:
            offset += scale * self.convolution.bias
        return scale, offset
