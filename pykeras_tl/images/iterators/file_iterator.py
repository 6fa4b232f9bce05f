"""Base class of the iterators over image files."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH118
from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..decoding.content_hash import content_hashes
from ..decoding.pixel_cache import PixelCache, files_digest, open_cache
from ..decoding.reading import read_image
from ..decoding.validation import bad_files_table, check_files
from ..transforms.augmenter import Augmenter
from ..transforms.fingerprint import standardization_fingerprint
from .base import Iterator
from .options import ImageOptions, subset_fractions


class FileIterator(Iterator):
    """Batches of images from files; the base of the iterators over folders and tables.

    Args:
        filenames: Names of the files, relative to `directory`.
        directory: Folder that the names are relative to.
        image_data_generator: Augmentation and standardization; None for neither.
        options: How files become arrays.
        bad_files: Table of the files already set aside.
        batch_size: Samples in a batch.
        shuffle: Whether to shuffle the samples for each epoch.
        seed: Makes order and augmentation repeatable.
        workers: Number of threads; one for each available processor when None.

    Attributes:
        filenames: Names of the files, as given or relative to `directory`.
        directory: Folder that the names are relative to.
        samples: Number of files.
        bad_files: Table of the files set aside: `filename` and `reason`.
        options: The `ImageOptions`.
    """

    classes: Any = None
    _opening = threading.Lock()

    def __init__(
        self,
        filenames: list[str],
        directory: str,
        image_data_generator: Augmenter | None,
        options: ImageOptions,
        bad_files: pd.DataFrame,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        workers: int | None,
    ) -> None:
        super().__init__(len(filenames), batch_size, shuffle, seed, workers)
        self._set_options(options)
        self.filenames = filenames
        self.samples = len(filenames)
        self.directory = directory
        self.bad_files = bad_files
        self.image_data_generator = image_data_generator
        self.split = subset_fractions(options.subset, image_data_generator)
        # A tuple of the cache or None; None until it was looked for.
        self._opened: tuple[PixelCache | None] | None = None

    @property
    def filepaths(self) -> list[str]:
        """Paths of the files, in the samples' order."""
        return [self._path(index) for index in range(len(self.filenames))]

    @property
    def sample_names(self) -> list[str]:
        """Paths of the files."""
        return self.filepaths

    @property
    def labels(self) -> Any:
        """Labels of all samples: class numbers, or the values of a table's columns."""
        return self.classes

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Returns:
            Hexadecimal digits.
        """
        return self.options.fingerprint(
            content_hashes(self.filepaths), standardization_fingerprint(self)
        )

    def _path(self, index: int) -> str:
        return os.path.join(self.directory, self.filenames[index])

    def _working_dtype(self) -> Any:
        # Keras decodes files into arrays of its own float type, whatever the batch's type.
        return keras.config.floatx()

    def _pixel_cache(self) -> PixelCache | None:
        """Return the cache of decoded images, opened when the first batch is computed."""
        if not self.options.cache or not self.samples:
            return None
        with self._opening:
            if self._opened is None:
                height, width = self.options.target_size
                shape = (height, width, self.options.channels)
                try:
                    self._opened = (open_cache(self._files_digest(), self.samples, shape),)
                except OSError:  # A file is missing, which reading it will report.
                    self._opened = (None,)
            return self._opened[0]

    def _files_digest(self) -> str:
        """Return a digest of the files' versions and of the options that determine the pixels."""
        paths = map(self._path, range(self.samples))
        return files_digest(paths, self.options.pixel_settings)

    def _sources(self, indices: np.ndarray) -> Any:
        cache = self._pixel_cache()
        contents = self._fetch(indices.tolist(), cache)

        def read(position: int) -> np.ndarray:
            index = int(indices[position])
            pixels = cache.get(index) if cache else None
            if pixels is None:
                pixels = self._read(index, contents.get(index))
                if cache:
                    cache.put(index, pixels)
            return pixels

        return read

    def _fetch(self, indices: Sequence[int], cache: PixelCache | None) -> dict[int, bytes]:
        """Read the contents of files that are better read together than one by one."""
        return {}

    def _read(self, index: int, content: bytes | None) -> np.ndarray:
        """Decode a file; `content` is what `_fetch` read of it, if it did."""
        return read_image(self._path(index), *self._reading)

    @property
    def _reading(self) -> tuple[Any, ...]:
        """The arguments of `read_image` after the path."""
        options = self.options
        return (
            options.color_mode,
            options.target_size,
            options.interpolation,
            options.keep_aspect_ratio,
            options.dtype_range,
        )


def find_bad_files(
    folder: str, names: Sequence[str] | pd.Series, options: ImageOptions, workers: int | None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Decode all files if the options ask for it.

    Args:
        folder: Folder that the names are relative to.
        names: The files.
        options: Their `check` and `on_bad` count.
        workers: Number of threads; one for each available processor when None.

    Returns:
        Boolean mask of the files to keep, shape (files,), and the table of bad files.

    Raises:
        BadImageError: When there is a bad file and `on_bad` is "raise".
        ValueError: When no file can be read.
    """
    keep = np.ones(len(names), bool)
    if options.check is None and options.on_bad == "raise":
        return keep, bad_files_table({})
    paths = [os.path.join(folder, name) for name in names]
    bad = check_files(paths, workers=workers, raise_error=options.on_bad == "raise")
    keep[[path in bad for path in paths]] = False
    if bad and not keep.any():
        first, reason = next(iter(bad.items()))
        raise ValueError(
            f"None of the {len(paths)} image files can be read. The first one, {first}, {reason}."
        )
    return keep, bad_files_table(bad)


def print_message(message: str) -> None:
    """Print a line, unless Keras's interactive logging is off.

    Args:
        message: The line.

    Example:
        >>> print_message("Found 2 images belonging to 2 classes.")
        Found 2 images belonging to 2 classes.
    """
    if keras.config.is_interactive_logging_enabled():
        print(message)
