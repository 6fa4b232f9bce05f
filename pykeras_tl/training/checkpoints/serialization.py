"""Serialization of plain values and arrays, without pickle."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from numpy.lib import format as npy

# Those that Keras's callbacks compare with; a file may name no other.
_OPERATIONS = {"less": keras.ops.less, "greater": keras.ops.greater}
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class UnknownValueError(ValueError):
    """Raised for a value that is neither plain, nor an array, nor made of these."""


def serialize_state(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Convert a value to what JSON can hold, and collect its arrays.

    Args:
        value: A number, string, None, NumPy array, `keras.ops.less` or `greater`, or tuples, lists
            and dictionaries of these.
        name: Prefix of its arrays' names.
        arrays: The arrays are added to this.

    Returns:
        What `deserialize_state` takes.

    Raises:
        UnknownValueError: When it contains something else.

    Example:
        >>> arrays = {}
        >>> value = {"best": 0.5, "weights": [np.zeros(2)]}
        >>> serialized = serialize_state(value, "callback", arrays)
        >>> list(arrays), deserialize_state(serialized, arrays)
        (['callback 3 0'], {'best': 0.5, 'weights': [array([0., 0.])]})
    """
    found: dict[str, np.ndarray] = {}
    try:
        serialized = _serialize(value, name, found)
    except RecursionError:
        raise UnknownValueError("circular reference") from None
    arrays.update(found)
    return serialized


def deserialize_state(serialized: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Restore a serialized value.

    Args:
        serialized: What `serialize_state` returned.
        arrays: The arrays by name.

    Returns:
        The value.

    Raises:
        KeyError: When it names an unknown array or function.
    """
    if not isinstance(serialized, dict):
        return serialized
    kind, content = serialized["kind"], serialized["content"]
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


def _serialize(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
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
        raise UnknownValueError(f"a {type(value).__name__} cannot be serialized")
    content = [_serialize(part, f"{name} {number}", arrays) for number, part in enumerate(parts)]
    return {"kind": type(value).__name__, "content": content}


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the arrays that `np.savez` wrote.

    No objects are created from the file, and no more memory is allocated than the file is long.

    Args:
        path: The file.

    Returns:
        The arrays by name.

    Raises:
        OSError: When the file cannot be read.
        ValueError: When it is damaged, contains anything but numbers and text, or claims to
            contain more than it does.

    Example:
        >>> np.savez("two.npz", weights=np.ones(2), steps=np.array(7))
        >>> sorted(read_arrays("two.npz"))
        ['steps', 'weights']
    """
    file_name = Path(path)
    try:
        with zipfile.ZipFile(file_name) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > file_name.stat().st_size:
                raise ValueError(
                    f"{file_name.name} claims to contain {size:,} bytes, more than its size"
                )
            for member in archive.infolist():
                with archive.open(member) as file:
                    _check_header(file, member)
        with np.load(file_name, allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{file_name.name} is damaged: {error}") from error


def _check_header(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    read_header = _HEADERS.get(npy.read_magic(file))
    if read_header is None:
        raise ValueError(f"{member.filename} is not an array of a known format")
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{member.filename} contains objects, which are never read")
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(
            f"{member.filename} claims shape {shape} of {dtype}, more than it contains"
        )
