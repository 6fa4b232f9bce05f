"""The one place that uses private parts of Keras, each with a contract test.

`tests/models/test_keras_internals.py` says what is expected of each, so that a new version of
Keras that changes one fails there first, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
from keras.src.backend.common import global_state
from keras.src.legacy.saving import json_utils, saving_options, saving_utils
from keras.src.models.functional import Functional
from keras.src.ops import numpy as numpy_operations
from keras.src.saving import serialization_lib
from keras.src.utils import tracking

# Layers of Keras's own backbones that are in none of its public modules.
APPLICATION_LAYERS: tuple[type[keras.Layer], ...] = (CustomScaleLayer, LayerScale)

# Where saved architectures say that functional models and operations come from: Keras's own
# modules, today's and those that earlier versions wrote.
FUNCTIONAL_MODULES = (Functional.__module__, "keras.src.models.functional")
OPERATION_MODULES = (numpy_operations.__name__, "keras.src.ops.numpy")


def functional_graph(model: Any) -> Any:
    """Return the functional graph that is all a model computes.

    Args:
        model: A model, or any other operation.

    Returns:
        The functional model; None for anything but Keras's own functional and sequential kinds.

    Example:
        >>> functional_graph(keras.layers.Dense(2)) is None
        True
    """
    kind = type(model)
    if not kind.__module__.startswith("keras."):
        return None
    if kind.__name__ == "Sequential":
        return model._functional
    return model if kind.__name__ == "Functional" else None


def nodes_in_order(function: Any) -> Iterator[Any]:
    """Yield a functional model's calls of operations in topological order.

    Args:
        function: What `functional_graph` returned.

    Yields:
        Keras's nodes, but for inputs: `operation`, `input_tensors`, `outputs` and
        `arguments.fill_in`.
    """
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if not node.is_input:
                yield node


def nested_layers(model: keras.Model) -> list[keras.Layer]:
    """List a model and all layers in it, those of nested models and wrappers too.

    Args:
        model: A model.

    Returns:
        The model first, then each layer once.

    Example:
        >>> len(nested_layers(keras.Sequential([keras.layers.Dense(2)])))
        2
    """
    return list(model._flatten_layers())


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Return the arguments that a model was compiled with, as objects.

    Args:
        model: A compiled model. (`get_compile_config` returns them serialized.)

    Returns:
        Name to value.
    """
    return dict(model._compile_config.config)


def compile_like(part: keras.Model, model: keras.Model) -> None:
    """Compile a part of a model with the model's own optimizer, loss and metric objects.

    So training the part updates the metrics that callbacks find on the model.

    Args:
        part: What is to be trained.
        model: The compiled model.
    """
    if hasattr(model, "output_names"):
        part.output_names = model.output_names
    arguments = {"optimizer": model.optimizer, "jit_compile": model.jit_compile}
    part.compile(**compile_arguments(model) | arguments, auto_scale_loss=False)
    with tracking.DotNotTrackScope():
        part._compile_loss = model._compile_loss
        part._compile_metrics = model._compile_metrics
        part._loss_tracker = model._loss_tracker


def sync_variables(model: keras.Model) -> None:
    """Give a model's variables their present values while Keras's `fit` runs.

    On JAX they are elsewhere within an epoch; what is assigned to them afterwards counts.

    Args:
        model: What Keras's `fit` is called on.
    """
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


@contextmanager
def synced_with(model: keras.Model, fit_model: keras.Model) -> Iterator[None]:
    """Let what Keras does to sync a model sync another one that is trained in its place.

    Callbacks read `self.model`, which syncs that model on JAX.

    Args:
        model: The model that callbacks see.
        fit_model: What Keras's `fit` is called on, sharing variables with `model`.
    """
    if model is fit_model or keras.backend.backend() != "jax":
        yield
        return
    model.jax_state_sync = fit_model.jax_state_sync
    try:
        yield
    finally:
        del model.jax_state_sync


def initial_epoch(model: keras.Model) -> Any:
    """Return the epoch that a callback has asked training to start at.

    Args:
        model: A model in training.

    Returns:
        The epoch, which `BackupAndRestore` sets; None when unset.
    """
    return model._initial_epoch


def set_initial_epoch(model: keras.Model, epoch: Any) -> None:
    """Ask the training of a model to start at an epoch.

    Args:
        model: A model in training.
        epoch: The epoch, or None.
    """
    model._initial_epoch = epoch


@contextmanager
def without_allocation() -> Iterator[None]:
    """Let models be built without allocating memory for their weights.

    In a stateless scope Keras only notes the shapes of weights, and creates them when the scope
    ends; here it forgets them before. Models that are built inside must not be used outside.
    """
    pending = global_state.get_global_attribute("uninitialized_variables", [])
    global_state.set_global_attribute("uninitialized_variables", [])
    with keras.StatelessScope():
        try:
            yield
        finally:
            global_state.set_global_attribute("uninitialized_variables", pending)


def legacy_model_builder(text: str, custom_objects: dict[str, Any]) -> Callable[[], keras.Model]:
    """Return a function that builds a model of an HDF5 file, as Keras's own loader does.

    Args:
        text: The architecture, as the file has it.
        custom_objects: Classes and functions by name.

    Returns:
        The builder; it runs in safe mode.
    """

    def build() -> keras.Model:
        legacy = saving_options.keras_option_scope(use_legacy_config=True)
        with legacy, serialization_lib.SafeModeScope(True):
            return saving_utils.model_from_config(
                json_utils.decode(text), custom_objects=custom_objects
            )

    return build


def download_arguments(error: BaseException) -> dict[str, Any] | None:
    """Return what `keras.utils.get_file` was called with when it failed.

    Keras's error does not always name the file.

    Args:
        error: What was raised.

    Returns:
        `origin`, `datadir`, `fname` and other local variables; None when the error did not come
        from a download.

    Example:
        >>> download_arguments(ValueError("something else")) is None
        True
    """
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "get_file" and "datadir" in trace.tb_frame.f_locals:
            return dict(trace.tb_frame.f_locals)
        trace = trace.tb_next
    return None
