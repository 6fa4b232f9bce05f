"""Base class of all image iterators."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...visualization.rich_display import Display, Displayed, list_names
from ..decoding.conversion import array_to_img
from ..threads import default_workers, parallel_for
from ..transforms.augmenter import Augmenter
from ..transforms.pipeline import BatchParams, ImagePipeline, overridden
from ..transforms.sampling import sample_batch_params
from .labels import encode_labels
from .options import ImageOptions
from .state import IteratorState


@dataclass(frozen=True, eq=False)
class BatchSpec:
    """The random decisions for one batch: sample indices and their transforms.

    Attributes:
        indices: Indices of the samples, shape (batch,).
        transforms: The transforms sampled for them.
        save_numbers: Numbers in the names of the files to save.
    """

    indices: np.ndarray
    transforms: BatchParams
    save_numbers: tuple[int, ...] = ()


class Iterator(Displayed, keras.utils.PyDataset):
    """Endless iterator over image batches; also indexable, and a dataset for `model.fit`.

    A batch is made in two steps: `next_batch_spec` makes the random decisions, in order and
    at little cost; `compute_batch` computes the arrays, which depend on the spec alone. So
    batches are the same for any number of threads.

    Args:
        n: Number of samples, 0 or more.
        batch_size: Samples in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the samples for each epoch.
        seed: Makes order and augmentation repeatable.
        workers: Number of threads; one for each available processor when None.

    Attributes:
        class_mode: How labels are encoded: "categorical", "sparse", "binary", "raw",
            "multi_output", "input", "array" (given as an array), or None without labels.
        class_indices: Class name to number; None where classes have no names.
        sample_weight: A weight for each sample, shape (n,); None without weights.

    Raises:
        ValueError: When `batch_size`, `seed` or `workers` is out of range.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> images = np.arange(3.0).reshape(3, 1, 1, 1)
        >>> iterator = ImageDataGenerator().flow(images, ["a", "b", "c"], batch_size=2, seed=0)
        >>> state = iterator.get_state()
        >>> spec = iterator.next_batch_spec()
        >>> x, y = iterator.compute_batch(spec)
        >>> spec.indices, x.shape, y
        (array([2, 1]), (2, 1, 1, 1), array(['c', 'b'], dtype='<U1'))
        >>> iterator.set_state(state)
        >>> next(iterator)[1]
        array(['c', 'b'], dtype='<U1')

    Source:
        `keras.src.legacy.preprocessing.image.Iterator`. As there, each batch is seeded with
        the seed plus the number of batches before it, an epoch's order is sampled from the
        random stream of its first batch, and an iterator over no samples has length 0 and
        yields empty batches.
    """

    image_data_generator: Augmenter | None = None
    data_format: str
    dtype: Any
    image_shape: tuple[int, ...]
    save_to_dir: str | os.PathLike[str] | None = None
    save_prefix: str = ""
    save_format: str = "png"
    class_mode: str | None = None
    class_indices: dict[str, int] | None = None
    sample_weight: np.ndarray | None = None

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, workers: int | None = None
    ) -> None:
        # With one worker, Keras starts no threads of its own beside ours.
        super().__init__(workers=1)
        _validate_integer("n", n, 0)
        # As in Keras, where nothing is batched the batch size does not matter.
        _validate_integer("batch_size", batch_size, 1 if n else 0)
        if workers is not None:
            _validate_integer("workers", workers, 1)
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
        # Reentrant, because Keras 2 code holds it while it advances `index_generator`.
        self.lock = threading.RLock()

    def _display(self) -> Display:
        facts = {"images": self.n, "batches": len(self), "batch size": self.batch_size}
        classes = {"classes": list_names(self.class_names)} if self.class_names else {}
        return Display(type(self).__name__, facts | classes)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size) if self.n else 0

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self.compute_batch(self.next_batch_spec())

    def next(self) -> Any:
        """Return the next batch, as `next(iterator)` does; scripts for Keras 2 call it."""
        return next(self)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise ValueError(
                f"Expected a batch index below {len(self)}, the number of batches. "
                f"Received: {index}"
            )
        with self.lock:
            self._seed_batch()
            if self.index_array is None:
                self._set_index_array()
            assert self.index_array is not None
            start = self.batch_size * index
            spec = self._batch_spec(self.index_array[start : start + self.batch_size])
        return self.compute_batch(spec)

    def next_batch_spec(self) -> BatchSpec:
        """Make the random decisions of the next batch and advance.

        Returns:
            The spec, for `compute_batch`.
        """
        with self.lock:
            self._seed_batch()
            if self.batch_index == 0 or self.index_array is None:
                self._set_index_array()
            assert self.index_array is not None
            start = (self.batch_index * self.batch_size) % max(self.n, 1)
            last = self.n <= start + self.batch_size
            self.batch_index = 0 if last else self.batch_index + 1
            return self._batch_spec(self.index_array[start : start + self.batch_size])

    def compute_batch(self, spec: BatchSpec, workers: int | None = None) -> Any:
        """Compute a batch. It depends on the spec alone, and is safe to call from threads.

        Args:
            spec: A batch's random decisions, from `next_batch_spec`.
            workers: Number of threads; the iterator's own when None.

        Returns:
            The batch, depending on the class mode: x, (x, y) or (x, y, sample_weight).

        Raises:
            BadImageError: When a file cannot be read.
        """
        x = np.empty((len(spec.indices), *self.image_shape), self.dtype)
        pipeline = ImagePipeline(
            self.image_data_generator, self.data_format, np.dtype(self._working_dtype())
        )
        sources = self._sources(spec.indices)

        def compute(index: int) -> None:
            pipeline.run(sources(index), spec.transforms, index, x[index])

        parallel_for(compute, len(x), 1 if self.main_thread_only else workers or self.threads)
        if self.save_to_dir is not None:
            self._save(x, spec)
        return self._batch(x, spec.indices)

    def compute_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Return samples' pixels before augmentation and standardization, uint8 of 8-bit files."""
        sources = self._sources(indices)
        return np.stack([sources(position) for position in range(len(indices))])

    @property
    def index_generator(self) -> Generator[np.ndarray, None, None]:
        """Endless generator of the sample indices of each next batch; it advances the iterator."""
        while True:
            yield self.next_batch_spec().indices

    def reset(self) -> None:
        """Start a new epoch with the next batch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Shuffle the samples again, if the iterator shuffles."""
        with self.lock:
            self._set_index_array()

    def get_state(self) -> IteratorState:
        """Return the iterator's position, from which it always yields the same batches.

        Returns:
            The state, for `set_state`.
        """
        with self.lock:
            random = self._random.get_state() if self.seed is None else None
            return IteratorState(
                self.total_batches_seen, self.batch_index, self.index_array, random
            )

    def set_state(self, state: IteratorState) -> None:
        """Move the iterator to a position.

        Args:
            state: What `get_state` of an iterator over the same samples returned.
        """
        with self.lock:
            self.total_batches_seen = state.total_batches_seen
            self.batch_index = state.batch_index
            self.index_array = state.index_array
            if state.random is not None:
                self._random.set_state(state.random)

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes in the order of their numbers; None where they have none."""
        if self.class_indices is None:
            return None
        return sorted(self.class_indices, key=self.class_indices.__getitem__)

    @property
    def labels(self) -> Any:
        """Labels of all samples in their own order; None without labels."""
        return None

    @property
    def sample_names(self) -> list[str]:
        """What identifies each sample in a table: its path, or its index in an array."""
        return [str(index) for index in range(self.n)]

    @property
    def main_thread_only(self) -> bool:
        """Whether the preprocessing function may only run on the thread that asks for a batch."""
        if self.image_data_generator is None:
            return False
        function = self.image_data_generator.preprocessing_function
        return bool(getattr(function, "main_thread_only", False))

    @property
    def varies_between_epochs(self) -> bool:
        """Whether augmentation can make a sample's pixels differ between epochs.

        A preprocessing function is assumed to return the same for the same image.
        """
        generator = self.image_data_generator
        if generator is None:
            return False
        return generator.augments or overridden(
            generator, "get_random_transform", "apply_transform"
        )

    def targets(self, indices: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Return labels and weights of samples, encoded as in a batch.

        Args:
            indices: Indices of the samples.

        Returns:
            Labels (None without labels and for `class_mode="input"`) and weights, or None.
        """
        if self.class_mode is None:
            return None, None
        weight = self.sample_weight
        classes = len(self.class_indices or ())
        y = encode_labels(self.labels, indices, self.class_mode, classes, self.dtype)
        return y, None if weight is None else weight[indices]

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the pixels before augmentation.

        Returns:
            Hexadecimal digits. They change with the files or arrays, the target size, the
            color mode and the standardization; not with seed, order, batch size or labels.
        """
        raise NotImplementedError

    def in_file_order(self) -> Iterator:
        """Return an iterator over the same samples, unshuffled and without augmentation.

        Returns:
            The new iterator, at its start; the standardization is the same.
        """
        ordered = copy.copy(self)
        ordered.shuffle = False
        ordered.save_to_dir = None
        if self.image_data_generator is not None:
            ordered.image_data_generator = self.image_data_generator.without_augmentation()
        ordered._random = np.random.RandomState(self.seed)
        ordered._start()
        return ordered

    def _set_options(self, options: ImageOptions) -> None:
        """Set the attributes that Keras's iterators over files have."""
        self.options = options
        self.target_size = options.target_size
        self.color_mode = options.color_mode
        self.interpolation = options.interpolation
        self.keep_aspect_ratio = options.keep_aspect_ratio
        self.dtype_range = options.dtype_range
        self.data_format = options.data_format
        self.dtype = options.dtype
        self.image_shape = options.image_shape
        self.save_to_dir = options.save_to_dir
        self.save_prefix = options.save_prefix
        self.save_format = options.save_format
        self.subset = options.subset

    def _seed_batch(self) -> None:
        if self.seed is not None:
            self._random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _set_index_array(self) -> None:
        self.index_array = np.arange(self.n)
        if self.shuffle:
            self.index_array = self._random.permutation(self.n)

    def _batch_spec(self, indices: np.ndarray) -> BatchSpec:
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

    def _save(self, x: np.ndarray, spec: BatchSpec) -> None:
        assert self.save_to_dir is not None
        for image, index, number in zip(x, spec.indices, spec.save_numbers, strict=True):
            name = f"{self.save_prefix}_{index}_{number}.{self.save_format}"
            pil_image = array_to_img(image, self.data_format, scale=True)
            pil_image.save(Path(self.save_to_dir) / name)

    def _save_numbers_below(self) -> int:
        """Return the bound of the random numbers in the names of saved files."""
        return 10_000_000

    def _working_dtype(self) -> Any:
        """Return the data type that images are transformed in."""
        return self.dtype

    def _sources(self, indices: np.ndarray) -> Any:
        """Return a function from an index within the batch to pixels (height, width, channels)."""
        raise NotImplementedError

    def _batch(self, x: np.ndarray, indices: np.ndarray) -> Any:
        if self.class_mode is None:
            return x
        y, weight = self.targets(indices)
        if self.class_mode == "input":
            y = x.copy()
        return (x, y) if weight is None else (x, y, weight)


def _validate_integer(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"Expected {name} to be an integer >= {least}. Received: {value!r}")
