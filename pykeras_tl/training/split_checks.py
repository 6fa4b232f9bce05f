"""Checks that validation data are what they should be: other images, unaugmented, all classes.

None of these mistakes raises an error in Keras, and each makes the validation metrics mean
something else than their reader thinks.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..images.iterators.base import Iterator
from ..images.iterators.file_iterator import FileIterator
from ..images.iterators.numpy_array_iterator import NumpyArrayIterator
from .class_weights import class_counts

_MOST_NAMED = 5


def check_split(training: Iterator, validation: Any) -> None:
    """Warn when classes have no images, or validation data are augmented or trained on.

    Args:
        training: The training iterator.
        validation: The validation data; only iterators are checked.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> images, labels = np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 0, 1]]
        >>> flow = ImageDataGenerator().flow(images, labels)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     check_split(flow, flow)
        >>> str(caught[0].message)[:60]
        'validation_data contains all 4 training images, so that its '
    """
    _check_classes(training, "The training data have")
    if not isinstance(validation, Iterator):
        return
    _check_classes(validation, "validation_data has")
    if validation.varies_between_epochs:
        _warn(
            "validation_data augments its images, so that its metrics vary by chance and are "
            "those of distorted images. Make it with an ImageDataGenerator of its own that has "
            "the same rescale and validation_split, but no random transform."
        )
    shared = _shared_images(training, validation)
    if shared:
        count = f"all {shared:,}" if shared == training.n else f"{shared:,}"
        _warn(
            f"validation_data contains {count} training images, so that its metrics do not show "
            'how the model does on new ones. Use validation_split with subset="training" and '
            'subset="validation", or a folder of its own.'
        )


def _check_classes(iterator: Iterator, subject: str) -> None:
    names = iterator.class_names
    counts = class_counts(iterator)
    if not names or not counts:
        return
    empty = [name for name in names if name not in counts]
    if empty:
        listed = ", ".join(map(repr, empty[:_MOST_NAMED]))
        more = f" and {len(empty) - _MOST_NAMED} more" if len(empty) > _MOST_NAMED else ""
        _warn(
            f"{subject} no images of class {listed}{more}. A table that is sorted by class needs "
            "shuffling before validation_split (table.sample(frac=1)); a folder without images "
            "can be left out by `classes`."
        )


def _shared_images(training: Iterator, validation: Iterator) -> int:
    """Count the training images that validation uses too, as far as that is known."""
    if isinstance(training, FileIterator) and isinstance(validation, FileIterator):
        return len(set(training.filepaths) & set(validation.filepaths))
    if isinstance(training, NumpyArrayIterator) and isinstance(validation, NumpyArrayIterator):
        same = training.x.shape == validation.x.shape
        return training.n if same and np.shares_memory(training.x, validation.x) else 0
    return 0


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)
