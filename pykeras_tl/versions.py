"""The versions of the packages that results depend on."""

from __future__ import annotations

from importlib import metadata

_PACKAGES = ("pykeras-tl", "keras", "tensorflow", "numpy", "opencv-python-headless")


def package_versions() -> dict[str, str]:
    """Return the versions of this package and of those that its results depend on.

    Returns:
        A dictionary from distribution names to versions; those that are not installed are
        left out.

    Example:
        >>> import numpy as np
        >>> package_versions()["numpy"] == np.__version__
        True
    """
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
