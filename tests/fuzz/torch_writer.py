"""Writes torch files of the older kind by hand, which can hold what torch never writes.

Every function but the last returns instructions of a pickle.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterable

import numpy as np

HEAD = b"".join(
    pickle.dumps(each, protocol=2)
    for each in (
        0x1950A86A20F9469CFC6C,
        1001,
        {"protocol_version": 1001, "little_endian": True},
    )
)
DICTIONARY = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return pickle.dumps(value, protocol=2)[2:-1]


def group(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def storage(key: str = "0", length: int = 6, kind: str = "FloatStorage") -> bytes:
    described = text("storage"), f"ctorch\n{kind}\n".encode(), text(key), text("cpu")
    return group(*described, number(length), b"N") + b"Q"


def tensor(
    stored: bytes | None = None,
    offset: int = 0,
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
) -> bytes:
    sizes = (group(*map(number, each)) for each in (shape, strides))
    arguments = stored or storage(), number(offset), *sizes, b"\x89", DICTIONARY
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + group(*arguments) + b"R"


def state(**tensors: bytes) -> bytes:
    """A whole pickle."""
    entries = b"".join(text(name) + each for name, each in tensors.items())
    return b"\x80\x02" + DICTIONARY + b"(" + entries + b"u."


def numbers(values: Iterable[float], type_: str = "<f4") -> bytes:
    """The content of a storage."""
    array = np.array(list(values), type_)
    return struct.pack("<q", len(array)) + array.tobytes()


def whole_file(
    pickled: bytes, keys: Iterable[object] = ("0",), content: bytes | None = None
) -> bytes:
    stored = numbers(range(6)) if content is None else content
    return HEAD + pickled + pickle.dumps(list(keys), protocol=2) + stored
