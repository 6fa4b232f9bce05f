"""Trains one set of weights on several devices: each computes a part of every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from ...images.iterators.base import Iterator as ImageIterator
from ..data_adapter import FitDataCallback
from .keras_internals import batches_placed_by_their_shape, set_layout, variables_of


@contextmanager
def distributed(
    model: keras.Model, fit_model: keras.Model, devices: Sequence[str], build: Callable[[], None]
) -> Iterator[None]:
    """Keep the variables that training changes on several devices, equal on all of them.

    Args:
        model: The user's model.
        fit_model: What Keras's `fit` is called on: the same model, or its head.
        devices: Their names; none for the one that Keras uses anyway.
        build: Builds the metrics of `fit_model`.
    """
    if not devices:
        yield
        return
    if not fit_model.optimizer.built:
        fit_model.optimizer.build(fit_model.trainable_variables)
    build()
    with compiled_anew(model, fit_model):
        if keras.backend.backend() == "jax":
            with _sharded(fit_model, devices):
                yield
        else:
            from .mirrored import mirrored

            with mirrored(fit_model, devices):
                yield


def equal_parts(devices: Sequence[str]) -> int:
    """Return into how many parts Keras cuts a batch before any of our code can place it."""
    return len(devices) if devices and keras.backend.backend() == "tensorflow" else 1


def metric_callbacks(
    fit_model: keras.Model,
    fit_data_callback: FitDataCallback,
    iterators: Mapping[str, ImageIterator],
    devices: Sequence[str],
) -> list[keras.callbacks.Callback]:
    """Return what corrects the metrics of batches that `equal_parts` cannot cut.

    Args:
        fit_model: What Keras's `fit` is called on.
        fit_data_callback: Knows the data that training draws from.
        iterators: The iterators over `"training"` and `"validation"` images.
        devices: The devices.

    Returns:
        Callbacks that come before all others.
    """
    if equal_parts(devices) == 1:
        return []
    from .mirrored import CountRepeatedOnce

    return [CountRepeatedOnce(fit_model, fit_data_callback, iterators, len(devices))]


@contextmanager
def compiled_anew(*models: keras.Model) -> Iterator[None]:
    """Let Keras compile the functions of models again, before and after something else holds.

    Args:
        *models: The models.
    """
    _forget_functions(models)
    try:
        yield
    finally:
        _forget_functions(models)


def _forget_functions(models: Sequence[keras.Model]) -> None:
    for model in models:
        model.train_function = model.test_function = model.predict_function = None


class _WholeOrEqualParts(keras.distribution.DataParallel):
    """Shares a batch among the devices; one that has no equal parts, each computes as a whole."""

    def get_data_layout(self, data_shape: Any) -> Any:
        layout = super().get_data_layout(data_shape)
        if data_shape[0] % self.num_model_replicas == 0:
            return layout
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


@contextmanager
def _sharded(fit_model: keras.Model, devices: Sequence[str]) -> Iterator[None]:
    distribution = _WholeOrEqualParts(devices=list(devices), auto_shard_dataset=False)
    for variable in variables_of(fit_model):
        set_layout(variable, distribution.get_variable_layout(variable))
    try:
        with distribution.scope(), batches_placed_by_their_shape():
            yield
    finally:
        for variable in variables_of(fit_model):
            set_layout(variable, None)
