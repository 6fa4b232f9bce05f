"""Training in mixed precision: layers compute in 16 bits, weights keep 32."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from ...models.keras_internals import functional_graph, nested_layers, nodes_in_order
from .augmentation_layer import AugmentationLayer
from .distribution import compiled_anew
from .selection import accelerated

_POLICIES = ("mixed_bfloat16", "mixed_float16")


def check_mixed_precision(model: keras.Model, policy: str | None) -> None:
    """Check that a model can be trained in mixed precision; warn where that is slower.

    Args:
        model: The compiled model.
        policy: The name of the policy, or None.

    Raises:
        ValueError: When the policy is unknown, or the loss would be too small for 16 bits.
    """
    if policy is None:
        return
    if policy not in _POLICIES:
        raise ValueError(
            f"Expected `mixed_precision` to be one of {_POLICIES} or None. Received: {policy!r}."
        )
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    if policy == "mixed_float16" and not scaled:
        raise ValueError(
            "Expected a keras.optimizers.LossScaleOptimizer with mixed_precision='mixed_float16', "
            f"since gradients can be too small for 16 bits. Received: "
            f"{type(model.optimizer).__name__}. Compile the model with "
            "LossScaleOptimizer(optimizer), or use 'mixed_bfloat16'."
        )
    if not accelerated():
        warnings.warn(
            f"Keras computes on a CPU here, where mixed_precision={policy!r} is slower than 32 "
            "bits. Leave it out but on GPUs and TPUs.",
            stacklevel=3,
        )


@contextmanager
def computing_in(model: keras.Model, policy: str | None) -> Iterator[None]:
    """Let a model's layers compute in mixed precision.

    The layers that augment or scale pixels and those that return the output go on with 32 bits,
    as do layers that have another policy already.

    Args:
        model: The model.
        policy: The name of the policy; None changes nothing.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
        >>> with computing_in(model, "mixed_bfloat16"):
        ...     [layer.compute_dtype for layer in model.layers]
        ['bfloat16', 'float32']
    """
    if policy is None:
        yield
        return
    changed = [layer for layer in _layers_to_change(model) if layer.dtype_policy.name == "float32"]
    for layer in changed:
        layer.dtype_policy = keras.dtype_policies.DTypePolicy(policy)
    try:
        with compiled_anew(model):
            yield
    finally:
        for layer in changed:
            layer.dtype_policy = keras.dtype_policies.DTypePolicy("float32")


def _layers_to_change(model: keras.Model) -> list[keras.Layer]:
    kept = _output_layers(model)
    # A model itself computes nothing, but converts what is passed to its first layer.
    not_changed = (
        keras.Model,
        keras.layers.Rescaling,
        keras.layers.Normalization,
        AugmentationLayer,
    )
    return [
        layer
        for layer in nested_layers(model)
        if layer not in kept and not isinstance(layer, not_changed)
    ]


def _output_layers(model: keras.Model) -> list[keras.Layer]:
    """Return the layers that return a model's output; of nested models, theirs too."""
    graph = functional_graph(model)
    if graph is None:
        layers = model.layers[-1:]
    else:
        # Not by `output_names`: a model that augments its images itself has those of the user's.
        outputs = {id(tensor) for tensor in graph.outputs}
        layers = [
            node.operation
            for node in nodes_in_order(graph)
            if outputs & {id(tensor) for tensor in node.outputs}
        ]
    found = []
    for layer in layers:
        found += [layer, *(_output_layers(layer) if isinstance(layer, keras.Model) else [])]
    return found
