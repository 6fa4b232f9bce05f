"""Values as JSON and arrays, and back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

# Those that Keras's callbacks compare with; a file may name no other.
_OPERATIONS = {"less": keras.ops.less, "greater": keras.ops.greater}


class UnknownValueError(ValueError):
    """A value that is neither plain, nor an array, nor made of these."""


def serialize_state(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Turn a value into what JSON can hold, and put its arrays aside.

    Args:
        value: A number, text, `None`, NumPy array, `keras.ops.less` or `greater`, or tuples, lists
            and dictionaries of these.
        name: The beginning of its arrays' names.
        arrays: Receives the arrays.

    Returns:
        What `deserialize_state` takes.

    Raises:
        UnknownValueError: When it holds something else.

    Example:
        >>> arrays = {}
        >>> packed = serialize_state({"best": 0.5, "weights": [np.zeros(2)]}, "callback", arrays)
        >>> list(arrays), deserialize_state(packed, arrays)
        (['callback 3 0'], {'best': 0.5, 'weights': [array([0., 0.])]})
    """
    found: dict[str, np.ndarray] = {}
    try:
        packed = _packed(value, name, found)
    except RecursionError:
        raise UnknownValueError("it holds itself") from None
    arrays.update(found)
    return packed


def deserialize_state(packed: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Give the value that was packed.

    Args:
        packed: What `serialize_state` gave.
        arrays: The arrays by name.

    Returns:
        The value.

    Raises:
        KeyError: When it names an array or a function that is not there.
    """
    if not isinstance(packed, dict):
        return packed
    kind, content = packed["kind"], packed["content"]
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "operation":
        return _OPERATIONS[content]
    values = [deserialize_state(each, arrays) for each in content]
    if kind == "dict":
        return dict(zip(values[::2], values[1::2]))
    return tuple(values) if kind == "tuple" else values


def _packed(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        arrays[name] = np.array(value)
        return {"kind": "array" if isinstance(value, np.ndarray) else "scalar", "content": name}
    for operation, function in _OPERATIONS.items():
        if value is function:
            return {"kind": "operation", "content": operation}
    if type(value) is dict:
        parts = [part for item in value.items() for part in item]
    elif type(value) in (tuple, list):
        parts = list(value)
    else:
        raise UnknownValueError(f"a {type(value).__name__} cannot be packed")
    content = [_packed(part, f"{name} {number}", arrays) for number, part in enumerate(parts)]
    return {"kind": type(value).__name__, "content": content}
