"""Passes an iterator's batches to Keras's `fit`, strictly in the order they are drawn."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import keras
import numpy as np

from ..images.iterators.base import Iterator
from ..images.iterators.prefetch import Prefetcher
from ..images.iterators.state import IteratorState


class BatchSource(Protocol):
    """What `SequentialDataset` needs of an iterator, or of cached features in its place."""

    main_thread_only: bool
    threads: int | None

    def next_batch_spec(self) -> Any:
        """Make the random decisions of the next batch."""

    def compute_batch(self, spec: Any) -> Any:
        """Compute the batch of a spec."""

    def reset(self) -> None:
        """Start a new epoch with the next batch."""

    def get_state(self) -> IteratorState:
        """Return the position in the data."""

    def set_state(self, state: IteratorState) -> None:
        """Move to a position in the data."""

    def __len__(self) -> int: ...


class DerivedBatches:
    """Yields batches that are made from an iterator's, in the iterator's place.

    Args:
        iterator: The iterator over images.
    """

    main_thread_only = False
    threads: int | None = None

    def __init__(self, iterator: Iterator) -> None:
        self.iterator = iterator

    def next_batch_spec(self) -> Any:
        """Make the random decisions of the next batch."""
        return self.iterator.next_batch_spec()

    def compute_batch(self, spec: Any) -> tuple[Any, ...]:
        """Compute the batch of a spec."""
        raise NotImplementedError

    def reset(self) -> None:
        """Start a new epoch with the next batch."""
        self.iterator.reset()

    def get_state(self) -> IteratorState:
        """Return the iterator's position."""
        return self.iterator.get_state()

    def set_state(self, state: IteratorState) -> None:
        """Move the iterator to a position."""
        self.iterator.set_state(state)

    def __len__(self) -> int:
        return len(self.iterator)


class BatchStream(Protocol):
    """Finished batches in order."""

    def __next__(self) -> Any: ...

    def close(self) -> None:
        """Stop computing batches ahead."""


class SequentialDataset(keras.utils.PyDataset):
    """A Keras dataset whose batches come one after another, each computed once.

    Keras looks at the first two batches before training begins, which changes nothing: they are
    kept and returned again. On some backends Keras runs through the start of an epoch to build
    the model; what counts as the start of training is `begin`.

    Args:
        source: The iterator, or cached features in its place.
        runs: Number of runs of `steps` batches, each of which continues where the last one
            ended; None when each run starts a new epoch, as in validation.
        steps: Batches in a run.
        workers: Number of threads that compute batches; the iterator's own by default.
        parts: Number of equal parts into which Keras cuts each batch; one that cannot be cut is
            repeated so often, and each part is all of it.
    """

    def __init__(
        self,
        source: BatchSource,
        runs: int | None,
        steps: int,
        workers: int | None = None,
        parts: int = 1,
    ) -> None:
        super().__init__()
        self.source = source
        self.steps = steps
        self.error: BaseException | None = None
        self._runs = runs
        self._threads = workers
        self._parts = parts
        self._first_batches: list[Any] = []
        self._began = False
        self._started = False
        self._last: Any = None
        self._states: deque[IteratorState] = deque()
        self.batches = self._start()

    @property
    def num_batches(self) -> int:
        """Batches in a run. With a known end, several steps at once do not cross it."""
        return self.steps

    def __getitem__(self, index: int) -> Any:
        """Return the next batch; `index` only matters for the run's first ones, read twice."""
        if index < len(self._first_batches):
            return self._first_batches[index]
        try:
            batch = _in_equal_parts(_with_tuples(next(self.batches)), self._parts)
        except StopIteration:
            return self._last
        except BaseException as error:
            self.error = error
            raise
        self._last = batch
        if not self._started:
            self._first_batches.append(batch)
        return batch

    def begin(self) -> None:
        """Note that training begins: Keras has done with looking at batches."""
        self._began = True

    def on_epoch_begin(self) -> None:
        """Start a new run, with a new epoch where each run starts one."""
        if not self._began:
            return
        if self._started:
            self._first_batches.clear()
            if self._runs is None:
                self.batches.close()
                self.batches = self._start()
        self._started = True

    def count_used(self) -> None:
        """Record that one more batch has been trained on."""
        if len(self._states) > 1:
            self._states.popleft()

    def state(self) -> IteratorState:
        """Return the source's state just after the last batch that was used.

        Where each run starts a new epoch, that is only asked for between two runs.
        """
        if self._runs is None and self._started:
            return self.source.get_state()
        return self._states[0]

    def close(self) -> None:
        """Stop the threads, and move the source to just after the last batch used."""
        self.batches.close()
        self.source.set_state(self.state())

    def _start(self) -> BatchStream:
        if not self._states:
            self._states.append(self.source.get_state())
        if self._runs is None:
            self.source.reset()
        remaining = self.steps * (self._runs or 1)

        def next_spec() -> Any:
            nonlocal remaining
            if remaining == 0:
                raise StopIteration
            remaining -= 1
            spec = self.source.next_batch_spec()
            if self._runs is not None:
                self._states.append(self.source.get_state())
            return spec

        return batches(next_spec, self.source, self._threads)


