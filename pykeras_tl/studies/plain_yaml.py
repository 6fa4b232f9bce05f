"""Plain records as YAML, for people to read and write."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Reads plain values only; nothing that a file says is ever run."""


class _Dumper(yaml.SafeDumper):
    """Writes plain values only, what stands twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# PyYAML takes 1e-4 for text, as YAML 1.1 does; to people and to JSON it is a number.
for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def write_yaml(record: Any) -> str:
    """Write a record as YAML.

    Args:
        record: Dictionaries, lists, text, numbers, booleans and None.

    Returns:
        The text, keys in the record's own order.

    Example:
        >>> print(write_yaml({"epochs": 5, "layers": ["flatten"]}), end="")
        epochs: 5
        layers:
        - flatten
    """
    text: str = yaml.dump(record, Dumper=_Dumper, sort_keys=False)
    return text


def read_yaml(text: str) -> Any:
    """Read a record from YAML.

    Args:
        text: What `write_yaml` or a person wrote.

    Returns:
        The record.

    Raises:
        ValueError: When the text is no YAML, or asks for more than plain values.

    Example:
        >>> read_yaml("learning_rate: 1e-4")
        {'learning_rate': 0.0001}
    """
    try:
        # The loader is a safe one.
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"no plain YAML: {error}") from error
