"""Losses that use tensors of the model beside its output, as Keras 2 allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def use_symbolic_loss(model: keras.Model, loss: Callable[[Any, Any], Any]) -> None:
    """Have a model trained with a loss that uses symbolic tensors of its graph.

    The variational autoencoders of Keras 2 do so: their loss computes with the tensors `z_mean` and
    `z_log_var` of the encoder. Keras 3 refuses symbolic tensors when it calls a loss. Here the loss
    is called once with symbolic tensors, and its value is computed from the model's input.

    Args:
        model: A functional model with one output, compiled with any loss, which is replaced.
        loss: A function of `y_true` and `y_pred` that computes with Keras's operations.

    Raises:
        ValueError: When the model has several outputs, or the loss uses tensors that are not
            computed from the model's inputs.

    Example:
        >>> import numpy as np
        >>> x = keras.Input((2,))
        >>> code = keras.layers.Dense(1, kernel_initializer="ones")(x)
        >>> model = keras.Model(x, keras.layers.Dense(2, kernel_initializer="zeros")(code))
        >>> model.compile("sgd", "mse")
        >>> use_symbolic_loss(model, lambda y_true, y_pred: code**2 + y_pred - y_true)
        >>> data = np.ones((4, 2))
        >>> model.evaluate(data, data, verbose=0)
        3.0
    """
    if len(model.outputs) != 1:
        raise ValueError(
            "Expected a model with one output for a loss that uses tensors of the model. Received: "
            f"{len(model.outputs)} outputs."
        )
    output = model.outputs[0]
    y_true, y_pred = (keras.Input(batch_shape=output.shape, dtype=output.dtype) for _ in range(2))
    value = loss(y_true, y_pred)
    positions = {id(tensor): position for position, tensor in enumerate(model.inputs)}
    ours = {id(y_true), id(y_pred)}
    sources = [t for t in keras.utils.get_source_inputs(value) if id(t) not in ours]
    foreign = [tensor.name for tensor in sources if id(tensor) not in positions]
    if foreign:
        raise ValueError(
            "Expected a loss of tensors that are computed from the model's inputs. Received: some "
            f"that are computed from {', '.join(foreign)}."
        )
    function = keras.Function([*sources, y_true, y_pred], value)
    names = [tensor.name for tensor in model.inputs]

    def compute_loss(
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        given = [x[name] for name in names] if isinstance(x, dict) else keras.tree.flatten(x)
        y = keras.ops.cast(y, output.dtype)
        if len(y.shape) < len(output.shape):
            y = keras.ops.expand_dims(y, -1)
        values = function([*(given[positions[id(t)]] for t in sources), y, y_pred])
        return keras.ops.mean(values if sample_weight is None else values * sample_weight)

    model.compute_loss = compute_loss


def use_compiled_loss(model: keras.Model) -> None:
    """Undo `use_symbolic_loss`, before the model is compiled anew or trained.

    Args:
        model: A model.

    Example:
        >>> use_compiled_loss(keras.Sequential())
    """
    vars(model).pop("compute_loss", None)
