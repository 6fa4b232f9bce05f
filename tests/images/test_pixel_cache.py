import gc
import os
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.images.decoding import pixel_cache
from pykeras_tl.images.decoding.pixel_cache import DiskCache, open_cache
from pykeras_tl.images.iterators import file_iterator
from pykeras_tl.storage import disk_cache
from pykeras_tl.storage.atomic_files import cache_directory

SHAPE = (4, 5, 3)


def forget_caches():
    """Start as another process does: with no cache in memory."""
    pixel_cache._known.clear()


def wait_until(true, seconds=10):
    """Wait for other threads to let go of what they worked on."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    return true()


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    forget_caches()
    # TensorFlow holds on to the flows of other tests that Keras fitted a model on.
    monkeypatch.setattr(pixel_cache, "_in_memory", weakref.WeakSet())
    yield
    forget_caches()


@pytest.fixture(params=["memory", "disk"])
def kind(request, monkeypatch):
    """Where caches go."""
    if request.param == "disk":
        monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    return request.param


@pytest.fixture
def folder(tmp_path):
    for number in range(7):
        file = tmp_path / "data" / "cat" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(file)
    return tmp_path / "data"


@pytest.fixture
def reads(monkeypatch):
    """Names of the files read, in order."""
    names = []
    read_image = file_iterator.read_image

    def noting(path, *how):
        names.append(Path(path).name)
        return read_image(path, *how)

    monkeypatch.setattr(file_iterator, "read_image", noting)
    return names


def flow_over(folder, options=None, **how):
    how = {"target_size": (8, 8), "batch_size": 3, "seed": 1, "workers": 2, **how}
    return ImageDataGenerator(**(options or {})).flow_from_directory(folder, **how)


def epoch(flow):
    return [next(flow)[0] for _ in range(len(flow))]


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def filled(digest="ab", count=6):
    cache = open_cache(digest, count, SHAPE)
    for number, pixels in enumerate(images(count)):
        cache.put(number, pixels)
    return cache


def test_files_are_read_once(folder, reads, kind):
    options = {"rotation_range": 20, "rescale": 1 / 255}
    warm, cold = flow_over(folder, options), flow_over(folder, options, cache=False)
    for _ in range(3):
        for one, other in zip(epoch(warm), epoch(cold), strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(reads) == 7 + 3 * 7


def test_flows_over_the_same_files_share(folder, reads, kind):
    flow = flow_over(folder)
    epoch(flow)
    epoch(flow_over(folder, {"horizontal_flip": True}, batch_size=2))
    epoch(flow.in_file_order())
    assert len(reads) == 7
    epoch(flow_over(folder, target_size=(9, 8)))
    epoch(flow_over(folder, color_mode="grayscale"))
    assert len(reads) == 21


def test_another_run_shares_what_is_on_disk(folder, reads, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    first = epoch(flow_over(folder))
    forget_caches()  # As in another process.
    for one, other in zip(epoch(flow_over(folder)), first, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(reads) == 7
    assert len(disk_cache.list_cache()) == 1


def test_a_changed_file_is_read_anew(folder, reads, kind):
    epoch(flow_over(folder))
    file = folder / "cat" / "3.png"
    Image.new("RGB", (9, 9), (255, 0, 0)).save(file)
    os.utime(file, ns=(1, 1))
    flow = flow_over(folder, shuffle=False, batch_size=7)
    assert (next(flow)[0][3] == [255, 0, 0]).all()
    assert len(reads) == 14


def test_a_half_filled_cache_is_of_no_other_run(folder, reads, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    flow = flow_over(folder)
    next(flow)
    assert disk_cache.list_cache().empty
    assert len(list((cache_directory() / "images").glob(".*"))) == 1
    forget_caches()
    del flow
    assert wait_until(lambda: not list((cache_directory() / "images").iterdir()))
    epoch(flow_over(folder))
    assert len(reads) == 3 + 7


@pytest.mark.parametrize("damage", ["pixel", "sum", "short", "empty", "no sums"])
def test_a_damaged_store_is_not_believed(damage, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    filled()
    forget_caches()
    folder = cache_directory() / "images" / "ab"
    file = folder / ("sums.npy" if "sum" in damage else "pixels")
    content = bytearray(file.read_bytes())
    if damage in ("pixel", "sum"):
        content[-3 * 60 - 7 if damage == "pixel" else -3 * 4 - 1] ^= 1
    content = {"short": content[:-9], "empty": b"", "no sums": b"none"}.get(damage, content)
    file.write_bytes(content)
    cache = open_cache("ab", 6, SHAPE)
    for number, pixels in enumerate(images(6)):
        found = cache.get(number)
        if damage in ("pixel", "sum") and number != 2:
            np.testing.assert_array_equal(found, pixels)
        else:
            assert found is None
        cache.put(number, pixels)
    forget_caches()
    assert damage in ("pixel", "sum") or open_cache("ab", 6, SHAPE).get(2) is not None


def test_many_threads_may_fill_it(kind):
    cache, expected = open_cache("cd", 60, SHAPE), images(60)

    def use(number):
        number %= 60
        cache.put(number, expected[number])
        np.testing.assert_array_equal(cache.get(number), expected[number])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(240)))
    assert disk_cache.list_cache().empty == (kind == "memory")


def test_what_does_not_fit_is_passed_over(kind):
    cache = open_cache("ef", 3, SHAPE)
    cache.put(0, np.zeros(SHAPE, np.uint16))
    cache.put(1, np.zeros((5, 4, 3), np.uint8))
    assert cache.get(0) is None
    assert cache.get(1) is None


def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 2 * 6 * 60)
    for digest in ("a", "b"):
        filled(digest)
    open_cache("a", 6, SHAPE)  # Used again: now b is the oldest.
    filled("c")
    assert open_cache("a", 6, SHAPE).get(0) is not None
    assert open_cache("c", 6, SHAPE).get(0) is not None
    assert open_cache("b", 6, SHAPE).get(0) is None
    assert not isinstance(open_cache("c", 6, SHAPE), DiskCache)
    assert isinstance(open_cache("large", 60, SHAPE), DiskCache)


def test_where_the_disk_has_no_room_nothing_is_cached(folder, reads, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    monkeypatch.setenv("PYKERAS_TL_CACHE_GB", "0")
    epoch(flow_over(folder))
    epoch(flow_over(folder))
    assert len(reads) == 14


def test_stores_are_listed_and_cleared(monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    filled()
    (store,) = disk_cache.list_cache().itertuples()
    assert (store.kind, store.title) == ("images", "6 images of 4 × 5 × 3")
    forget_caches()
    assert disk_cache.clear_cache("images") > 6 * 60
    assert open_cache("ab", 6, SHAPE).get(0) is None


def test_a_full_disk_only_ends_the_caching(folder, reads, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    flow = flow_over(folder)
    next(flow)

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(bytes(data)[:10])

        def __getattr__(self, name):
            return getattr(self.file, name)

    cache = flow._pixel_cache()
    cache._file = Full(cache._file)
    with pytest.warns(UserWarning, match="no longer cached on disk.*no space left"):
        batches = [next(flow)[0] for _ in range(8)]
    expected = flow_over(folder, cache=False)
    next(expected)
    for batch in batches:
        np.testing.assert_array_equal(batch, next(expected)[0])


def test_a_folder_that_cannot_be_written_only_ends_the_caching(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_cache, "MEMORY_BUDGET", 0)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYKERAS_TL_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not cached on disk"):
        assert len(epoch(flow_over(folder))) == 3
