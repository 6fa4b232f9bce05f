"""Work on many images in several threads.

Decoding and OpenCV release the interpreter's lock, so threads are enough, and one pool serves
all batches of the process. OpenCV splits only images of more than about 100,000 pixels over
threads of its own. That setting applies to the whole process, so it is not changed here: on two
processors, throughput was the same with one and with two OpenCV threads.
"""

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
    """Return the number of processors that this process may use, at least 1.

    A container or a job scheduler may allow fewer processors than the machine has.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def parallel_for(work: Callable[[int], None], count: int, workers: int) -> None:
    """Call `work(0)` to `work(count - 1)`, in any order and in several threads.

    The calling thread works too. The first exception stops the others and is raised here.

    Args:
        work: The function to call; it must not depend on the order of the calls.
        count: The number of calls.
        workers: The number of threads, including the calling one.

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
    # `next` on a counter is atomic: no number is taken twice.
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
        # A helper that has not started has nothing left to do.
        running = [helper for helper in helpers if not helper.cancel()]
        for helper in running:
            helper.result()
    except BaseException:
        stopped.set()
        raise


def _executor(threads: int) -> ThreadPoolExecutor:
    """Return the pool that all batches share, with at least `threads` threads."""
    global _pool, _pool_size
    with _lock:
        if _pool is None or _pool_size < threads:
            _pool = ThreadPoolExecutor(threads, thread_name_prefix="pykeras_tl-images")
            _pool_size = threads
        return _pool


def _forget_pool() -> None:
    # A forked process does not inherit threads.
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
