"""Batches computed ahead of the training step, in a bounded queue."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from ..threads import default_workers

Spec = TypeVar("Spec")
# How long a wait may keep the interpreter from seeing Ctrl-C on systems where locks block it.
_PATIENCE = 0.2


class Prefetcher(Generic[Spec]):
    """An iterator over finished batches that are made ahead by threads of its own.

    Plans are drawn one after another, whichever thread does it, and batches come in the
    order of their specs. At most `ahead` batches are finished or in the making.

    Args:
        next_spec: Gives the next spec, at little cost; raises StopIteration after the last one.
        compute: Makes the batch of a spec; called in several threads at once.
        workers: Threads; as many as there are processors when absent. With 0, `next` does
            the work itself, on the thread that calls it.
        ahead: Batches that may be waiting; two more than `workers` when absent.

    Raises:
        ValueError: When `workers` or `ahead` is negative or `ahead` is 0.

    Example:
        >>> specs = iter(range(3))
        >>> with Prefetcher(specs.__next__, lambda spec: spec * 10, workers=2) as batches:
        ...     list(batches)
        [0, 10, 20]
    """

    def __init__(
        self,
        next_spec: Callable[[], Spec],
        compute: Callable[[Spec], Any],
        workers: int | None = None,
        ahead: int | None = None,
    ) -> None:
        workers = default_workers() if workers is None else workers
        ahead = workers + 2 if ahead is None else ahead
        if workers < 0 or ahead < 1:
            raise ValueError(
                f"workers should be 0 or more and ahead 1 or more. Received: {workers}, {ahead}"
            )
        self._queue = _Queue(next_spec, compute, ahead)
        self._threads = [
            threading.Thread(target=self._queue.work, name="pykeras_tl-prefetch", daemon=True)
            for _ in range(workers)
        ]
        # Threads know the queue alone, so that dropping the iterator ends them.
        self._end = weakref.finalize(self, self._queue.close)
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Prefetcher[Spec]:
        return self

    def __next__(self) -> Any:
        return self._queue.take() if self._threads else self._queue.make_next()

    def __enter__(self) -> Prefetcher[Spec]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop drawing, now. Threads end by themselves when the batch they are at is made."""
        self._end()
        with self._queue.drawing:
            pass


def prefetch(
    flow: Any, count: int | None = None, workers: int | None = None, ahead: int | None = None
) -> Prefetcher[Any]:
    """Make a flow's next batches ahead of their use.

    Args:
        flow: A flow of `ImageDataGenerator`.
        count: How many batches to draw; without end when absent.
        workers: Threads; the flow's own number when absent. A flow whose preprocessing
            function may only run on the main thread gets none.
        ahead: Batches that may be waiting; two more than `workers` when absent.

    Returns:
        An iterator over `count` batches, the same as `next(flow)` gives.

    Example:
        >>> import numpy as np
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), batch_size=2)
        >>> [batch.shape for batch in prefetch(flow, count=2)]
        [(2, 8, 8, 3), (2, 8, 8, 3)]
    """
    numbers = itertools.count() if count is None else iter(range(count))

    def next_spec() -> Any:
        next(numbers)
        return flow.next_batch_spec()

    workers = flow.threads if workers is None else workers
    # One thread a batch: with several batches at work there is nothing to wait for.
    return Prefetcher(
        next_spec,
        partial(flow.compute_batch, workers=1),
        0 if flow.main_thread_only else workers,
        ahead,
    )


class _Queue(Generic[Spec]):
    """What the threads and the consumer share."""

    def __init__(
        self, next_spec: Callable[[], Spec], compute: Callable[[Spec], Any], ahead: int
    ) -> None:
        self.next_spec = next_spec
        self.compute = compute
        self.ahead = ahead
        self.drawing = threading.Lock()
        self.changed = threading.Condition()
        self.finished: dict[int, Any] = {}
        self.errors: dict[int, BaseException] = {}
        self.drawn = 0
        self.taken = 0
        self.last: int | None = None
        self.closed = False

    def work(self) -> None:
        while (task := self._next_task()) is not None:
            number, spec = task
            try:
                batch = self.compute(spec)
            except BaseException as error:
                self._finish(number, error=error)
                return
            self._finish(number, batch=batch)
            # A thread that waits for its next task must not hold on to a batch.
            del batch, spec, task

    def take(self) -> Any:
        with self.changed:
            while self.taken not in self.finished and self.taken not in self.errors:
                if self.closed or (self.last is not None and self.taken >= self.last):
                    raise StopIteration
                self.changed.wait(_PATIENCE)
            if self.taken in self.errors:
                self.closed = True
                self.changed.notify_all()
                raise self.errors.pop(self.taken)
            batch = self.finished.pop(self.taken)
            self.taken += 1
            self.changed.notify_all()
            return batch

    def make_next(self) -> Any:
        if self.closed:
            raise StopIteration
        return self.compute(self.next_spec())

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.finished.clear()
            self.changed.notify_all()

    def _next_task(self) -> tuple[int, Spec] | None:
        """Wait for room in the queue and draw a spec; None when there is nothing left to do."""
        with self.drawing:
            with self.changed:
                while not self.closed and self.drawn - self.taken >= self.ahead:
                    self.changed.wait()
                if self.closed or self.last is not None or self.errors:
                    return None
                number = self.drawn
            try:
                spec = self.next_spec()
            except StopIteration:
                with self.changed:
                    self.last = number
                    self.changed.notify_all()
                return None
            except BaseException as error:
                self._finish(number, error=error)
                return None
            with self.changed:
                self.drawn += 1
            return number, spec

    def _finish(self, number: int, batch: Any = None, error: BaseException | None = None) -> None:
        with self.changed:
            if error is not None:
                self.errors[number] = error
            elif not self.closed:
                self.finished[number] = batch
            self.changed.notify_all()
