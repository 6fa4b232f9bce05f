"""The versions of the packages that results depend on."""

from __future__ import annotations

import platform
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


def training_versions() -> dict[str, str]:
    """Return the versions that a training's result depends on, Keras's backend among them.

    Returns:
        Those of `package_versions` and of Python, with the backend that computes in place of
        TensorFlow.

    Example:
        >>> import keras
        >>> keras.backend.backend() in training_versions()
        True
    """
    import keras

    found = {"python": platform.python_version()} | package_versions()
    backend = keras.backend.backend()
    if backend != "tensorflow":
        found.pop("tensorflow", None)
        found[backend] = metadata.version(backend)
    return found
