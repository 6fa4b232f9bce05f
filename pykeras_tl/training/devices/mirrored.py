"""Training on several devices with TensorFlow's MirroredStrategy."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras

from ...images.iterators.base import Iterator
from ...models.keras_internals import nested_layers
from ..data_adapter import FitDataCallback
from .keras_internals import replace_value, use_strategy, variables_of
from .selection import has_uneven_batch


@contextmanager
def mirrored(fit_model: keras.Model, devices: Sequence[str]) -> Generator[None]:
    """Replace a model's variables by mirrored ones, and compute under a `MirroredStrategy`.

    A model need not have been made under the strategy. Batch normalization takes the statistics
    of a whole batch, as on one device.

    Args:
        fit_model: What Keras's `fit` is called on; the optimizer and the metrics are built.
        devices: Their names, such as `["gpu:0", "gpu:1"]`.
    """
    import tensorflow as tf

    strategy = _strategy(*devices)
    before = tf.distribute.get_strategy()
    plain = {id(variable): variable.value for variable in variables_of(fit_model)}
    jit_compile = fit_model.jit_compile
    alone = [
        layer
        for layer in nested_layers(fit_model)
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    # What layers assign while they compute: statistics, and the state of random numbers.
    assigned = {id(variable) for variable in fit_model.non_trainable_variables}
    with strategy.scope():
        for variable in variables_of(fit_model):
            value = _tensorflow_variable(variable, id(variable) in assigned)
            replace_value(variable, value)
    use_strategy(fit_model.optimizer, strategy)
    # XLA does not compile what several devices compute together.
    fit_model.jit_compile = False
    for layer in alone:
        layer.synchronized = True
    try:
        with strategy.scope():
            yield
    finally:
        for variable in variables_of(fit_model):
            value = variable.numpy()
            one = plain.get(id(variable))
            if one is None:
                one = _tensorflow_variable(variable, assigned=False)
            one.assign(value)
            replace_value(variable, one)
        use_strategy(fit_model.optimizer, before)
        fit_model.jit_compile = jit_compile
        for layer in alone:
            layer.synchronized = False


@cache
def _strategy(*devices: str) -> Any:
    """Return the one strategy for some devices: TensorFlow confuses the sums of a second one."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([f"/{name.upper()}" for name in devices])


def _tensorflow_variable(variable: keras.Variable, assigned: bool) -> Any:
    import tensorflow as tf

    aggregation = variable.aggregation
    if aggregation == "none" and assigned:
        is_float = variable.value.dtype.is_floating
        aggregation = "mean" if is_float else "only_first_replica"
    return tf.Variable(
        variable.numpy(),
        trainable=variable.trainable,
        dtype=variable.value.dtype,
        name=variable.name,
        aggregation=getattr(tf.VariableAggregation, aggregation.upper()),
        synchronization=getattr(tf.VariableSynchronization, variable.synchronization.upper()),
    )


class CountRepeatedOnce(keras.callbacks.Callback):
    """Lets metrics count a batch once that every device computes as a whole.

    That is the last batch of an epoch, where its images cannot be shared equally. The gradient is
    a mean over the devices, but metrics are sums.

    Args:
        fit_model: What Keras's `fit` is called on.
        fit_data_callback: Knows the data that training draws from.
        iterators: The iterators over `"training"` and `"validation"` images.
        devices: Number of devices.
    """

    def __init__(
        self,
        fit_model: keras.Model,
        fit_data_callback: FitDataCallback,
        iterators: Mapping[str, Iterator],
        devices: int,
    ) -> None:
        super().__init__()
        self._fit_model = fit_model
        self._fit_data_callback = fit_data_callback
        self._devices = devices
        self._uneven = {
            name: len(iterator) - 1
            for name, iterator in iterators.items()
            if has_uneven_batch(iterator, devices)
        }
        self._before: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note what metrics are before such a batch."""
        training = self._fit_data_callback.fit_data.training
        if training is not None and training.state().batch_index == self._uneven.get("training"):
            self._note()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Correct the metrics after such a batch."""
        self._correct()

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note what metrics are before such a batch; each validation begins with the first."""
        if batch == self._uneven.get("validation"):
            self._note()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Correct the metrics after such a batch."""
        self._correct()

    def _note(self) -> None:
        self._before = [variable.numpy() for variable in self._fit_model.metrics_variables]

    def _correct(self) -> None:
        for variable, before in zip(self._fit_model.metrics_variables, self._before):
            variable.assign(before + (variable.numpy() - before) / self._devices)
        self._before = []
