"""Digests of a flow's images, by which what was computed from them is found again."""

from __future__ import annotations

import hashlib
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from ...images.iterators.array_file_iterator import ArrayFileIterator
from ...images.iterators.base import Iterator
from ...images.iterators.numpy_array_iterator import NumpyArrayIterator
from ...images.transforms.fingerprint import standardization_fingerprint

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
_READING = ("target_size", "color_mode", "interpolation", "keep_aspect_ratio", "image_shape")


def image_keys(flow: Iterator) -> list[bytes]:
    """Digest each image's content: a file by path, size and time of change.

    Args:
        flow: A flow over files, files of many images, or an array.

    Returns:
        One digest a sample, in the order of the samples' numbers.

    Raises:
        FileNotFoundError: When a file is gone.
    """
    if isinstance(flow, NumpyArrayIterator):
        return [_digest(np.ascontiguousarray(image).tobytes()) for image in flow.x]
    if isinstance(flow, ArrayFileIterator):
        return [_digest(key.encode()) for key in flow.image_keys()]
    digests = []
    for path in flow.filepaths:
        status = Path(path).stat()
        known = f"{Path(path).absolute()}\0{status.st_size}\0{status.st_mtime_ns}"
        digests.append(_digest(known.encode()))
    return digests


def settings_key(flow: Iterator, augmented: bool = False) -> tuple[str, bool]:
    """Digest how a flow turns images into pixels.

    Args:
        flow: The flow.
        augmented: Whether the random transformations and their seed count too.

    Returns:
        The digest, and whether another run with the same settings will get the same one.
        It will not where the pixels depend on what cannot be named: a function of the
        user's, or draws without a seed.
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
    """Write down how a flow transforms its images at random.

    Args:
        flow: The flow.

    Returns:
        The settings in words.
    """
    settings = flow.image_data_generator
    return repr({name: getattr(settings, name, None) for name in _AUGMENTATION})


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).hexdigest().encode()


def _can_be_named(function: Any) -> bool:
    """Whether a function is fully told by its name, unlike one made in another's body."""
    if function is None:
        return True
    module = getattr(function, "__module__", None) or "__main__"
    found = getattr(sys.modules.get(module), getattr(function, "__qualname__", ""), None)
    return found is function and module != "__main__"
