"""Iterator over images stored together in array files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..datasets.array_files import INDEX_COLUMN, index_column, open_array_file
from ..decoding.content_hash import content_hashes
from ..decoding.resizing import resize
from ..transforms.augmenter import Augmenter
from ..transforms.fingerprint import standardization_fingerprint
from .base import Iterator
from .labels import validate_class_mode
from .options import ImageOptions

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)
_WITHOUT_CLASSES = ("input", None)


class ArrayFileIterator(Iterator):
    """Batches of images from `.npy` and HDF5 files, as `flow_from_array_files` returns.

    Only the images of a batch are in memory, and only they are resized. Grayscale images get
    three equal channels.

    Args:
        table: The images: `filename`, `class` and `index`, as from `array_file_table`.
        image_data_generator: Augmentation and standardization; None for neither.
        target_size: Height and width in pixels that all images are resized to.
        classes: Names of the classes in the order of their numbers; those in the table,
            sorted, when None.
        class_mode: "categorical", "sparse", "binary", "input", or None.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the images for each epoch.
        seed: Makes order and augmentation repeatable.
        interpolation: How to resize, as in `read_image`.
        workers: Number of threads; one for each available processor when None.

    Raises:
        ValueError: When the table is empty, lacks a column or has other classes, or an
            argument is out of range or unknown.

    Example:
        >>> from ..datasets.array_files import array_file_table
        >>> np.save("many.npy", np.zeros((3, 8, 8), "uint8"))
        >>> table = array_file_table("many.npy", ["cat", "dog", "cat"])
        >>> iterator = ArrayFileIterator(table, None, target_size=(16, 16), shuffle=False)
        >>> x, y = next(iterator)
        >>> x.shape, y.tolist(), iterator.sample_names[2]
        ((3, 16, 16, 3), [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], 'many.npy#2')
    """

    classes: list[int] | None = None

    def __init__(
        self,
        table: pd.DataFrame,
        image_data_generator: Augmenter | None,
        target_size: tuple[int, int] = (256, 256),
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        interpolation: str = "nearest",
        workers: int | None = None,
    ) -> None:
        generator = image_data_generator
        options = ImageOptions(
            target_size=target_size,
            interpolation=interpolation,
            data_format=generator.data_format if generator else keras.config.image_data_format(),
            dtype=generator.dtype if generator else keras.config.floatx(),
        )
        validate_class_mode(class_mode, _CLASS_MODES)
        column = index_column(table) if "filename" in table else None
        if table.empty or column is None:
            raise ValueError(
                f"Expected a table of images in array files, with the columns `filename` and "
                f"`{INDEX_COLUMN}`, as array_file_table returns it. "
                f"Received: {len(table)} rows with the columns {list(table.columns)}."
            )
        super().__init__(len(table), batch_size, shuffle, seed, workers)
        self._set_options(options)
        self.image_data_generator = image_data_generator
        self.samples = len(table)
        self.class_mode = class_mode
        if class_mode not in _WITHOUT_CLASSES:
            self._set_classes(table, classes)
        self._files = table["filename"].tolist()
        self._indices = table[column].tolist()

    @property
    def labels(self) -> list[int] | None:
        """Class numbers of all samples; None without labels."""
        return self.classes

    @property
    def sample_names(self) -> list[str]:
        """File and index of each image, as `FILE#INDEX`."""
        return [f"{file}#{index}" for file, index in zip(self._files, self._indices)]

    def image_keys(self) -> list[str]:
        """Return text that identifies each image's content without reading it.

        Returns:
            For each sample its file's path, size and modification time, and its index.
        """
        keys = {}
        for file in set(self._files):
            status = Path(file).stat()
            keys[file] = f"{Path(file).absolute()}\0{status.st_size}\0{status.st_mtime_ns}"
        return [f"{keys[file]}\0{index}" for file, index in zip(self._files, self._indices)]

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Returns:
            Hexadecimal digits.
        """
        files = sorted(set(self._files))
        hashes = dict(zip(files, content_hashes(files)))
        contents = [f"{hashes[file]} {index}" for file, index in zip(self._files, self._indices)]
        return self.options.fingerprint(contents, standardization_fingerprint(self))

    def _set_classes(self, table: pd.DataFrame, classes: Sequence[str] | None) -> None:
        if "class" not in table:
            raise ValueError(
                f"Expected a table with the column 'class'. Received: {list(table.columns)}"
            )
        names = sorted(table["class"].unique()) if classes is None else list(classes)
        others = sorted(set(table["class"]) - set(names))
        if others:
            raise ValueError(f"Expected images of the classes {names}. Received: also {others}.")
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = [self.class_indices[name] for name in table["class"]]

    def _working_dtype(self) -> Any:
        return keras.config.floatx()

    def _sources(self, indices: np.ndarray) -> Any:
        size, interpolation = self.options.target_size, self.options.interpolation

        def read(position: int) -> np.ndarray:
            index = int(indices[position])
            pixels = np.asarray(open_array_file(self._files[index])[self._indices[index]])
            if pixels.ndim == 2 or pixels.shape[-1] == 1:
                pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
            return resize(np.ascontiguousarray(pixels), size, interpolation)

        return read
