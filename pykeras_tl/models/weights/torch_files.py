"""Reads arrays from torch files of the older kind, without torch and without running anything.

Such a file is a row of pickles (a magic number, a version, facts about the machine, a dictionary
that describes the tensors, the storages' keys), followed by the storages' raw bytes. Unpickling
calls what the file names. Here the pickles' instructions are interpreted instead: four names have
a meaning, and nothing is called.
"""

from __future__ import annotations

import io
import math
import os
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import numpy as np
from numpy.lib.stride_tricks import as_strided

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_TYPES: dict[str, np.dtype] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch LongStorage": np.dtype("<i8"),
}
_DICTIONARY, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_CONSTANTS = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_NUMBERS_AND_TEXTS = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"}
_MOST_PICKLE_BYTES = 1 << 20
_MOST_DIMENSIONS = 8
_LARGEST = 1 << 40


class _RefusedError(ValueError):
    """A file that is damaged or asks for what is not allowed."""


@dataclass(frozen=True)
class _Name:
    text: str


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    length: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_file(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a state dictionary from a torch file of the kind written before version 1.6.

    Args:
        path: A file such as `efficientnet-lite0-57934424.pth`.

    Returns:
        The tensors by name, as read-only arrays of type float32 or int64.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When the file is damaged, of the newer (zip) kind, or holds anything but
            tensors; or when a tensor lies outside its storage.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "empty.pth"
        >>> path.write_bytes(b"not a torch file")
        16
        >>> read_torch_file(path)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: ...empty.pth cannot be read as a torch file: it is damaged.

    Source:
        `torch.serialization._legacy_load`.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"Weights file {file} does not exist.")
    content = file.read_bytes()
    if content.startswith(b"PK"):
        raise ValueError(
            f"{file} is a torch file of the newer kind, which is not read. Save its tensors with "
            "safetensors.torch.save_file() and pass the .safetensors file."
        )
    try:
        return _read(content)
    except _RefusedError as error:
        raise ValueError(f"{file} cannot be read as a torch file: {error}.") from error
    except (ValueError, KeyError, IndexError) as error:  # From broken instructions.
        raise ValueError(f"{file} cannot be read as a torch file: it is damaged.") from error


def _read(content: bytes) -> dict[str, np.ndarray]:
    # Reading ends where the pickles may: a length in a pickle cannot ask for more.
    stream = io.BytesIO(content[:_MOST_PICKLE_BYTES])
    if _interpret(stream) != _MAGIC or _interpret(stream) != _PROTOCOL:
        _refuse("it does not begin as one")
    machine = _interpret(stream)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        _refuse("it was not written on a little-endian machine")
    described, keys = _interpret(stream), _interpret(stream)
    if not isinstance(described, dict):
        _refuse("it holds no state dictionary")
    tensors: dict[str, _Tensor] = {}
    for name, tensor in described.items():
        if not isinstance(tensor, _Tensor):
            _refuse(f"{name[:80]!r} is not a tensor")
        tensors[name] = tensor
    storages = _read_storages(content, stream.tell(), keys, tensors)
    return {
        name: as_strided(
            storages[tensor.storage.key][tensor.offset :],
            tensor.shape,
            [stride * tensor.storage.dtype.itemsize for stride in tensor.strides],
            writeable=False,
        )
        for name, tensor in tensors.items()
    }


def _read_storages(
    content: bytes, position: int, keys: Any, tensors: dict[str, _Tensor]
) -> dict[str, np.ndarray]:
    declared: dict[str, _Storage] = {}
    for tensor in tensors.values():
        storage = tensor.storage
        if declared.setdefault(storage.key, storage) != storage:
            _refuse(f"storage {storage.key[:80]!r} is described in two ways")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        _refuse("it has no list of storages")
    if len(keys) != len(declared) or set(keys) != set(declared):
        _refuse("its list of storages does not fit its tensors")
    storages = {}
    for key in keys:
        storage = declared[key]
        length = int.from_bytes(content[position : position + 8], "little", signed=True)
        position += 8
        if length != storage.length:
            _refuse(f"storage {key[:80]!r} has {length} numbers in place of {storage.length}")
        end = position + length * storage.dtype.itemsize
        if end > len(content):
            _refuse("it is truncated")
        storages[key] = np.frombuffer(content, storage.dtype, length, position)
        position = end
    return storages


