"""A digest of how a generator standardizes."""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import numpy as np

from ..image_data_generator import ImageDataGenerator

_SETTINGS = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
    "rescale",
)
_STATISTICS = ("mean", "std", "zca_whitening_matrix")


def standardization_fingerprint(generator: ImageDataGenerator | None, flow: Any) -> str:
    """Give a digest of what becomes of an image that is not augmented.

    Args:
        generator: The settings, or None.
        flow: The flow, for its dtype and data format.

    Returns:
        Hexadecimal digits.

    Example:
        >>> flow = ImageDataGenerator(rescale=0.5).flow(np.zeros((1, 2, 2, 3)))
        >>> len(standardization_fingerprint(flow.image_data_generator, flow))
        32
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{np.dtype(flow.dtype)} {flow.data_format}".encode())
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
    """Describe a function by its name and its text, as far as that can be had."""
    if function is None:
        return b"none"
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        # Nothing tells two such functions apart across runs; this one is only itself.
        text = repr(function)
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    defaults = getattr(function, "__defaults__", None)
    return f"{name}\n{text}\n{cells}\n{defaults}".encode()
