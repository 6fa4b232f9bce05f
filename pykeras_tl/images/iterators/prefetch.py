"""Batches computed ahead of the training step by threads, in a bounded queue.

Keras's own prefetching takes batches from an iterator in several threads, so that the random
decisions can depend on which thread is first. Here the specs (`Iterator.next_batch_spec`) are taken
one after another under a lock, and only the computation (`Iterator.compute_batch`) runs in
parallel; batches are returned in the order of their specs. So the batches are those of
`next(iterator)` for any number of threads, and the position after each batch is known.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..threads import default_workers

Spec = TypeVar("Spec")
# Where waiting for a lock blocks Ctrl-C, it is handled after this many seconds.
_WAIT_SECONDS = 0.2


class Prefetcher(Generic[Spec]):
    """Iterator over batches that threads compute ahead, in the order of their specs.

    Args:
        next_spec: Returns the next spec, at little cost; raises StopIteration after the last.
        compute: Computes the batch of a spec; called in several threads at once.
        workers: Number of threads; one for each available processor when None. With 0, batches
            are computed by `next`, on the calling thread.
        ahead: Maximum number of batches in progress or finished and not yet returned;
            `workers` + 2 when None.

    Raises:
        ValueError: When `workers` is below 0 or `ahead` below 1.

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
                "Expected workers >= 0 and ahead >= 1. "
                f"Received: workers={workers} and ahead={ahead}."
            )
        self._queue = _Queue(next_spec, compute, ahead)
        self._threads = [
            threading.Thread(target=self._queue.work, name="pykeras_tl-prefetch", daemon=True)
            for _ in range(workers)
        ]
        # Threads refer to the queue only, so that they end when the iterator is deleted.
        self._end = weakref.finalize(self, self._queue.close)
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Prefetcher[Spec]:
        return self

    def __next__(self) -> Any:
        return self._queue.take() if self._threads else self._queue.compute_next()

    def __enter__(self) -> Prefetcher[Spec]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop taking specs. Threads end after the batch that they are computing."""
        self._end()
        with self._queue.taking_spec:
            pass


class _Queue(Generic[Spec]):
    """State shared by the threads and the consumer."""

    def __init__(
        self, next_spec: Callable[[], Spec], compute: Callable[[Spec], Any], ahead: int
    ) -> None:
        self.next_spec = next_spec
        self.compute = compute
        self.ahead = ahead
        self.taking_spec = threading.Lock()
        self.changed = threading.Condition()
        self.finished: dict[int, Any] = {}
        self.errors: dict[int, BaseException] = {}
        self.started = 0
        self.returned = 0
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
            # A thread that waits for its next task must not keep a batch in memory.
            del batch, spec, task

    def take(self) -> Any:
        with self.changed:
            while self.returned not in self.finished and self.returned not in self.errors:
                if self.closed or (self.last is not None and self.returned >= self.last):
                    raise StopIteration
                self.changed.wait(_WAIT_SECONDS)
            if self.returned in self.errors:
                self.closed = True
                self.changed.notify_all()
                raise self.errors.pop(self.returned)
            batch = self.finished.pop(self.returned)
            self.returned += 1
            self.changed.notify_all()
            return batch

    def compute_next(self) -> Any:
        if self.closed:
            raise StopIteration
        return self.compute(self.next_spec())

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.finished.clear()
            self.changed.notify_all()

    def _next_task(self) -> tuple[int, Spec] | None:
        """Wait for space in the queue and take a spec; return None when there is no more work."""
        with self.taking_spec:
            with self.changed:
                while not self.closed and self.started - self.returned >= self.ahead:
                    self.changed.wait()
                if self.closed or self.last is not None or self.errors:
                    return None
                number = self.started
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
                self.started += 1
            return number, spec

    def _finish(self, number: int, batch: Any = None, error: BaseException | None = None) -> None:
        with self.changed:
            if error is not None:
                self.errors[number] = error
            elif not self.closed:
                self.finished[number] = batch
            self.changed.notify_all()
