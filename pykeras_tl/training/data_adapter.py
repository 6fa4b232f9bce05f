"""Hands a flow's batches to Keras's `fit`, strictly in the order in which they are drawn."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import keras

from ..images.iterators.base import Iterator
from ..images.iterators.prefetch import Prefetcher
from ..images.iterators.state import IteratorState, read_position, set_position


class Source(Protocol):
    """What a feed needs of a flow; frozen features stand in for one."""

    main_thread_only: bool

    def draw(self) -> Any:
        """Draw what is random in the next batch."""

    def make(self, plan: Any) -> Any:
        """Make the batch."""

    def reset(self) -> None:
        """Go back to the first batch of a pass."""

    def __len__(self) -> int: ...


class Batches(Protocol):
    """A run of finished batches in order."""

    def __next__(self) -> Any: ...

    def close(self) -> None:
        """Stop the work ahead."""


class SequentialDataset(keras.utils.PyDataset):
    """A data set of Keras whose batches come one after another, each made once.

    Keras looks at the first two batches before training begins, and asks for a few more at
    the end than it trains on. Neither changes what is trained on: the first are kept and
    given again, and past the end the last one is repeated, which nobody uses.

    Args:
        source: The flow, or what stands in for it.
        passes: How many runs of `steps` batches follow each other, where each goes on where
            the last one ended; `None` when each run begins anew, as in validation.
        steps: Batches in a run.
        workers: Threads that make batches; the flow's own number by default.
    """

    def __init__(
        self, source: Source, passes: int | None, steps: int, workers: int | None = None
    ) -> None:
        super().__init__()
        self.source = source
        # What stands in for a flow draws from one.
        self._flow: Any = getattr(source, "flow", source)
        self.steps = steps
        self.error: BaseException | None = None
        self._passes = passes
        self._threads = workers
        self._head: list[Any] = []
        self._begun = False
        self._last: Any = None
        self._positions: deque[IteratorState] = deque()
        self.batches = self._start()

    @property
    def num_batches(self) -> int | None:
        """Batches in a run; `None` where the runs follow each other without an end."""
        return self.steps if self._passes is None else None

    def __getitem__(self, index: int) -> Any:
        """Give the next batch; `index` only tells the first ones, which Keras reads twice."""
        if index < len(self._head):
            return self._head[index]
        try:
            batch = next(self.batches)
        except StopIteration:
            return self._last
        except BaseException as error:
            self.error = error
            raise
        self._last = batch
        if not self._begun:
            self._head.append(batch)
        return batch

    def on_epoch_begin(self) -> None:
        """Begin a new run where each begins anew."""
        if self._begun and self._passes is None:
            self._head.clear()
            self.batches.close()
            self.batches = self._start()
        self._begun = True

    def count_used(self) -> None:
        """Note that one more batch has been trained on."""
        if len(self._positions) > 1:
            self._positions.popleft()

    def position(self) -> IteratorState:
        """Where the source stood when the last batch that was used had been drawn.

        Where each run begins anew, that is asked for before the first or after a whole one.
        """
        if self._passes is None and self._begun:
            return read_position(self._flow)
        return self._positions[0]

    def close(self) -> None:
        """Stop the threads, and take the source back to just behind the last batch used."""
        self.batches.close()
        set_position(self._flow, self.position())

    def _start(self) -> Batches:
        if not self._positions:
            self._positions.append(read_position(self._flow))
        if self._passes is None:
            self.source.reset()
        remaining = self.steps * (self._passes or 1)

        def draw() -> Any:
            nonlocal remaining
            if remaining == 0:
                raise StopIteration
            remaining -= 1
            plan = self.source.draw()
            if self._passes is not None:
                self._positions.append(read_position(self._flow))
            return plan

        return batches(draw, self.source, self._threads)


def batches(draw: Callable[[], Any], source: Source, workers: int | None = None) -> Batches:
    """Make a source's batches ahead of their use, in order.

    Args:
        draw: Gives the next plan; raises StopIteration at the end.
        source: Makes the batches of these plans.
        workers: Threads; the flow's own number by default.

    Returns:
        The batches.
    """
    if source.main_thread_only:
        return MainThreadBatches(draw, source.make)
    if isinstance(source, Iterator):
        # Each thread makes a whole batch, and needs no further ones for that.
        return Prefetcher(draw, partial(source.make, workers=1), workers or source.threads)
    return Prefetcher(draw, source.make, workers)


class MainThreadBatches:
    """Batches made by the main thread and taken by any.

    An R function runs on R's one thread only, while Keras asks for batches from a thread of
    its own; so the training loop, which runs on the main thread, makes one before each step.

    Args:
        draw: Gives the next plan; raises StopIteration at the end.
        make: Makes the batch of a plan.
    """

    def __init__(self, draw: Callable[[], Any], make: Callable[[Any], Any]) -> None:
        self._draw = draw
        self._make = make
        self._made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._end = object()

    def make_one(self) -> None:
        """Make the next batch, on the thread that calls this."""
        try:
            self._made.put(self._make(self._draw()))
        except StopIteration:
            self._made.put(self._end)

    def __next__(self) -> Any:
        """Give the next batch, waiting for it where another thread makes them."""
        if threading.current_thread() is threading.main_thread() and self._made.empty():
            self.make_one()
        batch = self._made.get()
        if batch is self._end:
            self._made.put(self._end)
            raise StopIteration
        return batch

    def close(self) -> None:
        """Let go whoever waits."""
        self._made.put(self._end)


@dataclass
class FitData:
    """The feeds that Keras's `fit` takes from at a time.

    Attributes:
        training: What is trained on.
        validation: What is validated on, where that is a flow.
    """

    training: SequentialDataset
    validation: SequentialDataset | None

    def positions(self) -> dict[str, IteratorState]:
        """Where the flows stand, between two batches of training."""
        named = {"training": self.training, "validation": self.validation}
        return {name: feed.position() for name, feed in named.items() if feed is not None}

    def error(self) -> BaseException | None:
        """What went wrong when a batch was made."""
        errors = [feed.error for feed in (self.training, self.validation) if feed is not None]
        return next((error for error in errors if error is not None), None)

    def stop(self) -> None:
        """Stop the threads."""
        self.training.batches.close()
        if self.validation is not None:
            self.validation.batches.close()

    def close(self) -> None:
        """Stop the threads, and take the flow to just behind the last batch used."""
        self.training.close()
        if self.validation is not None:
            self.validation.close()


class FitDataCallback(keras.callbacks.Callback):
    """Makes main-thread batches just before they are needed, and counts those used."""

    feeds: FitData

    def __init__(self) -> None:
        super().__init__()
        self._first = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Make a batch for training."""
        self._first = batch
        self._make(self.feeds.training)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Make a batch for validation."""
        if self.feeds.validation is not None:
            self._make(self.feeds.validation)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batches since the last time; Keras may take several at once."""
        for _ in range(batch + 1 - self._first):
            self.feeds.training.count_used()

    def on_train_end(self, logs: Any = None) -> None:
        """Stop the threads before Keras takes its own down."""
        self.feeds.stop()

    def _make(self, feed: SequentialDataset) -> None:
        if isinstance(feed.batches, MainThreadBatches):
            for _ in range(self.model.steps_per_execution):
                feed.batches.make_one()
