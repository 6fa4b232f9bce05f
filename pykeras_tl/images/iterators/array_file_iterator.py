"""Flows over images that lie together in one file, resized a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets.array_files import INDEX_COLUMN, open_array_file
from ..decoding.content_hash import content_hashes
from ..decoding.resizing import resize
from ..image_data_generator import ImageDataGenerator
from .file_iterator import FileIterator


class ArrayFileIterator(FileIterator):
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
        image_data_generator: ImageDataGenerator,
        target_size: Sequence[int] = (256, 256),
        classes: Sequence[str] | None = None,
        class_mode: str = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        interpolation: str = "nearest",
        workers: int | None = None,
    ) -> None:
        self._set_pixels(
            image_data_generator, target_size, "rgb", "channels_last", interpolation, False, None
        )
        self._set_saving(None, "", "png")
        if class_mode not in ("categorical", "sparse", "binary"):
            raise ValueError(f"Invalid class_mode: {class_mode!r}; expected 'categorical'.")
        self.class_mode = class_mode
        names = sorted(table["class"].unique()) if classes is None else list(classes)
        unknown = sorted(set(table["class"]) - set(names))
        if unknown or table.empty:
            raise ValueError(f"The table has {len(table)} images, of other classes: {unknown}.")
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = [self.class_indices[name] for name in table["class"]]
        self._files = table["filename"].tolist()
        self._rows = table[INDEX_COLUMN].tolist()
        self.directory = ""
        self.filenames = [f"{file}#{row}" for file, row in zip(self._files, self._rows)]
        self.samples = len(self.filenames)
        super().__init__(self.samples, batch_size, shuffle, seed, workers)
        self._set_cache(False)

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

    def _contents(self) -> list[str]:
        files = sorted(set(self._files))
        known = dict(zip(files, content_hashes(files)))
        return [f"{known[file]} {row}" for file, row in zip(self._files, self._rows)]

    def _sources(self, indices: np.ndarray) -> Any:
        def read(place: int) -> np.ndarray:
            number = int(indices[place])
            pixels = np.asarray(open_array_file(self._files[number])[self._rows[number]])
            if pixels.ndim == 2 or pixels.shape[-1] == 1:
                pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
            return resize(np.ascontiguousarray(pixels), self.target_size, self.interpolation)

        return read
