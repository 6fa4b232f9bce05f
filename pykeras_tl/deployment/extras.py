"""Packages that are installed with an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(name: str, extra: str) -> Any:
    """Import a package, or say how it is installed.

    Args:
        name: The module.
        extra: The extra of pykeras-tl that installs it.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: If it is not installed.

    Example:
        >>> need("no_such_package", "hub")
        Traceback (most recent call last):
            ...
        ModuleNotFoundError: Expected the package no_such_package. Install it:
        pip install "pykeras-tl[hub]".
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f'Expected the package {name}. Install it: pip install "pykeras-tl[{extra}]".'
        ) from error