def _interpret(stream: io.BytesIO) -> Any:
    """Follow one pickle's instructions to its end."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def take(count: int) -> list[Any]:
        if count > len(stack) - (marks[-1] if marks else 0):
            _refuse("it takes what is not there")
        taken = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return taken

    def take_marked() -> list[Any]:
        start = marks.pop()
        taken = stack[start:]
        del stack[start:]
        return taken

    argument: Any
    for opcode, argument, _ in pickletools.genops(stream):
        name = opcode.name
        if name in _NUMBERS_AND_TEXTS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "TUPLE":
            stack.append(tuple(take_marked()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(take(int(name[-1]))))
        elif name in ("APPEND", "APPENDS"):
            items = take(1) if name == "APPEND" else take_marked()
            _last(stack, list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = take(2) if name == "SETITEM" else take_marked()
            _set_items(_last(stack, dict), items)
        elif name == "GLOBAL":
            stack.append(_allowed(argument))
        elif name == "BINPERSID":
            stack.append(_storage(*take(1)))
        elif name == "REDUCE":
            stack.append(_call(*take(2)))
        elif name == "BUILD":
            # A state dictionary's metadata: versions of torch's modules, which nothing here needs.
            take(1)
            _last(stack, dict)
        elif name == "STOP":
            return take(1)[0]
        elif name != "PROTO":
            _refuse(f"it contains the instruction {name}, which is not allowed")
    _refuse("it is truncated")


def _last(stack: list[Any], kind: type) -> Any:
    if not stack or not isinstance(stack[-1], kind):
        _refuse(f"it changes what is no {kind.__name__}")
    return stack[-1]


def _set_items(target: dict[str, Any], items: list[Any]) -> None:
    names, values = items[::2], items[1::2]
    if len(names) != len(values) or not all(isinstance(name, str) for name in names):
        _refuse("it has entries without a name")
    target.update(zip(names, values))


def _allowed(name: str) -> _Name:
    if name not in (_DICTIONARY, _TENSOR, *_TYPES):
        _refuse(f"it asks for {name.replace(' ', '.')[:80]!r}, which is not allowed")
    return _Name(name)


def _call(called: Any, arguments: Any) -> Any:
    if called == _Name(_DICTIONARY) and arguments == ():
        return {}
    if called == _Name(_TENSOR) and isinstance(arguments, tuple):
        return _tensor(*arguments[:4])
    _refuse("it makes something other than tensors in a dictionary")


def _storage(described: Any) -> _Storage:
    match described:
        case ("storage", _Name(kind), str(key), str(), int(length), None):
            if kind in _TYPES and 0 <= length < _LARGEST:
                return _Storage(key, _TYPES[kind], length)
    _refuse("it describes a storage in an unknown way")


def _tensor(storage: Any = None, offset: Any = 0, shape: Any = (), strides: Any = ()) -> _Tensor:
    if (
        not isinstance(storage, _Storage)
        or not all(isinstance(each, tuple) for each in (shape, strides))
        or not len(shape) == len(strides) <= _MOST_DIMENSIONS
        or not all(
            type(number) is int and 0 <= number < _LARGEST for number in (offset, *shape, *strides)
        )
    ):
        _refuse("it describes a tensor in an unknown way")
    size = math.prod(shape)
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides))
    # The first: an array that repeats its storage could be of any size.
    if size > storage.length or (size and last >= storage.length):
        _refuse("it has a tensor that lies outside its storage")
    return _Tensor(storage, offset if size else 0, shape, strides)


def _refuse(reason: str) -> Never:
    raise _RefusedError(reason)
