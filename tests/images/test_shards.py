"""Packing folders into shards, and flows that read them from a disk and from a server."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import keras
import numpy as np
import pytest
import webdataset
from PIL import Image

from pykeras_tl import ImageDataGenerator, audit, list_images, pack_images
from pykeras_tl.images import read_image
from pykeras_tl.images.datasets.directory_tree import image_files
from pykeras_tl.recipe.folder_splits import tables_on_disk
from pykeras_tl.storage.shards.index import ShardError, read_members
from pykeras_tl.training import fit

_NAMES = [
    *(f"cat/{number}.png" for number in range(9)),
    "cat/day 2/1.PNG",
    "cat/day 2/1.jpg",
    "cat/day-2/1.png",
    f"dog/{'long' * 30}.png",
    *(f"dog/Tür {number}.png" for number in range(10)),
    "zebra/v1.2.bmp",
]
_AUGMENTED = {"rotation_range": 20, "horizontal_flip": True, "validation_split": 0.3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images") / "pets"
    random = np.random.default_rng(0)
    for name in [*_NAMES, "cat/._0.png"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (12, 10, 3), np.uint8)).save(root / name)
    (root / "dog" / "notes.txt").touch()
    return root


@pytest.fixture(scope="module")
def shards(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.warns(UserWarning, match="that a tool left behind"):
        return pack_images(folder, tmp_path_factory.mktemp("packed") / "pets", 0.006)


class _Ranges(SimpleHTTPRequestHandler):
    """Serves parts of files, as object stores do; Python's own server sends whole ones."""

    sent: list[int] = []  # noqa: RUF012

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        asked = self.headers.get("Range")
        if asked is None or not path.is_file():
            super().do_GET()
            return
        start, end = asked.removeprefix("bytes=").split("-")
        part = path.read_bytes()[int(start) : int(end) + 1]
        self.sent.append(len(part))
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        size = path.stat().st_size
        self.send_header("Content-Range", f"bytes {start}-{int(start) + len(part) - 1}/{size}")
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(shards: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, directory=str(shards)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _batches(flow: Any, count: int = 5) -> list[Any]:
    return [next(flow) for _ in range(count)]


def _options(**others: Any) -> dict[str, Any]:
    return {"target_size": (8, 8), "batch_size": 7, "seed": 3, "cache": False, **others}


@pytest.mark.filterwarnings("ignore:.*a tool left behind")
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_batches_are_those_of_the_folder(folder: Path, shards: Path, subset: str | None) -> None:
    (folder / "cat" / "._0.png").unlink(missing_ok=True)  # Keras would count it as an image.
    generator = ImageDataGenerator(**_AUGMENTED)
    one = generator.flow_from_directory(folder, subset=subset, **_options())
    other = generator.flow_from_shards(shards, subset=subset, **_options())
    assert len(other.table.shards) > 3
    assert (one.filenames, one.class_indices) == (other.filenames, other.class_indices)
    np.testing.assert_array_equal(one.classes, other.classes)
    for (x, y), (packed_x, packed_y) in zip(_batches(one), _batches(other), strict=True):
        np.testing.assert_array_equal(x, packed_x)
        np.testing.assert_array_equal(y, packed_y)


def test_a_server_sends_no_more_than_the_images(shards: Path, address: str) -> None:
    local = ImageDataGenerator().flow_from_shards(shards, **_options())
    expected = _batches(local, len(local))
    _Ranges.sent.clear()
    flow = ImageDataGenerator().flow_from_shards(address, **_options())
    for (x, _), (packed_x, _) in zip(expected, _batches(flow, len(flow)), strict=True):
        np.testing.assert_array_equal(x, packed_x)
    # Each comes with its header.
    assert sorted(_Ranges.sent) == sorted(flow.table.sizes + 512)
    assert read_image(flow.filepaths[0]).shape == (12, 10, 3)
    assert flow.fingerprint() == local.fingerprint()


def test_shards_in_an_object_store_need_no_index(shards: Path) -> None:
    fsspec.filesystem("memory").put(str(shards / "*.tar"), "/pets/")
    flow = ImageDataGenerator().flow_from_shards("memory://pets", **_options())
    local = ImageDataGenerator().flow_from_shards(shards, **_options())
    np.testing.assert_array_equal(next(flow)[0], next(local)[0])
    assert flow.filepaths[0] == f"{flow.table.shards[flow.table.numbers[0]]}/cat/0.png"
    table = list_images("memory://pets")
    assert table["filename"].tolist() == flow.filepaths


def test_shards_are_tar_files_that_others_read(folder: Path, shards: Path, tmp_path: Path) -> None:
    for shard in shards.glob("*.tar"):
        subprocess.run(["tar", "-xf", shard, "-C", tmp_path], check=True)
    unpacked = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert unpacked == set(_NAMES)
    assert (tmp_path / _NAMES[0]).read_bytes() == (folder / _NAMES[0]).read_bytes()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=shards, check=True)
    paths = [str(path) for path in sorted(shards.glob("*.tar"))]
    samples = list(webdataset.WebDataset(paths, shardshuffle=False))
    assert {sample["__key__"].split("/")[0] for sample in samples} == {"cat", "dog", "zebra"}
    shutil.copytree(shards, copy := tmp_path / "copy")
    for index in copy.glob("*.idx"):
        index.unlink()
    for one, other in zip(read_members(paths), read_members(sorted(map(str, copy.glob("*.tar"))))):
        assert one.names == other.names
        np.testing.assert_array_equal(one.offsets, other.offsets)
        np.testing.assert_array_equal(one.sizes, other.sizes)


