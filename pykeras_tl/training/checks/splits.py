"""Checks that validation data are what they should be: other images, unaugmented, all classes.

None of these mistakes raises an error in Keras, and each makes the validation metrics mean
something else than their reader thinks.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ...images.iterators.base import Iterator
from ...images.iterators.file_iterator import FileIterator
from ...images.iterators.numpy_array_iterator import NumpyArrayIterator
from ...visualization.rich_display import list_names
from ..class_weights import class_counts

_MOST_NAMED = 5


def check_split(training: Any, validation: Any) -> None:
    """Warn when classes have no images, or validation data are augmented or trained on.

    Args:
        training: The training iterator, or an array of images.
        validation: The validation data: an iterator, or `(x, y)`. Other data are not checked.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> images, labels = np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 0, 1]]
        >>> flow = ImageDataGenerator().flow(images, labels)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     check_split(flow, flow)
        >>> str(caught[0].message)[:60]
        'validation_data contains all 4 training images, so that its '
    """
    if isinstance(training, Iterator):
        _check_classes(training, "The training data have")
    if isinstance(validation, Iterator):
        _check_classes(validation, "validation_data has")
    if isinstance(validation, Iterator) and validation.varies_between_epochs:
        _warn(
            "validation_data augments its images, so that its metrics vary by chance and are "
            "those of distorted images. Make it with an ImageDataGenerator of its own that has "
            "the same rescale and validation_split, but no random transform."
        )
    shared = _shared_images(training, validation)
    if shared:
        total = training.n if isinstance(training, Iterator) else len(training)
        count = f"all {shared:,}" if shared == total else f"{shared:,}"
        advice = (
            'Use validation_split with subset="training" and subset="validation", or a folder of '
            "its own."
            if isinstance(training, FileIterator)
            else "Keep some images apart before training: x[n:] to train on, x[:n] to validate."
        )
        _warn(
            f"validation_data contains {count} training images, so that its metrics do not show "
            f"how the model does on new ones. {advice}"
        )


def _check_classes(iterator: Iterator, subject: str) -> None:
    names = iterator.class_names
    counts = class_counts(iterator)
    if not names or not counts:
        return
    empty = [name for name in names if name not in counts]
    if empty:
        listed = list_names([repr(name) for name in empty], _MOST_NAMED)
        _warn(
            f"{subject} no images of class {listed}. A table that is sorted by class needs "
            "shuffling before validation_split (table.sample(frac=1)); a folder without images "
            "can be left out by `classes`."
        )


def _shared_images(training: Any, validation: Any) -> int:
    """Count the training images that validation uses too, as far as that is known."""
    if isinstance(training, FileIterator) and isinstance(validation, FileIterator):
        return len(set(training.filepaths) & set(validation.filepaths))
    ours, theirs = _images(training), _images(validation)
    if ours is None or theirs is None or ours.shape[1:] != theirs.shape[1:] or not ours.size:
        return 0
    if ours.strides == theirs.strides and np.shares_memory(ours, theirs):
        # Parts of one array: as many images as their memory has in common.
        starts, stops = zip(byte_bounds(ours), byte_bounds(theirs))
        return math.ceil((min(stops) - max(starts)) / abs(ours.strides[0]))
    # A copy, such as one in the iterator's data type, or one from R. The first image rules out
    # most others.
    if len(ours) != len(theirs) or not np.array_equal(ours[0], theirs[0].astype(ours.dtype)):
        return 0
    return len(ours) if np.array_equal(ours, theirs.astype(ours.dtype)) else 0


def _images(data: Any) -> np.ndarray | None:
    """Return the images of an array, of an iterator over one, or of `(x, y)`."""
    if isinstance(data, NumpyArrayIterator):
        return data.x
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        data = data[0]
    return data if isinstance(data, np.ndarray) and data.ndim else None


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)
