"""The iterator over batches that all flows are."""

from __future__ import annotations

import copy
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..decoding.conversion import array_to_img
from ..image_data_generator import ImageDataGenerator
from ..threads import default_workers, parallel_for
from ..transforms.pipeline import BatchParams, ImagePipeline, overridden
from ..transforms.sampling import sample_batch_params


@dataclass(frozen=True, eq=False)
class BatchSpec:
    """All that chance decides about a batch: which samples, and what becomes of each.

    Attributes:
        indices: Numbers of the samples, shape (batch,).
        transforms: The transformations drawn for them.
        save_numbers: Numbers in the names of files that are to be saved.
    """

    indices: np.ndarray
    transforms: BatchParams
    save_numbers: tuple[int, ...] = ()


class Iterator(keras.utils.PyDataset):
    """Batches of images without end, also by number and as a dataset for `model.fit`.

    A batch comes about in two steps: `draw` makes all random decisions, in order and at
    little cost; `make` computes the arrays, which depends on the plan alone. So batches are
    the same whatever the number of threads.

    Args:
        n: Number of samples.
        batch_size: Samples in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to mix the samples anew for each epoch.
        seed: Makes order and augmentation repeatable.
        workers: Threads to compute with; as many as there are processors when absent.

    Raises:
        ValueError: When `batch_size`, `seed` or `workers` is out of range.

    Source:
        `keras.src.legacy.preprocessing.image.Iterator`. As there, each batch is seeded anew
        with the seed plus the number of batches before it, and an epoch's order is drawn
        from its first batch's stream.
    """

    image_data_generator: ImageDataGenerator | None
    data_format: str
    dtype: Any
    image_shape: tuple[int, ...]
    save_to_dir: str | os.PathLike[str] | None
    save_prefix: str
    save_format: str

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, workers: int | None = None
    ) -> None:
        # One worker: Keras then makes no threads of its own beside ours.
        super().__init__(workers=1)
        _check_whole("batch_size", batch_size, 1)
        if workers is not None:
            _check_whole("workers", workers, 1)
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.threads = workers or default_workers()
        self._random = np.random.RandomState(seed)
        self._start()

    def _start(self) -> None:
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return (self.n + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self.make(self.draw())

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise ValueError(
                f"Asked to retrieve element {index}, but the Sequence has length {len(self)}"
            )
        with self.lock:
            self._seed_batch()
            if self.index_array is None:
                self._set_index_array()
            assert self.index_array is not None
            start = self.batch_size * index
            plan = self._plan(self.index_array[start : start + self.batch_size])
        return self.make(plan)

    def draw(self) -> BatchSpec:
        """Make the next batch's random decisions and go on to the one after it.

        Returns:
            The plan, for `make`.
        """
        with self.lock:
            self._seed_batch()
            if self.batch_index == 0 or self.index_array is None:
                self._set_index_array()
            assert self.index_array is not None
            start = (self.batch_index * self.batch_size) % self.n
            last = self.n <= start + self.batch_size
            self.batch_index = 0 if last else self.batch_index + 1
            return self._plan(self.index_array[start : start + self.batch_size])

    def make(self, plan: BatchSpec, workers: int | None = None) -> Any:
        """Compute a batch. It depends on the plan alone, and threads may call it at once.

        Args:
            plan: What `draw` gave.
            workers: Threads to use; the flow's own number when absent.

        Returns:
            The batch as the flow's class mode has it: x, (x, y) or (x, y, sample_weight).

        Raises:
            BadImageError: When a file cannot be read.
        """
        x = np.empty((len(plan.indices), *self.image_shape), self.dtype)
        maker = ImagePipeline(
            self.image_data_generator, self.data_format, np.dtype(self._working_dtype())
        )
        sources = self._sources(plan.indices)

        def make_one(number: int) -> None:
            maker.make(sources(number), plan.transforms, number, x[number])

        parallel_for(make_one, len(x), 1 if self.main_thread_only else workers or self.threads)
        if self.save_to_dir is not None:
            self._save(x, plan)
        return self._batch(x, plan.indices)

    def reset(self) -> None:
        """Begin the next batch with a new epoch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Mix the samples anew."""
        with self.lock:
            self._set_index_array()

    @property
    def main_thread_only(self) -> bool:
        """Whether the preprocessing function may only run on the thread that asks for it."""
        function = getattr(self.image_data_generator, "preprocessing_function", None)
        return bool(getattr(function, "main_thread_only", False))

    @property
    def images_change(self) -> bool:
        """Whether augmentation can make a sample's pixels differ between epochs.

        A preprocessing function is taken to give the same for the same image.
        """
        generator = self.image_data_generator
        if generator is None:
            return False
        return generator.augments or overridden(
            generator, "get_random_transform", "apply_transform"
        )

    def targets(self, indices: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Give the labels and weights of samples as they stand in a batch.

        Args:
            indices: Numbers of the samples.

        Returns:
            Labels (None without labels, or when they are the images themselves) and weights
            (None without weights).
        """
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Give a digest of all that decides the samples' pixels before augmentation.

        Returns:
            Hexadecimal digits. They change with the files or arrays, the target size, the
            colour mode and the standardization; not with seed, order, batch size or labels.
        """
        raise NotImplementedError

    def in_file_order(self) -> Iterator:
        """Give a flow over the same samples in their own order and without augmentation.

        Returns:
            The new flow, at its start; the standardization is the same.
        """
        twin = copy.copy(self)
        twin.shuffle = False
        twin.save_to_dir = None
        if self.image_data_generator is not None:
            twin.image_data_generator = self.image_data_generator.without_augmentation()
        twin._random = np.random.RandomState(self.seed)
        twin._start()
        return twin

    def _seed_batch(self) -> None:
        if self.seed is not None:
            self._random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _set_index_array(self) -> None:
        self.index_array = np.arange(self.n)
        if self.shuffle:
            self.index_array = self._random.permutation(self.n)

    def _plan(self, indices: np.ndarray) -> BatchSpec:
        transforms = self._sample_batch_params(len(indices))
        numbers: tuple[int, ...] = ()
        if self.save_to_dir is not None:
            below = self._save_numbers_below()
            numbers = tuple(self._random.randint(below) for _ in indices)
        return BatchSpec(indices, transforms, numbers)

    def _sample_batch_params(self, count: int) -> BatchParams:
        generator = self.image_data_generator
        if generator is None:
            return None
        if overridden(generator, "get_random_transform"):
            return [generator.get_random_transform(self.image_shape) for _ in range(count)]
        first = self.data_format == "channels_first"
        height, width = self.image_shape[1:] if first else self.image_shape[:2]
        return sample_batch_params(generator, height, width, count, self._random)

    def _save(self, x: np.ndarray, plan: BatchSpec) -> None:
        assert self.save_to_dir is not None
        for image, index, number in zip(x, plan.indices, plan.save_numbers, strict=True):
            name = f"{self.save_prefix}_{index}_{number}.{self.save_format}"
            pil_image = array_to_img(image, self.data_format, scale=True)
            pil_image.save(Path(self.save_to_dir) / name)

    def _save_numbers_below(self) -> int:
        return 10_000_000

    def _working_dtype(self) -> Any:
        return self.dtype

    def _sources(self, indices: np.ndarray) -> Any:
        """Give a function from a place in the batch to pixels of (height, width, channels)."""
        raise NotImplementedError

    def _batch(self, x: np.ndarray, indices: np.ndarray) -> Any:
        raise NotImplementedError


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} should be a whole number of {least} or more. Received: {value!r}")
