"""Iterator over the images in shards."""

# Plain text paths: URLs are none of `Path`'s.
# ruff: noqa: PTH119, PTH120
from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...storage.shards.index import Source, is_url, shard_sums, shard_version
from ...storage.shards.reading import read_at, read_many
from ...storage.shards.table import ShardTable
from ..datasets.file_names import list_packed_images
from ..decoding.content_hash import content_hashes
from ..decoding.pixel_cache import PixelCache
from ..decoding.reading import decode_image
from ..decoding.validation import bad_files_table
from ..transforms.augmenter import Augmenter
from ..transforms.fingerprint import standardization_fingerprint
from .file_iterator import FileIterator, find_bad_files, print_message
from .labels import validate_class_mode
from .options import ImageOptions, empty_subset, subset_fractions

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class ShardIterator(FileIterator):
    """Batches of the images in shards, as `ImageDataGenerator.flow_from_shards` returns.

    Args:
        shards: A folder of shards or its URL, a shard, or several.
        image_data_generator: Augmentation and standardization; None for neither.
        classes: Names of the classes in the order of their numbers; all, sorted, when None.
        class_mode: "categorical", "sparse", "binary", "input", or None.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the images for each epoch.
        seed: Makes order and augmentation repeatable.
        workers: Number of threads; one for each available processor when None.
        **options: Options of `ImageOptions`, such as `target_size`.

    Raises:
        FileNotFoundError: When there is no shard.
        ValueError: When an argument is out of range or unknown, or there is no image.
        BadImageError: With `check="all"`, when a file cannot be read and `on_bad` is "raise".

    Example:
        >>> from PIL import Image
        >>> from pykeras_tl.images import pack_images
        >>> os.makedirs("pets/cat")
        >>> Image.new("RGB", (9, 9)).save("pets/cat/1.png")
        >>> iterator = ShardIterator(pack_images("pets", "packed"), target_size=(8, 8))
        Found 1 images belonging to 1 classes in 1 shards.
        >>> iterator.class_indices, iterator.filenames
        ({'cat': 0}, ['cat/1.png'])
    """

    def __init__(
        self,
        shards: Source,
        image_data_generator: Augmenter | None = None,
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        workers: int | None = None,
        **options: Any,
    ) -> None:
        chosen = ImageOptions(**options)
        fractions = subset_fractions(chosen.subset, image_data_generator)
        validate_class_mode(class_mode, _CLASS_MODES)
        table = list_packed_images(shards, chosen.extensions)
        names = list(classes) if classes else table.classes
        if unknown := [name for name in names if name not in table.classes]:
            raise ValueError(
                f"Expected classes of the shards: {table.classes}. Received: {names}, of which "
                f"{unknown} do not exist."
            )
        if fractions and fractions[0] == fractions[1]:
            raise ValueError(empty_subset(chosen.subset))
        rows, numbers = _rows(table, names, fractions)
        table = table.take(rows)
        print_message(
            f"Found {len(table.names)} images belonging to {len(names)} classes in "
            f"{len(table.shards)} shards."
        )
        bad_files = bad_files_table({})
        if chosen.check is not None or chosen.on_bad == "skip":
            paths = [table.path(row) for row in range(len(table.names))]
            keep, bad_files = find_bad_files("", paths, chosen, workers)
            table, numbers = table.take(np.flatnonzero(keep)), numbers[keep]
        super().__init__(
            table.names,
            os.path.dirname(table.shards[0]),
            image_data_generator,
            chosen,
            bad_files,
            batch_size,
            shuffle,
            seed,
            workers,
        )
        self.table = table
        self.class_mode = class_mode
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = numbers

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Returns:
            Hexadecimal digits. Where `SHA256SUMS` identifies the shards, no image is read.
        """
        table = self.table
        folders = {os.path.dirname(shard) for shard in table.shards}
        sums = {folder: shard_sums(folder) for folder in folders}
        known = [sums[os.path.dirname(each)].get(os.path.basename(each)) for each in table.shards]
        if all(known):
            contents = [f"{known[at]} {name}" for at, name in zip(table.numbers, table.names)]
        else:
            contents = content_hashes(self.filepaths)
        return self.options.fingerprint(contents, standardization_fingerprint(self))

    def _path(self, index: int) -> str:
        return self.table.path(index)

    def _files_digest(self) -> str:
        table = self.table
        digest = hashlib.blake2b(self.options.pixel_settings.encode(), digest_size=16)
        for shard in table.shards:
            digest.update(os.fsencode(f"{shard}\0{shard_version(shard)}\0"))
        for column in (table.numbers, table.offsets, table.sizes):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def _fetch(self, indices: Sequence[int], cache: PixelCache | None) -> dict[int, bytes]:
        if not is_url(self.table.shards[0]):
            return {}
        missing = [each for each in indices if cache is None or cache.get(each) is None]
        contents = read_many([self.table.place(each) for each in missing])
        return dict(zip(missing, contents, strict=True))

    def _read(self, index: int, content: bytes | None) -> np.ndarray:
        if content is None:
            content = read_at(*self.table.place(index))
        return decode_image(content, self._path(index), *self._reading)


def _rows(
    table: ShardTable, names: Sequence[str], fractions: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a subset, class by class, and their class numbers."""
    parts = []
    for name in names:
        rows = np.flatnonzero(table.labels == table.classes.index(name))
        if fractions:
            start, stop = (int(fraction * len(rows)) for fraction in fractions)
            rows = rows[start:stop]
        parts.append(rows)
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate(parts), numbers.astype("int32")
