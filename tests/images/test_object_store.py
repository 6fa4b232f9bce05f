"""Shards in an object store, read from a local server that speaks S3."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from pykeras_tl import ImageDataGenerator, audit, list_images, pack_images
from pykeras_tl.images import generate_blood_cells
from pykeras_tl.images.datasets.directory_tree import image_files
from pykeras_tl.recipe.folder_splits import tables_on_disk
from pykeras_tl.storage.shards.index import filesystem
from pykeras_tl.storage.shards.reading import read_many
from pykeras_tl.studies.data_splits import digest_files

_URL = "s3://hospital/cells"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_blood_cells(tmp_path_factory.mktemp("images"), 5, 2, 0, size=(40, 60))


@pytest.fixture(scope="module", autouse=True)
def requests(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A bucket with the packed folder, to which variables of the environment lead.

    Yields the paths that the server is asked for.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_CONFIG_FILE", "none")
        packed = pack_images(folder, tmp_path_factory.mktemp("packed") / "cells", 0.02)
        store = fsspec.filesystem("s3", skip_instance_cache=True)
        store.mkdir("hospital")
        store.put(str(packed), "hospital/cells", recursive=True)
        asked: list[str] = []
        read = s3fs.S3FileSystem._cat_file

        async def counted(self: Any, path: str, *args: Any, **options: Any) -> bytes:
            asked.append(path)
            content: bytes = await read(self, path, *args, **options)
            return content

        patch.setattr(s3fs.S3FileSystem, "_cat_file", counted)
        yield asked
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()


def _flow(source: str | Path) -> Any:
    generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
    options: dict[str, Any] = {"target_size": (20, 30), "batch_size": 6, "seed": 3}
    if isinstance(source, Path):
        return generator.flow_from_directory(source, **options)
    return generator.flow_from_shards(source, **options)


def _batches(source: str | Path) -> list[np.ndarray]:
    flow = _flow(source)
    return [part for _ in range(2 * len(flow)) for part in next(flow)]


def _read(place: tuple[str, str, int, int]) -> bytes:
    return read_many([place])[0]


def test_batches_are_those_of_the_folder(folder: Path, requests: list[str]) -> None:
    requests.clear()
    for part, packed in zip(_batches(folder / "TRAIN"), _batches(f"{_URL}/TRAIN/"), strict=True):
        np.testing.assert_array_equal(part, packed)
    # In two epochs, each image is asked for once.
    assert sum(path.endswith(".tar") for path in requests) == 20


def test_threads_and_forked_processes_read(folder: Path) -> None:
    flow = _flow(f"{_URL}/TRAIN")
    places = [flow.table.place(row) for row in range(8)]
    expected = [(folder / "TRAIN" / name).read_bytes() for name in flow.table.names[:8]]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_read, places)) == expected
    with multiprocessing.get_context("fork").Pool(1) as processes:
        assert processes.map_async(_read, places).get(60) == expected


def test_splits_are_listed_and_trained_on(folder: Path) -> None:
    tables, local = tables_on_disk(_URL), tables_on_disk(folder)
    assert {name: len(table) for name, table in tables.items()} == {"train": 20, "test": 8}
    assert list_images(f"{_URL}/TEST")["filename"].tolist() == tables["test"]["filename"].tolist()
    for name, table in tables.items():
        assert digest_files(table) == digest_files(local[name])
    for named in (tables["test"], f"{_URL}/TEST", tables["test"]["filename"].tolist()):
        assert image_files(named) == tables["test"]["filename"].tolist()


def test_an_audit_asks_for_each_image_once(
    folder: Path, requests: list[str], tmp_path: Path
) -> None:
    requests.clear()
    found, expected = audit(_URL), audit(folder)
    assert sorted(found.files["digest"]) == sorted(expected.files["digest"])
    assert found.classes().equals(expected.classes())
    assert sum(path.endswith(".tar") for path in requests) == 28
    assert f"28 images in {_URL}" in found.summary()
    found.save(tmp_path / "audit")
    assert '"TRAIN/000000.tar/' in (tmp_path / "audit" / "review.html").read_text()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("s3://hospital/none", "s3://nobody/cells"):
        with pytest.raises(FileNotFoundError, match=f"Expected a folder of shards.*{url}"):
            _flow(url)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ImportError, match=r'pip install "pykeras-tl\[s3\]"'):
        filesystem("s3a://hospital/cells")
