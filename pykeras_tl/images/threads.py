"""The work on a batch, parallel_for over threads."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_pool: ThreadPoolExecutor | None = None
_pool_size = 0
_lock = threading.Lock()


def default_workers() -> int:
    """Count the processors that this process may use.

    Returns:
        The number, at least 1.

    Example:
        >>> default_workers() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def parallel_for(work: Callable[[int], None], count: int, workers: int) -> None:
    """Call `work` with each number below `count`, in several threads at once.

    The calling thread takes its share. The first error ends the work and is raised here.

    Args:
        work: What to do; it must not depend on the order.
        count: How many times.
        workers: Threads to use, the calling one included.

    Example:
        >>> done = []
        >>> parallel_for(done.append, 4, workers=2)
        >>> sorted(done)
        [0, 1, 2, 3]
    """
    workers = min(workers, count)
    if workers <= 1:
        for number in range(count):
            work(number)
        return
    # `next` on a counter is one step under the interpreter's lock: no number comes twice.
    counter = itertools.count()
    stopped = threading.Event()

    def take_share() -> None:
        try:
            while not stopped.is_set() and (number := next(counter)) < count:
                work(number)
        except BaseException:
            stopped.set()
            raise

    pool = _executor(workers - 1)
    helpers: list[Future[None]] = [pool.submit(take_share) for _ in range(workers - 1)]
    try:
        take_share()
        # A helper that has not begun finds nothing left to do.
        running = [helper for helper in helpers if not helper.cancel()]
        for helper in running:
            helper.result()
    except BaseException:
        stopped.set()
        raise


def _executor(threads: int) -> ThreadPoolExecutor:
    """Give the pool that all batches share, with that many threads or more."""
    global _pool, _pool_size
    with _lock:
        if _pool is None or _pool_size < threads:
            _pool = ThreadPoolExecutor(threads, thread_name_prefix="pykeras_tl-images")
            _pool_size = threads
        return _pool


def _forget_pool() -> None:
    # Threads do not live on in a forked process.
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