def test_packing_again_gives_the_same_bytes(folder: Path, shards: Path, tmp_path: Path) -> None:
    again = pack_images(folder, tmp_path / "again", 0.006)
    assert (again / "SHA256SUMS").read_text() == (shards / "SHA256SUMS").read_text()


def test_a_table_lists_shards(folder: Path, shards: Path) -> None:
    table = list_images(shards)
    expected = list_images(folder)
    assert table["class"].tolist() == expected["class"].tolist()
    roots = f"{shards}/", f"{folder}/"
    names = [name.removeprefix(roots[0]).partition("/")[2] for name in table["filename"]]
    assert names == [name.removeprefix(roots[1]) for name in expected["filename"]]
    assert image_files(shards) == image_files([str(shards)]) == table["filename"].tolist()
    flow = ImageDataGenerator().flow_from_dataframe(table, shuffle=False, **_options())
    assert flow.samples == len(_NAMES)
    np.testing.assert_array_equal(
        next(flow)[0][3].astype("uint8"), read_image(expected["filename"][3], "rgb", (8, 8))
    )


def test_an_archive_beside_images_is_not_taken_for_a_shard(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.add(tmp_path / "1.png", "old/1.png")
    assert image_files(tmp_path) == [str(tmp_path / "1.png")]


def test_an_exchanged_shard_is_refused(shards: Path, tmp_path: Path) -> None:
    shutil.copytree(shards, copy := tmp_path / "copy")
    flow = ImageDataGenerator().flow_from_shards(copy, **_options())
    shutil.copy(shards / "000001.tar", copy / "000000.tar")
    with pytest.raises(ShardError, match="as its index says"):
        _batches(flow, len(flow))
    with tarfile.open(copy / "000002.tar", "w:gz") as tar:
        tar.add(shards / "SHA256SUMS")
    (copy / "000002.idx").unlink()
    with pytest.raises(ShardError, match="no tar file without compression"):
        list_images(copy)


def test_splits_become_folders_of_shards(folder: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        shutil.copytree(folder, tmp_path / "sets" / split)
    packed = pack_images(tmp_path / "sets", tmp_path / "packed")
    tables = tables_on_disk(packed)
    assert len(tables["train"]) == len(tables["test"]) == len(_NAMES)
    one, other = audit(tmp_path / "sets"), audit(packed)
    assert other.leaks.equals(one.leaks)
    assert other.classes().equals(one.classes())
    assert sorted(other.files["digest"]) == sorted(one.files["digest"])
    with pytest.raises(FileExistsError, match="already exists"):
        pack_images(tmp_path / "sets", packed)


@pytest.mark.filterwarnings("ignore:The classes are uneven")
def test_training_resumes_with_the_same_weights(shards: Path, folder: Path, tmp_path: Path) -> None:
    def train(source: str, epochs: int, name: str) -> np.ndarray:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(),
                                  keras.layers.Dense(3, "softmax")])  # fmt: skip
        model.compile("adam", "categorical_crossentropy")
        generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
        if source == "folder":
            flow: Any = generator.flow_from_directory(folder, **_options())
        else:
            flow = generator.flow_from_shards(shards, **_options())
        fit(model, flow, epochs=epochs, run_dir=tmp_path / name, verbose=0)
        return model.get_weights()[0]

    whole = train("folder", 2, "whole")
    train("shards", 1, "parts")
    np.testing.assert_array_equal(train("shards", 2, "parts"), whole)
