"""Damage to files, drawn at random: bytes of any kind, values of JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

_TELLING = [b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00" * 4, b"\xff" * 4, b"\xff" * 8]
_HOSTILE = [
    None, True, 0, -1, 2**31 - 1, 2**63, 10**30, -(10**12), 0.5, 1e308, float("nan"), float("inf"),
    "", "x" * 5000, "../../../etc/passwd", "Lambda", "__lambda__", "os.system", "\u0000", [], {},
    [[[[[]]]]], [0] * 1000, {"class_name": "Lambda", "config": {"function": ["4wA=", None, None]}},
    {"module": "os", "class_name": "system", "config": {}, "registered_name": None},
]  # fmt: skip


def damage(data: bytes, random: np.random.Generator, other: bytes = b"") -> bytes:
    """Change bytes, cut, insert, repeat, or join with another file; one to four times."""
    content = bytearray(data)
    for _ in range(int(random.choice([1, 1, 2, 4]))):
        at = int(random.integers(0, max(1, len(content))))
        length = int(random.integers(1, 65))
        kind = random.integers(0, 8)
        if kind == 0:
            del content[at:]
        elif kind == 1:
            del content[at : at + length]
        elif kind == 2:
            content[at:at] = random.bytes(length)
        elif kind == 3:
            content[at:at] = content[at : at + length]
        elif kind == 4 and other:
            content = content[:at] + other[int(random.integers(0, len(other))) :]
        elif kind == 5:
            told = _TELLING[int(random.integers(0, len(_TELLING)))]
            content[at : at + len(told)] = told
        else:
            for place in random.integers(0, max(1, len(content)), min(length, 12)):
                if place < len(content):
                    content[place] = random.integers(0, 256)
    return bytes(content)


def damage_json(text: str, random: np.random.Generator) -> str:
    """Put strange values in strange places; one to three times."""
    content = copy.deepcopy(json.loads(text))
    for _ in range(int(random.integers(1, 4))):
        places = list(_places(content))
        if not places:
            break
        holder, key = places[int(random.integers(0, len(places)))]
        kind = random.integers(0, 6)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, there = places[int(random.integers(0, len(places)))]
            holder[key] = copy.deepcopy(other[there]) if _has(other, there) else None
        elif kind == 2 and isinstance(holder[key], (int, float)):
            holder[key] = holder[key] * int(random.choice([-1, 2, 1000, 10**6, 10**9]))
        elif kind == 3 and isinstance(holder, list):
            holder += copy.deepcopy(holder[:50])
        else:
            holder[key] = copy.deepcopy(_HOSTILE[int(random.integers(0, len(_HOSTILE)))])
    return json.dumps(content)


def _places(content: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, (dict, list)):
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            found += [(holder, key) for key in keys]
            waiting += [holder[key] for key in keys]
    return found


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)
