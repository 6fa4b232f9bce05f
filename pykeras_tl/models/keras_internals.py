"""The only module that uses private parts of Keras.

`tests/models/test_keras_internals.py` states what is expected of each, so that a new version of
Keras that changes one fails there first, with a message that names it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import keras
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
from keras.src.backend import config as keras_config
from keras.src.backend.common import global_state
from keras.src.legacy.preprocessing import sequence as sequence_functions
from keras.src.legacy.preprocessing import text as text_functions
from keras.src.legacy.saving import json_utils, legacy_h5_format, saving_options, saving_utils
from keras.src.models.functional import Functional
from keras.src.ops import numpy as numpy_operations
from keras.src.saving import serialization_lib
from keras.src.utils import tracking

# Layers of Keras's own backbones that have no public name.
APPLICATION_LAYERS: tuple[type[keras.Layer], ...] = (CustomScaleLayer, LayerScale)

# The tokenizer and its relatives, which Keras 3 keeps without a public name, for R scripts.
TEXT = text_functions
SEQUENCE = sequence_functions

# The modules that saved architectures name for functional models and for operations, which have no
# public name: the installed Keras's first, then those that earlier versions wrote.
FUNCTIONAL_MODULES = (Functional.__module__, "keras.src.models.functional")
OPERATION_MODULES = (numpy_operations.__name__, "keras.src.ops.numpy")


def functional_graph(model: Any) -> Any:
    """Return the functional graph of a functional or sequential model.

    Args:
        model: A model, or any other operation.

    Returns:
        The functional model; None for anything else, subclasses included, because they may compute
        more than their graph.

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
        Keras's nodes except the inputs, with `operation`, `input_tensors`, `outputs` and
        `arguments.fill_in`.
    """
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if not node.is_input:
                yield node


def nested_layers(model: keras.Model) -> list[keras.Layer]:
    """List a model and all its layers, including those of nested models and wrappers.

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

    The public `get_compile_config` returns them serialized.

    Args:
        model: A compiled model.

    Returns:
        The arguments by name.
    """
    return dict(model._compile_config.config)


@contextmanager
def kept_compile_config(model: keras.Model) -> Iterator[None]:
    """Keep what a model was compiled with while Keras saves it as HDF5, which drops the optimizer.

    Args:
        model: A model, compiled or not.

    Yields:
        Nothing.
    """
    config = getattr(model, "_compile_config", None)
    kept = dict(config.config) if config is not None else {}
    try:
        yield
    finally:
        if config is not None:
            config.config.update(kept)


def compile_like(part: keras.Model, model: keras.Model) -> None:
    """Compile a part of a model with the model's own optimizer, loss and metric objects.

    Training the part then updates the metrics that callbacks find on the model. The optimizer is
    built on the model, so that it is saved and loaded with that.

    Args:
        part: The part to train.
        model: The compiled model.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    # A sequential model has one output, and its name is read-only where Keras 2 is imitated.
    if hasattr(model, "output_names") and not isinstance(part, keras.Sequential):
        part.output_names = model.output_names
    arguments = {"optimizer": model.optimizer, "jit_compile": model.jit_compile}
    part.compile(**compile_arguments(model) | arguments, auto_scale_loss=False)
    with tracking.DotNotTrackScope():
        part._compile_loss = model._compile_loss
        part._compile_metrics = model._compile_metrics
        part._loss_tracker = model._loss_tracker


def variables_unknown_to_optimizer(model: keras.Model) -> list[Any]:
    """List the trainable variables that a model's optimizer cannot update.

    Keras trains on without them, or stops with a message about the first one's values.

    Args:
        model: A compiled model.

    Returns:
        Those of layers that were unfrozen after training began; none before it did.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if optimizer is None or not optimizer.built:
        return []
    known = {id(variable) for variable in optimizer._trainable_variables}
    return [variable for variable in model.trainable_variables if id(variable) not in known]


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


@contextmanager
def pausable_fit(model: keras.Model, pause: type[Exception]) -> Iterator[None]:
    """Allow an exception to leave Keras's `fit` between two parts of one training.

    On JAX, Keras replaces the weights by the optimizer's averages even after an exception. Also,
    weights and averages are then the same arrays, which fails in the next `fit`.

    Args:
        model: The model that `fit` is called on.
        pause: The exception; it leaves the weights as they are.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    optimizer = model.optimizer
    weights = {id(weight.value) for weight in model.trainable_variables}
    for variable in optimizer.variables:
        if id(variable.value) in weights:
            variable.assign(keras.ops.copy(variable.value))
    finalize = optimizer.finalize_variable_values

    def finalize_unless_paused(variables: list[keras.Variable]) -> None:
        if not isinstance(sys.exception(), pause):
            finalize(variables)

    optimizer.finalize_variable_values = finalize_unless_paused
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


