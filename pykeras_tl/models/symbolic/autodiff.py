"""Gradients of a function of tensors, which `keras.ops` does not have, on each backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import keras


def gradients_at(function: Callable[..., Any], tensors: Sequence[Any]) -> list[Any]:
    """Compute the gradients of a function at given values of its arguments.

    Args:
        function: Takes as many tensors as are given, and returns a scalar tensor.
        tensors: The values, as tensors of the backend.

    Returns:
        One tensor for each of `tensors`, of the same shape.

    Raises:
        ValueError: If the function does not depend on one of them.

    Example:
        >>> x = keras.ops.convert_to_tensor([1.0, 3.0])
        >>> (gradient,) = gradients_at(lambda values: keras.ops.sum(values**2), [x])
        >>> keras.ops.convert_to_numpy(gradient).tolist()
        [2.0, 6.0]
    """
    gradients = _BACKENDS[keras.backend.backend()](function, tuple(tensors))
    if any(gradient is None for gradient in gradients):
        raise ValueError("Expected a loss that depends on the tensors. It does not.")
    return list(gradients)


def _tensorflow(function: Any, tensors: Any) -> Any:
    tensorflow = importlib.import_module("tensorflow")
    with tensorflow.GradientTape() as tape:
        tape.watch(tensors)
        loss = function(*tensors)
    return tape.gradient(loss, tensors)


def _jax(function: Any, tensors: Any) -> Any:
    return importlib.import_module("jax").grad(function, tuple(range(len(tensors))))(*tensors)


def _torch(function: Any, tensors: Any) -> Any:
    torch = importlib.import_module("torch")
    with torch.enable_grad():
        watched = [tensor.detach().requires_grad_() for tensor in tensors]
        return torch.autograd.grad(function(*watched), watched, allow_unused=True)


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
