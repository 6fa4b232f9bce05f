"""Flows over arrays in memory."""

from __future__ import annotations

import hashlib
import os
import warnings
from typing import Any

import keras
import numpy as np

from ..transforms.augmenter import Augmenter
from ..transforms.fingerprint import standardization_fingerprint
from .base import Iterator
from .options import check_subset


class NumpyArrayIterator(Iterator):
    """Batches of images from an array; `ImageDataGenerator.flow` makes it.

    Args:
        x: Images, of shape (samples, height, width, channels) or with the channels second; or
            (images, other) where other is an array or a list of arrays that go along.
        y: Labels.
        image_data_generator: The settings.
        batch_size: Images in a batch.
        shuffle: Whether to mix them anew for each epoch.
        sample_weight: A weight for each image.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        save_to_dir: Folder where the images of each batch are saved.
        save_prefix: Start of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation".
        ignore_class_split: Whether not to check that both subsets have all classes.
        dtype: Type of the batches; Keras's `floatx` when absent.
        workers: Threads to compute with; as many as there are processors when absent.

    Raises:
        ValueError: When lengths or shapes do not fit, or an argument is unknown.

    Example:
        >>> flow = NumpyArrayIterator(np.zeros((4, 8, 8, 3)), None, ImageDataGenerator())
        >>> next(flow).shape
        (4, 8, 8, 3)

    Source:
        `keras.src.legacy.preprocessing.image.NumpyArrayIterator`. As there, `subset` does
        not apply to `sample_weight`: weights of the training subset are those of the first
        images. Unlike there, `x` stays in uint8 when it comes so; batches are of `dtype` all
        the same.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Augmenter,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
        workers: int | None = None,
    ) -> None:
        check_subset(subset)
        self.class_mode = "array"
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        x, misc = _with_others(x)
        _check_lengths(x, y, sample_weight)
        taken = _subset(subset, len(x), image_data_generator, y, ignore_class_split)
        x, misc = x[taken], [np.asarray(other[taken]) for other in misc]
        y = y if y is None else y[taken]
        self.x = _images(x, self.dtype)
        self.x_misc = misc
        _check_images(self.x, self.data_format)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.image_shape = self.x.shape[1:]
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        super().__init__(len(self.x), batch_size, shuffle, seed, workers)
        if self.n == 0:
            raise ValueError("There are no images: x has length 0.")

    @property
    def labels(self) -> Any:
        """Labels of all samples as they were given; None without labels."""
        return self.y

    def targets(self, indices: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Give the labels and weights of samples as they stand in a batch.

        Args:
            indices: Numbers of the samples.

        Returns:
            Labels and weights, each None when there are none.
        """
        weight = self.sample_weight
        return (
            None if self.y is None else self.y[indices],
            None if self.y is None or weight is None else weight[indices],
        )

    def fingerprint(self) -> str:
        """Give a digest of all that decides the samples' pixels before augmentation.

        Returns:
            Hexadecimal digits.
        """
        digest = hashlib.blake2b(digest_size=16)
        for array in (self.x, *self.x_misc):
            digest.update(f"{array.dtype} {array.shape} ".encode())
            for sample in array:
                digest.update(np.ascontiguousarray(sample).tobytes())
        digest.update(standardization_fingerprint(self).encode())
        return digest.hexdigest()

    def _save_numbers_below(self) -> int:
        return 10_000

    def _sources(self, indices: np.ndarray) -> Any:
        if self.data_format == "channels_first":
            return lambda number: self.x[indices[number]].transpose(1, 2, 0)
        return lambda number: self.x[indices[number]]

    def _batch(self, x: np.ndarray, indices: np.ndarray) -> Any:
        images: Any = [x, *(other[indices] for other in self.x_misc)] if self.x_misc else x
        y, weight = self.targets(indices)
        if y is None:
            return images
        return (images, y) if weight is None else (images, y, weight)


def _with_others(x: Any) -> tuple[Any, list[np.ndarray]]:
    if not isinstance(x, (tuple, list)):
        return x, []
    others = x[1] if isinstance(x[1], list) else [x[1]]
    arrays = [np.asarray(other) for other in others]
    for other in arrays:
        if len(x[0]) != len(other):
            raise ValueError(
                "All of the arrays in `x` should have the same length. Found a pair with: "
                f"len(x[0]) = {len(x[0])}, len(x[?]) = {len(other)}"
            )
    return x[0], arrays


def _check_lengths(x: Any, y: Any, sample_weight: Any) -> None:
    for name, values in (("`y` (labels)", y), ("`sample_weight`", sample_weight)):
        if values is not None and len(x) != len(values):
            raise ValueError(
                f"`x` (images tensor) and {name} should have the same length. "
                f"Found: {len(x)} and {len(values)}."
            )


def _subset(
    subset: str | None,
    length: int,
    generator: Augmenter,
    y: Any,
    ignore_class_split: bool,
) -> slice:
    if subset is None:
        return slice(None)
    split = int(length * generator._validation_split)
    if (
        y is not None
        and not ignore_class_split
        and not np.array_equal(np.unique(y[:split]), np.unique(y[split:]))
    ):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. "
            "If your numpy arrays are sorted by the label, you might want to shuffle them."
        )
    return slice(split) if subset == "validation" else slice(split, None)


def _images(x: Any, dtype: Any) -> np.ndarray:
    array = np.asarray(x)
    if array.dtype == np.uint8 and np.dtype(dtype) == np.float32:
        return array
    return np.asarray(array, dtype=dtype)


def _check_images(x: np.ndarray, data_format: str) -> None:
    if x.ndim != 4:
        raise ValueError(
            "Input data in `NumpyArrayIterator` should have rank 4. "
            f"You passed an array with shape {x.shape}"
        )
    axis = 3 if data_format == "channels_last" else 1
    if x.shape[axis] not in (1, 3, 4):
        warnings.warn(
            f'NumpyArrayIterator expects 1, 3 or 4 channels on axis {axis} ("{data_format}"). '
            f"However, it was passed an array with shape {x.shape}.",
            stacklevel=4,
        )
