"""Private parts of Keras that training on several devices needs, each with a contract test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


def variables_of(fit_model: keras.Model) -> list[keras.Variable]:
    """Return all variables that training may change, each once.

    Args:
        fit_model: What Keras's `fit` is called on, built and compiled.
    """
    found = [
        *fit_model.variables,
        *fit_model.optimizer.variables,
        *fit_model.metrics_variables,
    ]
    return list({id(each): each for each in found}.values())


def replace_value(variable: keras.Variable, value: Any) -> None:
    """Let a variable of Keras hold another variable of TensorFlow.

    Args:
        variable: Keras's variable.
        value: TensorFlow's variable.
    """
    variable._value = value


def set_layout(variable: keras.Variable, layout: Any) -> None:
    """Place a variable's value, now and whenever it is assigned; only on JAX.

    Args:
        variable: The variable.
        layout: A layout of Keras; None for the default device.
    """
    value = keras.ops.convert_to_numpy(variable)
    variable._layout = layout
    variable.assign(value)


def use_strategy(optimizer: keras.Optimizer, strategy: Any) -> None:
    """Let an optimizer update variables under another strategy; only on TensorFlow.

    Under several devices, it clips the gradient of the whole batch. Keras clips each device's.

    Args:
        optimizer: The optimizer, built; its variables have been replaced.
        strategy: A strategy of `tf.distribute`.
    """
    for each in {optimizer, getattr(optimizer, "inner_optimizer", optimizer)}:
        each._distribution_strategy = strategy
        if hasattr(each, "_trainable_variables_indices"):
            each._trainable_variables_indices = {
                each._var_key(variable): index
                for index, variable in enumerate(each._trainable_variables)
            }
        for name in ("_clip_gradients", "_all_reduce_sum_gradients"):
            vars(each).pop(name, None)
        clips = any((each.clipnorm, each.global_clipnorm, each.clipvalue))
        if clips and strategy.num_replicas_in_sync > 1:
            _sum_before_clipping(each)


def _sum_before_clipping(optimizer: Any) -> None:
    clip, add_up = optimizer._clip_gradients, optimizer._all_reduce_sum_gradients

    def clip_sums(gradients: list[Any]) -> Any:
        pairs = add_up(list(zip(gradients, optimizer._trainable_variables)))
        return clip([gradient for gradient, _ in pairs])

    optimizer._clip_gradients = clip_sums
    optimizer._all_reduce_sum_gradients = list


@contextmanager
def batches_placed_by_their_shape() -> Iterator[None]:
    """Place each batch by its own shape; only on JAX.

    Keras places all batches of an epoch like the first one, and a last one of fewer images fails.
    With several processes, each has all images of a batch, and gives its devices their part.
    """
    import jax
    from keras.src.backend.jax.trainer import JAXEpochIterator

    def placed(self: Any, distribution: Any) -> Iterator[Any]:
        def place(array: Any) -> Any:
            layout = distribution.get_data_layout(array.shape).backend_layout
            return jax.make_array_from_callback(array.shape, layout, array.__getitem__)

        for batch in self.data_adapter.get_jax_iterator():
            yield keras.tree.map_structure(
                lambda array: None if array is None else place(array), batch
            )

    original = JAXEpochIterator._get_distributed_iterator
    JAXEpochIterator._get_distributed_iterator = placed
    try:
        yield
    finally:
        JAXEpochIterator._get_distributed_iterator = original
