"""Gradients between the symbolic tensors of a model, as `keras.backend.gradients` in Keras 2."""

from __future__ import annotations

from typing import Any

import keras

from ..keras_internals import functional_graph, nodes_in_order
from .autodiff import gradients_at


def layer_tensors(model: keras.Model, layer: keras.Layer) -> tuple[Any, Any]:
    """Return the symbolic input and output of a layer within a model.

    `layer.output` is that of the layer's first call, which is not the model's in a sequential
    model, since this calls its layers again whenever one is added.

    Args:
        model: A functional or sequential model that has been built.
        layer: A layer of it.

    Returns:
        The layer's input and output: a symbolic tensor each, or a list of them.

    Raises:
        ValueError: When the layer is not part of the model's graph.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> layer_tensors(model, model.layers[0])[1].shape
        (None, 2)
    """
    graph = functional_graph(model)
    for node in nodes_in_order(graph) if graph is not None else ():
        if node.operation is layer:
            inputs, outputs = node.input_tensors, node.outputs
            return _one_or_all(inputs), _one_or_all(outputs)
    raise ValueError(
        f"Expected a layer of a model that has been built. Received: {layer.name}, which is not in "
        "the model's graph. Give the first layer an input_shape."
    )


def _one_or_all(tensors: Any) -> Any:
    tensors = list(tensors)
    return tensors[0] if len(tensors) == 1 else tensors


def symbolic_gradients(loss: keras.KerasTensor, tensors: list[keras.KerasTensor]) -> list[Any]:
    """Make the gradients of a loss with respect to tensors that it is computed from.

    They are symbolic like their arguments: `keras.Function` computes their values, and
    `keras.ops` compute with them.

    Args:
        loss: A symbolic tensor of a functional model; the sum of its elements is derived.
        tensors: Symbolic tensors that the loss depends on, such as the model's input or the
            output of one of its layers.

    Returns:
        One symbolic tensor for each of `tensors`, of the same shape.

    Raises:
        TypeError: When one of the arguments is not a symbolic tensor.
        ValueError: When the loss does not depend on a tensor.

    Example:
        >>> import numpy as np
        >>> x = keras.Input((2,))
        >>> (gradient,) = symbolic_gradients(keras.ops.sum(x**2), [x])
        >>> keras.Function([x], [gradient])([np.array([[1.0, 3.0]])])[0].numpy().tolist()
        [[2.0, 6.0]]
    """
    for tensor in [loss, *tensors]:
        if not isinstance(tensor, keras.KerasTensor):
            raise TypeError(
                "Expected symbolic tensors, such as model.output and layer.output. Received: "
                f"{type(tensor).__name__}. For tensors that have values, use tf.GradientTape."
            )
    ours = {id(tensor) for tensor in tensors}
    others = [t for t in keras.utils.get_source_inputs(loss) if id(t) not in ours]
    try:
        function = keras.Function([*tensors, *others], loss)
    except ValueError as error:
        raise ValueError(f"Expected a loss that depends on the tensors. {error}") from None
    return list(_Gradients(function, len(tensors))(*tensors, *others))


def symbolic_shape(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Make the shape of a symbolic tensor, whose number of samples is known only with its values.

    Args:
        tensor: A symbolic tensor.

    Returns:
        A symbolic tensor of whole numbers, one for each dimension.

    Example:
        >>> import numpy as np
        >>> x = keras.Input((3,))
        >>> keras.Function([x], symbolic_shape(x))([np.zeros((5, 3))]).numpy().tolist()
        [5, 3]
    """
    return _Shape()(tensor)


class _Shape(keras.Operation):
    """The shape of a tensor."""

    def compute_output_spec(self, tensor: Any) -> keras.KerasTensor:
        return keras.KerasTensor((len(tensor.shape),), "int32")

    def call(self, tensor: Any) -> Any:
        return keras.ops.convert_to_tensor(keras.ops.shape(tensor), "int32")


class _Gradients(keras.Operation):
    """The gradients of a function with respect to its first arguments."""

    def __init__(self, function: keras.Function, count: int) -> None:
        super().__init__()
        self._function = function
        self._count = count

    def compute_output_spec(self, *tensors: Any) -> list[keras.KerasTensor]:
        return [keras.KerasTensor(t.shape, t.dtype) for t in tensors[: self._count]]

    def call(self, *tensors: Any) -> list[Any]:
        tensors = tuple(map(keras.ops.convert_to_tensor, tensors))
        return gradients_at(
            lambda *first: keras.ops.sum(self._function([*first, *tensors[self._count :]])),
            tensors[: self._count],
        )
