import os

import pytest

from pykeras_tl.storage import disk_cache


def _entry(kind, name, size, age=0):
    with disk_cache.create_entry(kind, name, f"about {name}") as folder:
        (folder / "data").write_bytes(bytes(size))
    label = disk_cache.find_entries(kind, name)[0] / "store.json"
    moment = label.stat().st_mtime - age
    os.utime(label, (moment, moment))
    return label.parent


def test_an_entry_is_found_only_when_complete():
    def write_half():
        with disk_cache.create_entry("features", "one", "t") as folder:
            (folder / "data").write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert disk_cache.find_entries("features", "one") == []
    _entry("features", "one", 3)
    assert [folder.name for folder in disk_cache.find_entries("features", "o")] == ["one"]


def test_the_least_recently_used_entries_are_evicted(monkeypatch):
    monkeypatch.setenv("PYKERAS_TL_CACHE_GB", "0.000004")
    _entry("features", "old", 1000, age=50)
    _entry("images", "older", 1000, age=100)
    _entry("features", "new", 1000)
    assert disk_cache.evict(1500)
    assert {path.name for path in disk_cache.list_cache()["path"]} == {"old", "new"}


def test_nothing_is_evicted_for_an_entry_that_never_fits(monkeypatch):
    monkeypatch.setenv("PYKERAS_TL_CACHE_GB", "0.000004")
    _entry("features", "old", 1000)
    assert not disk_cache.evict(5000)
    assert len(disk_cache.list_cache()) == 1


def test_what_a_killed_writer_left_is_not_an_entry():
    entry = _entry("features", "one", 3)
    entry.rename(entry.with_name(".one-0f9a31c2-partial"))
    assert disk_cache.list_cache().empty
    assert disk_cache.find_entries("features", "") == []


def test_listing_and_clearing():
    _entry("features", "one", 1000)
    _entry("images", "two", 500)
    table = disk_cache.list_cache()
    assert table["title"].tolist() == ["about two", "about one"]
    assert (table["bytes"] >= [500, 1000]).all()
    assert disk_cache.clear_cache("features") >= 1000
    assert disk_cache.list_cache()["kind"].tolist() == ["images"]
    disk_cache.clear_cache()
    assert disk_cache.list_cache().empty


def test_leftovers_of_killed_runs_are_removed_after_a_day():
    folder = _entry("features", "one", 1).parent
    for name, age in [(".two-x", 0), (".three-y", 100_000)]:
        (folder / name).mkdir()
        moment = (folder / name).stat().st_mtime - age
        os.utime(folder / name, (moment, moment))
    disk_cache.evict(0)
    assert sorted(path.name for path in folder.iterdir()) == [".two-x", "one"]


@pytest.mark.parametrize("value", ["much", "-1", "nan"])
def test_a_limit_that_is_not_a_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("PYKERAS_TL_CACHE_GB", value)
    with pytest.raises(ValueError, match="PYKERAS_TL_CACHE_GB"):
        disk_cache.max_bytes()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"images, features, groups\. Received: .weights"):
        disk_cache.clear_cache("weights")
