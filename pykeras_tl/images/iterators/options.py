"""The options that image iterators share, validated once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..decoding.reading import COLOR_MODES, check_color_mode
from ..decoding.resizing import check_interpolation

SUBSETS = ("training", "validation")


@dataclass(frozen=True)
class ImageOptions:
    """How files become the arrays of a batch, which files count, and what is saved.

    Args:
        target_size: Height and width in pixels that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to crop images to the shape of `target_size` before they
            are resized.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        dtype: Type of the batches; Keras's `floatx` when None.
        save_to_dir: Existing folder where the images of each batch are saved.
        save_prefix: Prefix of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation"; None for all files.
        check: "all" decodes every file before the first batch.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside.
        cache: Whether to keep decoded images for later epochs.

    Raises:
        ValueError: When an option is out of range or unknown.
        FileNotFoundError: When `save_to_dir` does not exist.

    Example:
        >>> options = ImageOptions(target_size=(32, 48), color_mode="grayscale")
        >>> options.image_shape
        (32, 48, 1)
    """

    target_size: Any = (256, 256)
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    data_format: str | None = None
    dtype: Any = None
    save_to_dir: str | os.PathLike[str] | None = None
    save_prefix: str = ""
    save_format: str = "png"
    subset: str | None = None
    check: str | None = None
    on_bad: str = "raise"
    cache: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_size", _whole_target_size(self.target_size))
        check_color_mode(self.color_mode)
        check_interpolation(self.interpolation)
        if self.data_format is None:
            object.__setattr__(self, "data_format", keras.config.image_data_format())
        if self.dtype is None:
            object.__setattr__(self, "dtype", keras.config.floatx())
        if self.save_to_dir is not None and not Path(self.save_to_dir).is_dir():
            raise FileNotFoundError(
                f"save_to_dir should be an existing folder. Received: {str(self.save_to_dir)!r}"
            )
        check_subset(self.subset)
        if self.check not in (None, "all"):
            raise ValueError(f'check should be None or "all". Received: {self.check!r}')
        if self.on_bad not in ("raise", "skip"):
            raise ValueError(f'on_bad should be "raise" or "skip". Received: {self.on_bad!r}')
        if not isinstance(self.cache, (bool, np.bool_)):
            raise ValueError(f"cache should be True or False. Received: {self.cache!r}")

    @property
    def channels(self) -> int:
        """Number of channels of `color_mode`."""
        return COLOR_MODES[self.color_mode]

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
        return f"{self.target_size} {self.color_mode} {self.interpolation} {self.keep_aspect_ratio}"

    def fingerprint(self, content_hashes: Sequence[str], standardization: str) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Args:
            content_hashes: What identifies each sample's content.
            standardization: Digest of the standardization.

        Returns:
            Hexadecimal digits.
        """
        known = [*content_hashes, self.pixel_settings, standardization]
        return hashlib.blake2b("\n".join(known).encode(), digest_size=16).hexdigest()


def check_subset(subset: str | None) -> None:
    """Raise ValueError when the name of a subset is unknown.

    Args:
        subset: What was received.

    Raises:
        ValueError: When it is not None, "training" or "validation".

    Example:
        >>> check_subset("train")
        Traceback (most recent call last):
        ValueError: Invalid subset name: train; expected "training" or "validation".
    """
    if subset is not None and subset not in SUBSETS:
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')


def _whole_target_size(value: Any) -> tuple[int, int]:
    size = tuple(value) if np.iterable(value) and not isinstance(value, str) else ()
    whole = all(isinstance(side, (int, np.integer)) and side > 0 for side in size)
    if len(size) != 2 or not whole:
        raise ValueError(
            f"target_size should be (height, width) in whole pixels. Received: {value!r}"
        )
    return int(size[0]), int(size[1])
