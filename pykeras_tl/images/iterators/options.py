"""Options shared by the image iterators, validated once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..datasets.file_names import EXTENSIONS, readable_extensions
from ..decoding.reading import COLOR_MODES, validate_color_mode
from ..decoding.resizing import validate_interpolation
from ..decoding.value_range import DtypeRange, as_dtype_range
from ..transforms.augmenter import Augmenter

SUBSETS = ("training", "validation")


@dataclass(frozen=True)
class ImageOptions:
    """How images are read and resized, which of them are used, and where batches are saved.

    Args:
        target_size: Height and width in pixels that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to crop images to the aspect ratio of `target_size` before
            they are resized.
        data_format: "channels_last" or "channels_first".
        dtype: Data type of the batches.
        save_to_dir: Existing folder where the images of each batch are saved.
        save_prefix: Prefix of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation"; None for all images.
        check: "all" decodes every file before the first batch.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside.
        cache: Whether to keep decoded images for later epochs.
        formats: "keras" for files with Keras's extensions, or "all" that can be read.
        dtype_range: The range of values in the files that becomes 0..255, as in `read_image`.

    Raises:
        ValueError: When an option is out of range or unknown.
        FileNotFoundError: When `save_to_dir` does not exist.

    Example:
        >>> options = ImageOptions(target_size=(32, 48), color_mode="grayscale")
        >>> options.image_shape
        (32, 48, 1)
    """

    target_size: tuple[int, int] = (256, 256)
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    data_format: str = field(default_factory=keras.config.image_data_format)
    dtype: str = field(default_factory=keras.config.floatx)
    save_to_dir: str | os.PathLike[str] | None = None
    save_prefix: str = ""
    save_format: str = "png"
    subset: str | None = None
    check: str | None = None
    on_bad: str = "raise"
    cache: bool = True
    formats: str = "keras"
    dtype_range: DtypeRange = None

    def __post_init__(self) -> None:
        # Lists, as JSON and R have them, become tuples, so that equal sizes have equal digests.
        object.__setattr__(self, "target_size", _target_size(self.target_size))
        object.__setattr__(self, "dtype_range", as_dtype_range(self.dtype_range))
        validate_color_mode(self.color_mode)
        validate_interpolation(self.interpolation)
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                'Expected data_format to be "channels_last" or "channels_first". '
                f"Received: {self.data_format!r}"
            )
        if self.save_to_dir is not None and not Path(self.save_to_dir).is_dir():
            raise FileNotFoundError(
                "Expected save_to_dir to be an existing folder; create it first. "
                f"Received: {str(self.save_to_dir)!r}"
            )
        validate_subset(self.subset)
        if self.check not in (None, "all"):
            raise ValueError(f'Expected check to be None or "all". Received: {self.check!r}')
        if self.on_bad not in ("raise", "skip"):
            raise ValueError(f'Expected on_bad to be "raise" or "skip". Received: {self.on_bad!r}')
        if self.formats not in ("keras", "all"):
            raise ValueError(f'Expected formats to be "keras" or "all". Received: {self.formats!r}')
        if not isinstance(self.cache, (bool, np.bool_)):
            raise ValueError(f"Expected cache to be True or False. Received: {self.cache!r}")

    @property
    def channels(self) -> int:
        """Number of channels of `color_mode`."""
        return COLOR_MODES[self.color_mode]

    @property
    def extensions(self) -> tuple[str, ...]:
        """Extensions of the files that are used."""
        return EXTENSIONS if self.formats == "keras" else readable_extensions()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image of a batch, in `data_format`."""
        height, width = self.target_size
        if self.data_format == "channels_last":
            return height, width, self.channels
        return self.channels, height, width

    @property
    def pixel_settings(self) -> str:
        """The options that determine the pixels read from a file, as text."""
        settings = (self.target_size, self.color_mode, self.interpolation, self.keep_aspect_ratio)
        # What was cached before there was `dtype_range` stays valid.
        known = settings if self.dtype_range is None else (*settings, self.dtype_range)
        return " ".join(map(str, known))

    def fingerprint(self, content_hashes: Sequence[str], standardization: str) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Args:
            content_hashes: What identifies each sample's content.
            standardization: Digest of the standardization.

        Returns:
            Hexadecimal digits.
        """
        parts = [*content_hashes, self.pixel_settings, standardization]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def validate_subset(subset: str | None) -> None:
    """Raise `ValueError` when the name of a subset is unknown.

    Args:
        subset: The argument received.

    Raises:
        ValueError: When it is not None, "training" or "validation".

    Example:
        >>> validate_subset("train")
        Traceback (most recent call last):
        ValueError: Expected subset to be "training" or "validation". Received: 'train'
    """
    if subset is not None and subset not in SUBSETS:
        raise ValueError(f'Expected subset to be "training" or "validation". Received: {subset!r}')


def subset_fractions(subset: str | None, generator: Augmenter | None) -> tuple[float, float] | None:
    """Return which fraction of the images a subset consists of.

    Args:
        subset: "training", "validation", or None.
        generator: Its `validation_split` counts.

    Returns:
        Start and stop, as fractions of the number of images; None for all images.

    Raises:
        ValueError: When there is a subset but no generator.

    Example:
        >>> subset_fractions("training", Augmenter(validation_split=0.25))
        (0.25, 1)
    """
    if subset is None:
        return None
    if generator is None:
        raise ValueError(
            "Expected an ImageDataGenerator with validation_split, which subset needs. "
            f"Received: subset={subset!r} and no generator."
        )
    fraction = generator._validation_split
    return (0, fraction) if subset == "validation" else (fraction, 1)


def empty_subset(subset: str | None) -> str:
    """Describe why a subset is empty for a generator without `validation_split`.

    Args:
        subset: "training" or "validation".

    Returns:
        A message for a warning.

    Example:
        >>> empty_subset("validation")
        'The validation subset is empty, since the generator has no validation_split. Make it with
        ImageDataGenerator(validation_split=0.2) or another fraction.'
    """
    return (
        f"The {subset} subset is empty, since the generator has no validation_split. Make it with "
        "ImageDataGenerator(validation_split=0.2) or another fraction."
    )


def _target_size(value: Any) -> tuple[int, int]:
    size = tuple(value) if np.iterable(value) and not isinstance(value, str) else ()
    positive = all(isinstance(side, (int, np.integer)) and side > 0 for side in size)
    if len(size) != 2 or not positive:
        raise ValueError(
            "Expected target_size to be (height, width), two positive integers. "
            f"Received: {value!r}"
        )
    return int(size[0]), int(size[1])