@cache
def backend_optimizers() -> frozenset[tuple[str, str]]:
    """Return the classes that public optimizers are replaced by on the running backend.

    On torch, `keras.optimizers.Adam` makes an object of a class that has no public name, and a
    saved model names that class.

    Returns:
        The module and name of each class; none on TensorFlow and JAX.
    """
    public: list[Any] = [each for each in vars(keras.optimizers).values() if isinstance(each, type)]
    made = {type(each.__new__(each)) for each in public} - set(public)
    return frozenset((each.__module__, each.__name__) for each in made)


def initial_epoch(model: keras.Model) -> Any:
    """Return the epoch at which a callback has requested training to start.

    Args:
        model: A model in training.

    Returns:
        The epoch as set by `BackupAndRestore`, or None.
    """
    return model._initial_epoch


def set_initial_epoch(model: keras.Model, epoch: Any) -> None:
    """Request the training of a model to start at an epoch.

    Args:
        model: A model in training.
        epoch: The epoch, or None.
    """
    model._initial_epoch = epoch


@contextmanager
def without_allocation() -> Iterator[None]:
    """Allow building models without allocating memory for their weights.

    In a stateless scope Keras records the shapes of weights and allocates them when the scope ends;
    here the records are discarded before that. Models built inside must not be used outside.
    """
    pending = global_state.get_global_attribute("uninitialized_variables", [])
    global_state.set_global_attribute("uninitialized_variables", [])
    with keras.StatelessScope():
        try:
            yield
        finally:
            global_state.set_global_attribute("uninitialized_variables", pending)


def legacy_model_builder(text: str, custom_objects: dict[str, Any]) -> Callable[[], keras.Model]:
    """Return a function that builds the model of an HDF5 file as Keras's own loader does.

    Args:
        text: The architecture, as stored in the file.
        custom_objects: Classes and functions by name.

    Returns:
        The function; it builds in safe mode.
    """

    def build() -> keras.Model:
        legacy = saving_options.keras_option_scope(use_legacy_config=True)
        with legacy, serialization_lib.SafeModeScope(True):
            return saving_utils.model_from_config(
                json_utils.decode(text), custom_objects=custom_objects
            )

    return build


def load_hdf5_weights(model: keras.Model, group: Any) -> None:
    """Set a model's weights to those that an HDF5 file stores in the order of its layers.

    Args:
        model: A built model.
        group: The group of an open HDF5 file that has the attribute `layer_names`.

    Raises:
        ValueError: When the weights do not fit the model.
    """
    legacy_h5_format.load_weights_from_hdf5_group(group, model)


def load_hdf5_weights_by_name(model: keras.Model, group: Any, skip_mismatch: bool) -> None:
    """Set the weights of those layers whose names an HDF5 file has.

    Args:
        model: A built model.
        group: As for `load_hdf5_weights`.
        skip_mismatch: Whether layers with weights of another shape keep theirs.

    Raises:
        ValueError: When the weights do not fit a layer.
    """
    legacy_h5_format.load_weights_from_hdf5_group_by_name(group, model, skip_mismatch)


def hdf5_names(group: Any, attribute: str) -> list[str]:
    """Return the names in an attribute of an HDF5 file, which Keras splits when it is long.

    Args:
        group: A group of an open HDF5 file.
        attribute: `"layer_names"` or `"weight_names"`.

    Returns:
        The names; none when there is no such attribute.
    """
    return list(legacy_h5_format.load_attributes_from_hdf5_group(group, attribute))


def download_arguments(error: BaseException) -> dict[str, Any] | None:
    """Return the local variables of `keras.utils.get_file` when a download failed.

    Keras's error does not always name the file, its address or the target folder.

    Args:
        error: The raised error.

    Returns:
        `origin`, `datadir`, `fname` and other variables; None when the error was not raised by a
        download.

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


def weights_folder() -> Path:
    """Return the folder into which Keras downloads the weights of its backbones.

    Returns:
        Usually `~/.keras/models`. It need not exist.

    Example:
        >>> weights_folder().name
        'models'
    """
    home = Path(keras_config.keras_home()).expanduser()
    if not os.access(home, os.W_OK):
        temporary = Path("/tmp")
        home = (temporary if temporary.is_dir() else Path(tempfile.gettempdir())) / ".keras"
    return home / "models"
