"""What flows over image files have in common."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH118
from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..decoding.content_hash import content_hashes
from ..decoding.pixel_cache import PixelCache, files_digest, open_cache
from ..decoding.reading import COLOR_MODES, check_color_mode, read_image
from ..decoding.resizing import check_interpolation
from ..decoding.validation import bad_files_table, check_files
from ..image_data_generator import ImageDataGenerator
from ..transforms.fingerprint import standardization_fingerprint
from .base import Iterator


class FileIterator(Iterator):
    """Batches of images from files; the base of the flows over folders and tables.

    Attributes:
        filenames: Names of the files, as given or relative to `directory`.
        directory: What the names are relative to.
        samples: How many files.
        bad_files: Table of the files set aside: `file` and `reason`.
    """

    filenames: list[str]
    directory: str
    class_mode: str | None
    class_indices: dict[str, int]
    classes: Any
    _opening = threading.Lock()

    def _set_pixels(
        self,
        image_data_generator: ImageDataGenerator | None,
        target_size: Sequence[int],
        color_mode: str,
        data_format: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
        dtype: str | None,
    ) -> None:
        """Note how files become arrays, refusing what cannot be."""
        self.image_data_generator = image_data_generator
        self.target_size = _target_size(target_size)
        check_color_mode(color_mode)
        check_interpolation(interpolation)
        self.color_mode = color_mode
        self.interpolation = interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        channels = COLOR_MODES[color_mode]
        if self.data_format == "channels_last":
            self.image_shape = (*self.target_size, channels)
        else:
            self.image_shape = (channels, *self.target_size)

    def _set_saving(
        self, save_to_dir: str | os.PathLike[str] | None, save_prefix: str, save_format: str
    ) -> None:
        if save_to_dir is not None and not Path(save_to_dir).is_dir():
            raise FileNotFoundError(f"save_to_dir={str(save_to_dir)!r} is not a folder; make it.")
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format

    def _set_subset(self, subset: str | None) -> None:
        """Note which share of the files is taken, as fractions of their number."""
        if subset not in (None, "training", "validation"):
            raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')
        self.subset = subset
        self.split: tuple[float, float] | None = None
        if subset is not None:
            if self.image_data_generator is None:
                raise ValueError(f"subset={subset!r} needs a generator with validation_split.")
            share = self.image_data_generator._validation_split
            self.split = (0, share) if subset == "validation" else (share, 1)

    def _set_aside_bad(self, check: str | None, on_bad: str, workers: int | None) -> np.ndarray:
        """Decode all files when asked to, and tell which ones to keep."""
        if check not in (None, "all"):
            raise ValueError(f'check should be None or "all". Received: {check!r}')
        if on_bad not in ("raise", "skip"):
            raise ValueError(f'on_bad should be "raise" or "skip". Received: {on_bad!r}')
        kept = np.ones(len(self.filenames), bool)
        self.bad_files = bad_files_table({})
        if check is None and on_bad == "raise":
            return kept
        bad = check_files(self.filepaths, workers=workers, raise_error=on_bad == "raise")
        self.bad_files = bad_files_table(bad)
        if bad:
            kept[[path in bad for path in self.filepaths]] = False
            if not kept.any():
                first, reason = next(iter(bad.items()))
                raise ValueError(f"No image can be read; the first one, {first}, {reason}.")
        return kept

    def _set_cache(self, cache: bool) -> None:
        if not isinstance(cache, (bool, np.bool_)):
            raise ValueError(f"cache should be True or False. Received: {cache!r}")
        self.cache = cache
        self._opened: tuple[PixelCache | None] | None = None

    def _pixel_cache(self) -> PixelCache | None:
        """Open the cache of decoded images, when the first batch is made."""
        if not self.cache:
            return None
        with self._opening:
            if self._opened is None:
                shape = (*self.target_size, COLOR_MODES[self.color_mode])
                try:
                    digest = files_digest(self.filepaths, self._pixel_settings())
                    self._opened = (open_cache(digest, self.samples, shape),)
                except OSError:  # A file is missing: reading it says so, when it is its turn.
                    self._opened = (None,)
            return self._opened[0]

    @property
    def filepaths(self) -> list[str]:
        """Paths of the files, in the samples' order."""
        return [self._path(number) for number in range(len(self.filenames))]

    @property
    def labels(self) -> Any:
        """The samples' labels: class numbers, or the values of a table's columns."""
        return self.classes

    @property
    def sample_weight(self) -> np.ndarray | None:
        """A weight for each sample, if any."""
        return None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes in the order of their numbers."""
        return sorted(self.class_indices, key=self.class_indices.__getitem__)

    def targets(self, indices: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Give the labels and weights of samples as they stand in a batch.

        Args:
            indices: Numbers of the samples.

        Returns:
            Labels (None without labels and for `class_mode="input"`) and weights, or None.
        """
        if self.class_mode is None:
            return None, None
        weight = self.sample_weight
        return self._labels(indices), None if weight is None else weight[indices]

    def fingerprint(self) -> str:
        """Give a digest of all that decides the samples' pixels before augmentation.

        Returns:
            Hexadecimal digits.
        """
        standardization = standardization_fingerprint(self.image_data_generator, self)
        known = [*self._contents(), self._pixel_settings(), standardization]
        return hashlib.blake2b("\n".join(known).encode(), digest_size=16).hexdigest()

    def _contents(self) -> list[str]:
        """Tell what each sample is, so that a copy elsewhere is the same."""
        return content_hashes(self.filepaths)

    def _labels(self, indices: np.ndarray) -> Any:
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[index] for index in indices], dtype=self.dtype)
        if self.class_mode == "categorical":
            y = np.zeros((len(indices), len(self.class_indices)), dtype=self.dtype)
            for row, index in enumerate(indices):
                y[row, self.classes[index]] = 1.0
            return y
        if self.class_mode == "multi_output":
            return [values[indices] for values in self.labels]
        return self.labels[indices] if self.class_mode == "raw" else None

    def _batch(self, x: np.ndarray, indices: np.ndarray) -> Any:
        if self.class_mode is None:
            return x
        y, weight = self.targets(indices)
        if self.class_mode == "input":
            y = x.copy()
        return (x, y) if weight is None else (x, y, weight)

    def _path(self, number: int) -> str:
        return os.path.join(self.directory, self.filenames[number])

    def _pixel_settings(self) -> str:
        return f"{self.target_size} {self.color_mode} {self.interpolation} {self.keep_aspect_ratio}"

    def _working_dtype(self) -> Any:
        # Keras makes arrays of its own float type of files, whatever the batch's type.
        return keras.config.floatx()

    def _sources(self, indices: np.ndarray) -> Any:
        cache = self._pixel_cache()

        def read(place: int) -> np.ndarray:
            number = int(indices[place])
            pixels = cache.get(number) if cache else None
            if pixels is None:
                pixels = read_image(
                    self._path(number),
                    self.color_mode,
                    self.target_size,
                    self.interpolation,
                    self.keep_aspect_ratio,
                )
                if cache:
                    cache.put(number, pixels)
            return pixels

        return read


def announce(message: str) -> None:
    """Print a line, unless Keras is told not to.

    Args:
        message: The line.

    Example:
        >>> announce("Found 2 images belonging to 2 classes.")
        Found 2 images belonging to 2 classes.
    """
    if keras.config.is_interactive_logging_enabled():
        print(message)


def _target_size(value: Any) -> tuple[int, int]:
    size = tuple(value) if np.iterable(value) and not isinstance(value, str) else ()
    whole = all(isinstance(side, (int, np.integer)) and side > 0 for side in size)
    if len(size) != 2 or not whole:
        raise ValueError(
            f"target_size should be (height, width) in whole pixels. Received: {value!r}"
        )
    return int(size[0]), int(size[1])
