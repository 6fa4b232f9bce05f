"""Keys of the feature cache: digests of an iterator's images and settings."""

from __future__ import annotations

import hashlib
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from ...images.iterators.array_file_iterator import ArrayFileIterator
from ...images.iterators.base import Iterator
from ...images.iterators.numpy_array_iterator import NumpyArrayIterator
from ...images.transforms.fingerprint import standardization_fingerprint
from ...storage.shards.index import is_url
from ...storage.shards.reading import file_status

_AUGMENTATION = (
    "rotation_range",
    "width_shift_range",
    "height_shift_range",
    "brightness_range",
    "shear_range",
    "zoom_range",
    "channel_shift_range",
    "fill_mode",
    "cval",
    "horizontal_flip",
    "vertical_flip",
    "interpolation_order",
)
_READING = ("target_size", "color_mode", "interpolation", "keep_aspect_ratio", "image_shape",
            "dtype_range")  # fmt: skip


def image_keys(flow: Iterator) -> list[bytes]:
    """Return a digest for each image: of a file, its path, size and modification time.

    Args:
        flow: An iterator over files, files of many images, or an array.

    Returns:
        One digest for each sample, in the samples' order.

    Raises:
        FileNotFoundError: When a file is missing.
    """
    if isinstance(flow, NumpyArrayIterator):
        return [_digest(np.ascontiguousarray(image).tobytes()) for image in flow.x]
    if isinstance(flow, ArrayFileIterator):
        return [_digest(key.encode()) for key in flow.image_keys()]
    digests = []
    for path in flow.filepaths:
        size, version = file_status(path)
        known = f"{path if is_url(path) else Path(path).absolute()}\0{size}\0{version}"
        digests.append(_digest(os.fsencode(known)))
    return digests


def settings_key(flow: Iterator, augmented: bool = False) -> tuple[str, bool]:
    """Return a digest of how an iterator converts images to pixels.

    Args:
        flow: The iterator.
        augmented: Whether the random transforms and their seed count too.

    Returns:
        The digest, and whether another run with the same settings gets the same one. It does
        not where the pixels depend on something without a name: a function defined in a
        function or in the main script, or random numbers without a seed.
    """
    settings = flow.image_data_generator
    known: list[Any] = [repr(getattr(flow, name, None)) for name in _READING]
    known.append(standardization_fingerprint(flow))
    lasting = settings is None or _can_be_named(settings.preprocessing_function)
    if augmented:
        known.append(augmentation(flow))
        known += [flow.seed, flow.total_batches_seen, flow.shuffle, flow.batch_size, flow.n]
        lasting = lasting and flow.seed is not None
    if not lasting:
        known.append(uuid.uuid4().hex)
    return hashlib.blake2b(repr(known).encode(), digest_size=16).hexdigest(), lasting


def augmentation(flow: Iterator) -> str:
    """Return the settings of an iterator's random transforms as text.

    Args:
        flow: The iterator.

    Returns:
        The settings.
    """
    settings = flow.image_data_generator
    return repr({name: getattr(settings, name, None) for name in _AUGMENTATION})


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).hexdigest().encode()


def _can_be_named(function: Any) -> bool:
    """Whether a function's name identifies it, unlike one defined in another's body."""
    if function is None:
        return True
    module = getattr(function, "__module__", None) or "__main__"
    found = getattr(sys.modules.get(module), getattr(function, "__qualname__", ""), None)
    return found is function and module != "__main__"
