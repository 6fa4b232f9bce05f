import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from pykeras_tl.images import BadImageError, ImageDataGenerator
from pykeras_tl.images.iterators.prefetch import Prefetcher


def counting(last=None):
    return iter(itertools.count() if last is None else range(last)).__next__


def prefetch(iterator, count=None, workers=2):
    """Compute an iterator's next batches ahead, as `fit` does."""
    numbers = itertools.count() if count is None else range(count)
    specs = (iterator.next_batch_spec() for _ in numbers)
    return Prefetcher(specs.__next__, iterator.compute_batch, workers)


def threads_left():
    return [t for t in threading.enumerate() if t.name == "pykeras_tl-prefetch"]


def wait_until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_come_in_order_whatever_takes_longest(workers):
    def make(plan):
        time.sleep(0.002 * (plan % 5))
        return plan

    with Prefetcher(counting(40), make, workers) as batches:
        assert list(batches) == list(range(40))
        assert list(batches) == []


def test_the_queue_is_bounded():
    drawn = []

    def draw():
        drawn.append(1)
        return len(drawn)

    with Prefetcher(draw, lambda plan: plan, workers=2, ahead=3) as batches:
        assert wait_until(lambda: len(drawn) == 3)
        time.sleep(0.05)
        assert len(drawn) == 3
        assert next(batches) == 1
        assert wait_until(lambda: len(drawn) == 4)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_errors_come_at_their_turn(workers):
    def make(plan):
        if plan == 5:
            raise OSError("cell.png is broken")
        return plan

    batches = Prefetcher(counting(), make, workers)
    assert [next(batches) for _ in range(5)] == list(range(5))
    with pytest.raises(OSError, match=r"cell\.png"):
        next(batches)
    if workers:
        with pytest.raises(StopIteration):
            next(batches)
        assert wait_until(lambda: not threads_left())


def test_an_error_of_the_draw_comes_too():
    def draw():
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        next(Prefetcher(draw, lambda plan: plan, workers=2))


def test_bad_files_are_named(two_classes, tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "bad.png").write_bytes(b"none")
    flow = ImageDataGenerator().flow_from_directory(tmp_path)
    with pytest.raises(BadImageError, match=r"bad\.png"):
        next(prefetch(flow))


def test_the_same_batches_as_from_the_flow(two_classes):
    def flow():
        generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
        return generator.flow_from_directory(two_classes, (16, 16), batch_size=6, seed=2)

    plain = flow()
    for workers in (0, 1, 3):
        plain, ahead = flow(), flow()
        batches = list(prefetch(ahead, count=9, workers=workers))
        assert len(batches) == 9
        for batch in batches:
            for one, other in zip(batch, next(plain), strict=True):
                np.testing.assert_array_equal(one, other)
        # No more was drawn than asked for: the flow goes on where the batches end.
        assert ahead.total_batches_seen == 9


def test_dropped_half_way_nothing_is_left():
    batches = Prefetcher(counting(), lambda plan: plan, workers=3)
    assert next(batches) == 0
    gone = weakref.ref(batches)
    del batches
    gc.collect()
    assert gone() is None
    assert wait_until(lambda: not threads_left())


def test_closed_half_way_nothing_is_drawn_any_more():
    drawn = []

    def draw():
        drawn.append(1)
        return len(drawn)

    batches = Prefetcher(draw, lambda plan: plan, workers=2)
    next(batches)
    batches.close()
    count = len(drawn)
    batches.close()
    with pytest.raises(StopIteration):
        next(batches)
    assert wait_until(lambda: not threads_left())
    assert len(drawn) == count


def test_wrong_numbers_are_refused():
    for how in ({"workers": -1}, {"ahead": 0}):
        with pytest.raises(ValueError, match="Expected workers >= 0"):
            Prefetcher(counting(), lambda plan: plan, **how)


@pytest.mark.skipif(os.name == "nt", reason="signals of this kind are POSIX's")
def test_ctrl_c_ends_it_at_once():
    # Shells start what runs in the background with Ctrl-C ignored.
    code = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pykeras_tl.images.iterators.prefetch import Prefetcher
batches = Prefetcher(lambda: 0, lambda plan: time.sleep(60), workers=2)
print("ready", flush=True)
next(batches)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - start < 5
