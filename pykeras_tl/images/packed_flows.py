"""The methods of `ImageDataGenerator` that Keras's does not have: many images in few files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from ..storage.shards.index import Source
from .decoding.value_range import DtypeRange
from .iterators.array_file_iterator import ArrayFileIterator
from .iterators.shard_iterator import ShardIterator
from .transforms.augmenter import Augmenter

if TYPE_CHECKING:
    import pandas as pd


class PackedFlows:
    """Iterators over images in shards and in array files."""

    data_format: str
    dtype: str

    def flow_from_shards(
        self,
        shards: Source,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        check: str | None = None,
        on_bad: str = "raise",
        workers: int | None = None,
        cache: bool = True,
        formats: str = "keras",
        dtype_range: DtypeRange = None,
    ) -> ShardIterator:
        """Iterate over batches of the images in shards, which `pack_images` makes.

        Images are read from any place in the shards, so batches are those of
        `flow_from_directory` over the folder that was packed: with the same seed, the same
        images in the same order with the same augmentation. No order of shards and no buffer
        limits how they are mixed, and a training resumes where it was.

        Args:
            shards: A folder of shards, such as "cells" or "s3://bucket/cells"; a shard, or
                several. Any tar files will do whose images are named `CLASS/NAME`. URLs need
                the extra `s3` or `remote`, or what else fsspec asks for, such as gcsfs.
            target_size: Height and width in pixels that all images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Classes in the order of their numbers; all of them, sorted, when None.
            class_mode: "categorical", "sparse", "binary", "input" or None, as in
                `flow_from_directory`.
            batch_size: Images in a batch; the last one of an epoch may be smaller.
            shuffle: Whether to shuffle the images for each epoch.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Existing folder where the images of each batch are saved.
            save_prefix: Prefix of the names there.
            save_format: Format of the files there.
            subset: "training" or "validation", with `validation_split`.
            interpolation: How to resize, as in `read_image`.
            keep_aspect_ratio: Whether to crop images first, as in `flow_from_directory`.
            check: "all" decodes every image first, as in `flow_from_directory`.
            on_bad: "raise" or "skip", as in `flow_from_directory`.
            workers: Number of threads; one for each available processor when None.
            cache: Whether to keep decoded images for later epochs.
            formats: "keras" or "all", as in `flow_from_directory`.
            dtype_range: The range of values that becomes 0..255, as in `flow_from_directory`.

        Returns:
            An endless iterator over batches x or (x, y).

        Raises:
            FileNotFoundError: When there is no shard.
            ImportError: When a URL needs a package that is not installed.
            ValueError: When an argument is out of range or unknown, or there is no image.
            OSError: When a shard is damaged, or does not fit its index.

        Example:
            >>> from PIL import Image
            >>> from pykeras_tl.images import ImageDataGenerator, pack_images
            >>> for name in ["cat", "dog"]:
            ...     os.makedirs(f"pets/{name}")
            ...     Image.new("RGB", (9, 9)).save(f"pets/{name}/1.png")
            >>> shards = pack_images("pets", "packed")
            >>> iterator = ImageDataGenerator().flow_from_shards(shards, target_size=(8, 8))
            Found 2 images belonging to 2 classes in 1 shards.
            >>> [array.shape for array in next(iterator)]
            [(2, 8, 8, 3), (2, 2)]
        """
        return ShardIterator(
            shards,
            cast(Augmenter, self),
            classes,
            class_mode,
            batch_size,
            shuffle,
            seed,
            workers,
            target_size=target_size,
            color_mode=color_mode,
            data_format=self.data_format,
            dtype=self.dtype,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            check=check,
            on_bad=on_bad,
            cache=cache,
            formats=formats,
            dtype_range=dtype_range,
        )

    def flow_from_array_files(
        self,
        table: pd.DataFrame,
        target_size: tuple[int, int] = (256, 256),
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        interpolation: str = "nearest",
        workers: int | None = None,
    ) -> ArrayFileIterator:
        """Iterate over batches of images stored together in `.npy` or HDF5 files.

        Args:
            table: The images, as `array_file_table` and `read_hdf5` list them.
            target_size: Height and width in pixels that all images are resized to.
            classes: Names of the classes, as in `flow_from_dataframe`.
            class_mode: "categorical", "sparse", "binary", "input", or None.
            batch_size: Images in a batch; the last one of an epoch may be smaller.
            shuffle: Whether to shuffle the images for each epoch.
            seed: Makes order and augmentation repeatable.
            interpolation: How to resize, as in `read_image`.
            workers: Number of threads; one for each available processor when None.

        Returns:
            An endless iterator over batches x or (x, y).

        Raises:
            ValueError: When the table is empty, lacks a column or has other classes, or an
                argument is out of range or unknown.

        Example:
            >>> import numpy as np
            >>> from pykeras_tl.images import ImageDataGenerator, array_file_table
            >>> np.save("many.npy", np.zeros((3, 8, 8), "uint8"))
            >>> table = array_file_table("many.npy", ["cat", "dog", "cat"])
            >>> next(ImageDataGenerator().flow_from_array_files(table, (16, 16)))[0].shape
            (3, 16, 16, 3)
        """
        options = (target_size, classes, class_mode, batch_size, shuffle, seed, interpolation)
        return ArrayFileIterator(table, cast(Augmenter, self), *options, workers)
