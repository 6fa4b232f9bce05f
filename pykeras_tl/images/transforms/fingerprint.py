"""Digest of a generator's standardization, for cache keys and checkpoints."""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import numpy as np

_SETTINGS = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
    "rescale",
)
_STATISTICS = ("mean", "std", "zca_whitening_matrix")


def standardization_fingerprint(iterator: Any) -> str:
    """Return a digest of how an iterator standardizes images.

    Args:
        iterator: An image iterator; its `image_data_generator`, `dtype` and `data_format` count.

    Returns:
        Hexadecimal digits.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> def fingerprint(**settings):
        ...     iterator = ImageDataGenerator(**settings).flow(np.zeros((1, 2, 2, 3)))
        ...     return standardization_fingerprint(iterator)
        >>> fingerprint(rescale=0.5) == fingerprint(rescale=0.5, rotation_range=10)
        True
        >>> fingerprint(rescale=0.5) == fingerprint(rescale=0.1)
        False
    """
    generator = iterator.image_data_generator
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{np.dtype(iterator.dtype)} {iterator.data_format}".encode())
    if generator is not None:
        digest.update(repr([(name, getattr(generator, name)) for name in _SETTINGS]).encode())
        digest.update(_function_digest(generator.preprocessing_function))
        digest.update(type(generator).__qualname__.encode())
        for name in _STATISTICS:
            statistic = getattr(generator, name)
            if statistic is not None:
                digest.update(name.encode() + np.ascontiguousarray(statistic).tobytes())
    return digest.hexdigest()


def _function_digest(function: Any) -> bytes:
    """Return a function's name, source code, closure and defaults, as far as available."""
    if function is None:
        return b"none"
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        # Without source, functions cannot be compared across runs: this one equals only itself.
        text = repr(function)
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    defaults = getattr(function, "__defaults__", None)
    return f"{name}\n{text}\n{cells}\n{defaults}".encode()
