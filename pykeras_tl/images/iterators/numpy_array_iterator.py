"""Iterator over images in memory."""

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
from .options import subset_fractions, validate_subset


class NumpyArrayIterator(Iterator):
    """Batches of images from an array, as `ImageDataGenerator.flow` returns.

    Args:
        x: Images, shape (samples, height, width, channels) or (samples, channels, height,
            width); or (images, others), where others is an array or a list of arrays with one
            entry for each image, which are put into the batches unchanged.
        y: Labels, of length samples; None for none.
        image_data_generator: Augmentation and standardization.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the images for each epoch.
        sample_weight: Weights, shape (samples,); None for none.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        save_to_dir: Existing folder where the images of each batch are saved.
        save_prefix: Prefix of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation".
        ignore_class_split: Whether to skip the check that both subsets have the same classes.
        dtype: Data type of the batches; Keras's `floatx` when None.
        workers: Number of threads; one for each available processor when None.

    Raises:
        ValueError: When lengths or shapes do not match, or an argument is out of range.

    Example:
        >>> x = np.zeros((4, 8, 8, 3))
        >>> iterator = NumpyArrayIterator(x, [0, 1, 0, 1], Augmenter(), batch_size=3)
        >>> [(images.shape, labels) for images, labels in (next(iterator), next(iterator))]
        [((3, 8, 8, 3), array([0, 1, 0])), ((1, 8, 8, 3), array([1]))]

    Source:
        `keras.src.legacy.preprocessing.image.NumpyArrayIterator`. As there, `subset` does
        not apply to `sample_weight`: the weights of the training subset are those of the
        first images. Unlike there, uint8 images stay uint8 in `x`; batches have `dtype`
        nevertheless.
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
        validate_subset(subset)
        self.class_mode = "array"
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        x, misc = _split_misc(x)
        _validate_lengths(x, y, sample_weight)
        rows = _subset_rows(subset, len(x), image_data_generator, y, ignore_class_split)
        y = y if y is None else y[rows]
        self.x = _as_images(x[rows], self.dtype)
        self.x_misc = [np.asarray(other[rows]) for other in misc]
        _validate_images(self.x, self.data_format)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.image_shape = self.x.shape[1:]
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        super().__init__(len(self.x), batch_size, shuffle, seed, workers)
        if self.n == 0:
            warnings.warn(f"There are no images: x has shape {self.x.shape}.", stacklevel=3)

    @property
    def labels(self) -> Any:
        """Labels of all samples, as passed; None without labels."""
        return self.y

    def targets(self, indices: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Return labels and weights of samples, as in a batch.

        Args:
            indices: Indices of the samples.

        Returns:
            Labels and weights, each None when there are none.
        """
        weight = self.sample_weight
        return (
            None if self.y is None else self.y[indices],
            None if self.y is None or weight is None else weight[indices],
        )

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

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
            return lambda position: self.x[indices[position]].transpose(1, 2, 0)
        return lambda position: self.x[indices[position]]

    def _batch(self, x: np.ndarray, indices: np.ndarray) -> Any:
        images: Any = [x, *(other[indices] for other in self.x_misc)] if self.x_misc else x
        y, weight = self.targets(indices)
        if y is None:
            return images
        return (images, y) if weight is None else (images, y, weight)


def _split_misc(x: Any) -> tuple[Any, list[np.ndarray]]:
    """Separate the images from the arrays passed along with them."""
    if not isinstance(x, (tuple, list)):
        return x, []
    others = x[1] if isinstance(x[1], list) else [x[1]]
    arrays = [np.asarray(other) for other in others]
    for other in arrays:
        if len(x[0]) != len(other):
            raise ValueError(
                "All of the arrays in `x` should have the same length. "
                f"Received: lengths {len(x[0])} and {len(other)}."
            )
    return x[0], arrays


def _validate_lengths(x: Any, y: Any, sample_weight: Any) -> None:
    for name, values in (("`y` (labels)", y), ("`sample_weight`", sample_weight)):
        if values is not None and len(x) != len(values):
            raise ValueError(
                f"`x` (images tensor) and {name} should have the same length. "
                f"Received: lengths {len(x)} and {len(values)}."
            )


def _subset_rows(
    subset: str | None,
    length: int,
    generator: Augmenter,
    y: Any,
    ignore_class_split: bool,
) -> slice:
    """Return the rows of a subset, having compared both subsets' classes."""
    fractions = subset_fractions(subset, generator)
    if fractions is None:
        return slice(None)
    split = int(length * generator._validation_split)
    if (
        y is not None
        and not ignore_class_split
        and not np.array_equal(np.unique(y[:split]), np.unique(y[split:]))
    ):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split, or "
            f"different classes. Received: {len(np.unique(y[split:]))} for training and "
            f"{len(np.unique(y[:split]))} for validation, which takes the first images. Shuffle "
            "the images if they are sorted by class, or set ignore_class_split=True."
        )
    return slice(split) if subset == "validation" else slice(split, None)


def _as_images(x: Any, dtype: Any) -> np.ndarray:
    array = np.asarray(x)
    # A quarter of the memory; the pipeline converts each image to float32 anyway.
    if array.dtype == np.uint8 and np.dtype(dtype) == np.float32:
        return array
    return np.asarray(array, dtype=dtype)


def _validate_images(x: np.ndarray, data_format: str) -> None:
    if x.ndim != 4:
        raise ValueError(
            "Expected x to have rank 4: (samples, height, width, channels). "
            f"Received: shape {x.shape}."
        )
    axis = 3 if data_format == "channels_last" else 1
    if x.shape[axis] not in (1, 3, 4):
        warnings.warn(
            f'Expected 1, 3 or 4 channels on axis {axis} ("{data_format}"). '
            f"Received: an array of shape {x.shape}.",
            stacklevel=4,
        )
