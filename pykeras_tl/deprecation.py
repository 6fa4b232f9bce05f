"""Old public names, which still work and warn once."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

_warned: set[str] = set()


def with_old_names(
    package: str, new_names: Callable[[str], Any], old_names: Mapping[str, str]
) -> Callable[[str], Any]:
    """Extend a module's `__getattr__` by names that have changed.

    Args:
        package: Name of the module.
        new_names: Its `__getattr__`.
        old_names: Old name to the full new one, such as "pykeras_tl.generate_blood_cells".

    Returns:
        The extended `__getattr__`; an old name warns with FutureWarning at its first use.

    Example:
        >>> import warnings, pykeras_tl
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     pykeras_tl.draw_blood_cells is pykeras_tl.generate_blood_cells
        True
    """

    def find(name: str) -> Any:
        if name not in old_names:
            return new_names(name)
        new, old = old_names[name], f"{package}.{name}"
        if old not in _warned:
            _warned.add(old)
            warnings.warn(f"{old} is now {new}.", FutureWarning, stacklevel=2)
        module, _, attribute = new.rpartition(".")
        return getattr(importlib.import_module(module), attribute)

    return find


def no_other_name(name: str) -> Any:
    """Raise AttributeError, as a module without `__getattr__` does.

    Args:
        name: The name that was asked for.

    Raises:
        AttributeError: Always.
    """
    raise AttributeError(name)
