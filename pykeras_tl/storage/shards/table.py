"""The images in shards as a compact table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from .index import Source, find_shards, read_members


@dataclass(frozen=True, eq=False)
class ShardTable:
    """The images in shards, in the order of Keras's `flow_from_directory`.

    Attributes:
        shards: Paths or URLs of the shards.
        names: Names of the images, `CLASS/…`.
        classes: The classes, sorted.
        labels: Number of each image's class, int32 of shape (images,).
        numbers: Number of each image's shard, int32 of shape (images,).
        offsets: Where each begins in its shard, int64 of shape (images,).
        sizes: Lengths in bytes, int64 of shape (images,).
    """

    shards: list[str]
    names: list[str]
    classes: list[str]
    labels: np.ndarray
    numbers: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray

    def path(self, row: int) -> str:
        """Return the path of an image, `SHARD.tar/NAME`.

        Args:
            row: Number of the image.

        Returns:
            The path, or URL.
        """
        return f"{self.shards[self.numbers[row]]}/{self.names[row]}"

    def place(self, row: int) -> tuple[str, str, int, int]:
        """Return where an image is.

        Args:
            row: Number of the image.

        Returns:
            Shard, name, offset and size, as `read_at` takes them.
        """
        shard = self.shards[self.numbers[row]]
        return shard, self.names[row], int(self.offsets[row]), int(self.sizes[row])

    def take(self, rows: np.ndarray) -> ShardTable:
        """Return the table of some of the images; classes keep their numbers.

        Args:
            rows: Numbers of the images.

        Returns:
            The table.
        """
        columns = (self.labels[rows], self.numbers[rows], self.offsets[rows], self.sizes[rows])
        return ShardTable(self.shards, [self.names[row] for row in rows], self.classes, *columns)


def list_shards(source: Source, accept: Callable[[str], bool]) -> ShardTable:
    """List the images in shards.

    Args:
        source: A folder of shards or its URL, a shard, or several.
        accept: Called with the name of a file, `CLASS/…`; returns whether it is an image.

    Returns:
        The images in class folders.

    Raises:
        FileNotFoundError: When there is no shard.
        ValueError: When no image in them is in a class folder, or two have one name.
        OSError: When a shard cannot be read.
    """
    shards = find_shards(source)
    names: list[str] = []
    parts: list[tuple[np.ndarray, ...]] = []
    for number, members in enumerate(read_members(shards)):
        kept = [row for row, name in enumerate(members.names) if "/" in name and accept(name)]
        names += [members.names[row] for row in kept]
        where = np.full(len(kept), number, np.int32)
        parts.append((where, members.offsets[kept], members.sizes[kept]))
    if not names:
        raise ValueError(
            f"Expected images named CLASS/NAME in the shards {shards[0]}, …. Received: none. "
            "Make shards of a folder with one subfolder for each class, with `pykeras-tl pack`."
        )
    order = sorted(range(len(names)), key=[_keras_key(name) for name in names].__getitem__)
    numbers, offsets, sizes = (np.concatenate(column)[order] for column in zip(*parts))
    names = [names[row] for row in order]
    twice = next((one for one, other in pairwise(names) if one == other), None)
    if twice is not None:
        raise ValueError(f"Expected images with different names in shards. Received: two {twice}.")
    folders = np.array([name.partition("/")[0] for name in names], object)
    labels, classes = pd.factorize(folders)
    return ShardTable(
        shards, names, [str(name) for name in classes], labels.astype("int32"), numbers, offsets,
        sizes,
    )  # fmt: skip


def _keras_key(name: str) -> str:
    """Return a text that sorts as Keras does: by class, then folder, then name of the file."""
    folder, _, last = name.rpartition("/")
    return f"{folder.partition('/')[0]}\0{folder}\0{last}"
