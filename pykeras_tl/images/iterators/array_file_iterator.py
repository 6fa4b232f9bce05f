"""Flows over images that lie together in one file, resized a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..datasets.array_files import INDEX_COLUMN, open_array_file
from ..decoding.content_hash import content_hashes
from ..decoding.resizing import resize
from ..transforms.augmenter import Augmenter
from ..transforms.fingerprint import standardization_fingerprint
from .base import Iterator
from .options import ImageOptions


class ArrayFileIterator(Iterator):
    """Batches of images from files of many, such as HDF5 and `.npy`; see `open_array_file`.

    Only the images of a batch are in memory, and only they are resized.

    Args:
        table: The images: `filename`, `class` and `row`, as `array_file_table` makes it.
        image_data_generator: The settings.
        target_size: Height and width that all images are resized to.
        classes: Names of the classes in the order wanted; those in the table when absent.
        class_mode: "categorical", "sparse" or "binary".
        batch_size: Images in a batch.
        shuffle: Whether to mix the images anew for each epoch.
        seed: Makes order and augmentation repeatable.
        interpolation: How to resize, as in `read_image`.
        workers: Threads to compute with; as many as there are processors when absent.

    Raises:
        ValueError: When the table is empty, has other classes, or an argument is unknown.

    Example:
        >>> from ..datasets.array_files import array_file_table
        >>> np.save("many.npy", np.zeros((3, 8, 8), "uint8"))
        >>> table = array_file_table("many.npy", ["cat", "dog", "cat"])
        >>> flow = ArrayFileIterator(table, ImageDataGenerator(), target_size=(16, 16))
        >>> next(flow)[0].shape
        (3, 16, 16, 3)
    """

    def __init__(
        self,
        table: pd.DataFrame,
        image_data_generator: Augmenter,
        target_size: Sequence[int] = (256, 256),
        classes: Sequence[str] | None = None,
        class_mode: str = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        interpolation: str = "nearest",
        workers: int | None = None,
    ) -> None:
        options = ImageOptions(
            target_size=target_size, interpolation=interpolation, data_format="channels_last"
        )
        if class_mode not in ("categorical", "sparse", "binary"):
            raise ValueError(f"Invalid class_mode: {class_mode!r}; expected 'categorical'.")
        names = sorted(table["class"].unique()) if classes is None else list(classes)
        unknown = sorted(set(table["class"]) - set(names))
        if unknown or table.empty:
            raise ValueError(f"The table has {len(table)} images, of other classes: {unknown}.")
        super().__init__(len(table), batch_size, shuffle, seed, workers)
        self.image_data_generator = image_data_generator
        self.options = options
        self.target_size = options.target_size
        self.data_format = str(options.data_format)
        self.dtype = options.dtype
        self.image_shape = options.image_shape
        self.save_to_dir = None
        self.samples = len(table)
        self.class_mode = class_mode
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = [self.class_indices[name] for name in table["class"]]
        self._files = table["filename"].tolist()
        self._rows = table[INDEX_COLUMN].tolist()
        self.filenames = [f"{file}#{row}" for file, row in zip(self._files, self._rows)]

    @property
    def sample_names(self) -> list[str]:
        """File and index of each image, as `FILE#INDEX`."""
        return self.filenames

    @property
    def labels(self) -> list[int]:
        """Class numbers of all samples."""
        return self.classes

    def image_keys(self) -> list[str]:
        """Name each image's content, so that a file that changed has other images.

        Returns:
            For each sample its file, the file's size and time of change, and its place in it.
        """
        known = {}
        for file in set(self._files):
            state = Path(file).stat()
            known[file] = f"{Path(file).absolute()}\0{state.st_size}\0{state.st_mtime_ns}"
        return [f"{known[file]}\0{row}" for file, row in zip(self._files, self._rows)]

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Returns:
            Hexadecimal digits.
        """
        files = sorted(set(self._files))
        known = dict(zip(files, content_hashes(files)))
        contents = [f"{known[file]} {row}" for file, row in zip(self._files, self._rows)]
        return self.options.fingerprint(contents, standardization_fingerprint(self))

    def _working_dtype(self) -> Any:
        return keras.config.floatx()

    def _sources(self, indices: np.ndarray) -> Any:
        size, interpolation = self.options.target_size, self.options.interpolation

        def read(position: int) -> np.ndarray:
            index = int(indices[position])
            pixels = np.asarray(open_array_file(self._files[index])[self._rows[index]])
            if pixels.ndim == 2 or pixels.shape[-1] == 1:
                pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
            return resize(np.ascontiguousarray(pixels), size, interpolation)

        return read
