"""Signatures of R functions as text, and what they are in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator


def split(text: str) -> list[str]:
    """Split at the commas that are not within brackets or quotes."""
    parts, depth, quote, begin = [], 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    parts.append(text[begin:])
    return [part.strip() for part in parts if part.strip()]


def arguments(text: str) -> dict[str, str | None]:
    """Return the arguments of a signature or a call with their values, None where none is given."""
    result: dict[str, str | None] = {}
    for part in split(text):
        name, equals, value = part.partition("=")
        result[name.strip()] = value.strip() if equals else None
    return result


def expand(text: str, macros: dict[str, str]) -> str:
    """Replace `@name` by the macro of that name, which may use others."""
    while "@" in text:
        text = re.sub(r"@(\w+)", lambda match: macros[match[1]], text)
    return text


def to_python(value: str) -> str:
    """Translate an R value: `c(2, 2)` to `(2, 2)`, `list(1)` to `[1]`, `TRUE` to `True`."""
    constants = {"TRUE": "True", "FALSE": "False", "NULL": "None"}
    if value in constants:
        return constants[value]
    match = re.fullmatch(r"(c|list)\((.*)\)", value)
    if not match:
        return value
    items = ", ".join(to_python(item) for item in split(match[2]))
    return f"({items})" if match[1] == "c" else f"[{items}]"


def to_r(value: str) -> str:
    """Return an R value with double quotes."""
    return value.replace("'", '"')


def wrapped(head: str, parts: list[str], tail: str, indent: int, width: int = 98) -> list[str]:
    """Lay out `head part, part, ... tail`, in one line if it fits, else filled lines."""
    line = f"{' ' * indent}{head}{', '.join(parts)}{tail}"
    if len(line) <= width:
        return [line]
    return [
        f"{' ' * indent}{head}",
        *(f"{' ' * (indent + 2)}{filled}" for filled in fill(parts, width - indent - 2)),
        f"{' ' * indent}{tail}",
    ]


def fill(parts: list[str], width: int) -> Iterator[str]:
    """Yield lines of parts with commas."""
    line = ""
    for number, part in enumerate(parts):
        text = part + ("," if number < len(parts) - 1 else "")
        if line and len(line) + 1 + len(text) > width:
            yield line
            line = text
        else:
            line = f"{line} {text}" if line else text
    if line:
        yield line