def _with_tuples(batch: Any) -> Any:
    """Replace the lists of several inputs or outputs, which Keras takes for single tensors."""
    if isinstance(batch, list | tuple):
        return tuple(map(_with_tuples, batch))
    return batch


def _in_equal_parts(batch: Any, parts: int) -> Any:
    if parts == 1 or len(keras.tree.flatten(batch)[0]) % parts == 0:
        return batch
    return keras.tree.map_structure(lambda array: np.concatenate([array] * parts), batch)


def batches(
    next_spec: Callable[[], Any], source: BatchSource, workers: int | None = None
) -> BatchStream:
    """Compute a source's batches ahead of their use, in order.

    Args:
        next_spec: Returns the next batch's spec; raises StopIteration at the end.
        source: Computes the batches of these specs.
        workers: Number of threads; the iterator's own by default.

    Returns:
        The batches.
    """
    if source.main_thread_only:
        return MainThreadBatches(next_spec, source.compute_batch)
    compute: Callable[[Any], Any] = source.compute_batch
    if isinstance(source, Iterator):
        # Each thread computes a complete batch, and needs no further threads for that.
        compute = partial(source.compute_batch, workers=1)
    return Prefetcher(next_spec, compute, workers or source.threads)


class MainThreadBatches:
    """Batches computed by the main thread and taken by any thread.

    An R function only runs on R's one thread, while Keras asks for batches from a thread of
    its own; so the training loop, which runs on the main thread, computes one before each step.

    Args:
        next_spec: Returns the next batch's spec; raises StopIteration at the end.
        compute: Computes the batch of a spec.
    """

    def __init__(self, next_spec: Callable[[], Any], compute: Callable[[Any], Any]) -> None:
        self._next_spec = next_spec
        self._compute = compute
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._end = object()

    def compute_next(self) -> None:
        """Compute the next batch on the calling thread."""
        try:
            self._ready.put(self._compute(self._next_spec()))
        except StopIteration:
            self._ready.put(self._end)

    def __next__(self) -> Any:
        """Return the next batch, waiting for it where another thread computes it."""
        if threading.current_thread() is threading.main_thread() and self._ready.empty():
            self.compute_next()
        batch = self._ready.get()
        if batch is self._end:
            self._ready.put(self._end)
            raise StopIteration
        return batch

    def close(self) -> None:
        """Release waiting consumers."""
        self._ready.put(self._end)


@dataclass
class FitData:
    """The datasets that one call of Keras's `fit` draws from.

    Attributes:
        training: The training data, where they come from a source of batches.
        validation: The validation data, where they do.
    """

    training: SequentialDataset | None
    validation: SequentialDataset | None

    def states(self) -> dict[str, IteratorState]:
        """Return the states of the iterators, between two training batches."""
        return {name: dataset.state() for name, dataset in self._named().items()}

    def begin(self) -> None:
        """Note that an epoch of training begins."""
        for dataset in self._named().values():
            dataset.begin()

    def error(self) -> BaseException | None:
        """Return the error that was raised when a batch was computed, if any."""
        errors = [dataset.error for dataset in self._named().values()]
        return next((error for error in errors if error is not None), None)

    def stop(self) -> None:
        """Stop the threads."""
        for dataset in self._named().values():
            dataset.batches.close()

    def close(self) -> None:
        """Stop the threads, and move the iterators to just after the last batch used."""
        for dataset in self._named().values():
            dataset.close()

    def _named(self) -> dict[str, SequentialDataset]:
        named = {"training": self.training, "validation": self.validation}
        return {name: dataset for name, dataset in named.items() if dataset is not None}


class FitDataCallback(keras.callbacks.Callback):
    """Computes main-thread batches just before they are needed, and counts those used."""

    fit_data: FitData

    def __init__(self) -> None:
        super().__init__()
        self._first = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Let the datasets know, before Keras asks them for the epoch's batches."""
        self.fit_data.begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Compute a training batch."""
        self._first = batch
        self._compute_next(self.fit_data.training)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Compute a validation batch."""
        self._compute_next(self.fit_data.validation)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batches since the last time; Keras may take several at once.

        It then counts on beyond the end of the epoch where their number does not divide its
        batches.
        """
        if self.fit_data.training is not None:
            for _ in range(min(batch + 1, self.params["steps"]) - self._first):
                self.fit_data.training.count_used()

    def on_train_end(self, logs: Any = None) -> None:
        """Stop the threads before Keras stops its own."""
        self.fit_data.stop()

    def _compute_next(self, dataset: SequentialDataset | None) -> None:
        if dataset is not None and isinstance(dataset.batches, MainThreadBatches):
            for _ in range(self.model.steps_per_execution):
                dataset.batches.compute_next()
