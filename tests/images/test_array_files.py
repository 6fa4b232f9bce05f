from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.images import (
    ArrayFileIterator,
    ImageDataGenerator,
    array_file_table,
    list_images,
    read_cifar100,
    read_cub200,
    read_hdf5,
    read_medmnist,
    write_hdf5,
)
from pykeras_tl.images.datasets.array_files import open_array_file
from pykeras_tl.storage.atomic_files import cache_directory
from pykeras_tl.storage.disk_cache import list_cache

_RANDOM = np.random.default_rng(0)


def _pixels(*shape: int) -> np.ndarray:
    return _RANDOM.integers(0, 256, shape, dtype="uint8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        place = tmp_path / "images" / name
        place.mkdir(parents=True)
        for number in range(4):
            Image.fromarray(_pixels(30 + number, 40, 3)).save(place / f"{name}{number}.png")
    return tmp_path / "images"


def test_a_flow_over_hdf5_gives_the_batches_of_the_files(folder: Path, tmp_path: Path) -> None:
    table = list_images(folder)
    stored = read_hdf5(write_hdf5(table, tmp_path / "all.h5", (20, 24)))
    settings = {"target_size": (20, 24), "batch_size": 3, "seed": 5}
    generator = ImageDataGenerator(rescale=1 / 255, rotation_range=20, horizontal_flip=True)
    files = generator.flow_from_dataframe(table, **settings)
    one = ArrayFileIterator(stored, generator, **settings)
    assert (one.class_indices, one.samples, len(one)) == (files.class_indices, 8, 3)
    for _ in range(4):
        for ours, theirs in zip(next(one), next(files), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert stored["name"].tolist() == [Path(name).name for name in table["filename"]]


def test_hdf5_is_written_by_images(folder: Path, tmp_path: Path) -> None:
    path = write_hdf5(list_images(folder), tmp_path / "all.h5", (20, 24))
    with h5py.File(path) as file:
        assert file["images"].chunks == (1, 20, 24, 3)
        assert list(file["classes"].asstr()) == ["cat", "dog"]


def test_an_interrupted_write_leaves_no_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pykeras_tl.images.datasets import hdf5

    read, done = hdf5.read_image, []

    def stop_at_the_third(*arguments: object) -> np.ndarray:
        done.append(arguments)
        if len(done) == 3:
            raise KeyboardInterrupt
        return read(*arguments)

    table, out = list_images(folder), tmp_path / "out"
    before = write_hdf5(table.iloc[:1], out / "old.h5", (8, 8)).read_bytes()
    monkeypatch.setattr(hdf5, "read_image", stop_at_the_third)
    for name in ("old.h5", "new.h5"):
        done.clear()
        with pytest.raises(KeyboardInterrupt):
            write_hdf5(table, out / name, (8, 8))
    assert [file.name for file in out.iterdir()] == ["old.h5"]
    assert (out / "old.h5").read_bytes() == before


def test_wrong_hdf5_files_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(ValueError, match="not an HDF5 file of images"):
        read_hdf5(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros((1, 8, 8, 3), "uint8")
    with pytest.raises(ValueError, match="without the data sets labels, names, classes"):
        read_hdf5(tmp_path / "other.h5")
    path = write_hdf5(list_images(folder), tmp_path / "all.h5", (8, 8))
    with h5py.File(path, "r+") as file:
        file["labels"][0] = 7
    with pytest.raises(ValueError, match="labels below the number of classes"):
        read_hdf5(path)
    with pytest.raises(FileNotFoundError):
        read_hdf5(tmp_path / "none.h5")


def test_gray_images_are_resized_when_a_batch_needs_them(tmp_path: Path) -> None:
    gray = _pixels(5, 28, 28)
    np.save(tmp_path / "gray.npy", gray)
    table = array_file_table(tmp_path / "gray.npy", list("ababa")).iloc[[3, 1]]
    flow = ArrayFileIterator(table, ImageDataGenerator(), target_size=(56, 56), shuffle=False)
    x, y = next(flow)
    assert x.shape == (2, 56, 56, 3)
    np.testing.assert_array_equal(x[0, ::2, ::2, 1], gray[3])
    np.testing.assert_array_equal(y, [[1.0], [1.0]])
    assert isinstance(open_array_file(tmp_path / "gray.npy"), np.memmap)


def test_the_resized_set_is_never_in_memory(tmp_path: Path) -> None:
    count = 5_000  # 3 GB at 224×224 in float32
    shape = (count, 28, 28, 3)
    np.lib.format.open_memmap(tmp_path / "many.npy", "w+", "uint8", shape).flush()
    table = array_file_table(tmp_path / "many.npy", ["a", "b"] * (count // 2))
    tracemalloc.start()
    flow = ArrayFileIterator(
        table, ImageDataGenerator(), target_size=(224, 224), batch_size=8, seed=0
    )
    for _ in range(5):
        assert next(flow)[0].shape == (8, 224, 224, 3)
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest < 100e6


def test_the_fingerprint_follows_pixels_and_not_order(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", _pixels(4, 8, 8))
    table = array_file_table(tmp_path / "a.npy", list("abab"))

    def fingerprint(rows: pd.DataFrame, **settings: object) -> str:
        return ArrayFileIterator(rows, ImageDataGenerator(), **settings).fingerprint()

    assert fingerprint(table) == fingerprint(table, batch_size=2, shuffle=False, seed=3)
    assert fingerprint(table) != fingerprint(table.iloc[:3])
    assert fingerprint(table) != fingerprint(table, target_size=(9, 9))
    copied = shutil.copyfile(tmp_path / "a.npy", tmp_path / "copy.npy")
    assert fingerprint(table) == fingerprint(array_file_table(copied, list("abab")))
    np.save(copied, _pixels(4, 8, 8)[::-1])
    assert fingerprint(table) != fingerprint(array_file_table(copied, list("abab")))


def test_frozen_layers_know_the_images_of_one_file_apart(tmp_path: Path) -> None:
    from pykeras_tl.training.feature_cache.keys import image_keys

    np.save(tmp_path / "a.npy", _pixels(3, 8, 8))
    table = array_file_table(tmp_path / "a.npy", list("aba"))
    flow = ArrayFileIterator(table, ImageDataGenerator(), target_size=(8, 8))
    before = image_keys(flow)
    assert len(set(before)) == 3
    np.save(tmp_path / "a.npy", _pixels(4, 8, 8))
    assert not set(before) & set(image_keys(flow))


def test_objects_and_other_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "floats.npy", np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        open_array_file(tmp_path / "objects.npy")
    with pytest.raises(ValueError, match="to hold uint8"):
        open_array_file(tmp_path / "floats.npy")


def test_cifar_comes_from_its_binary_form(tmp_path: Path) -> None:
    images, fine = _pixels(6, 32, 32, 3), np.array([0, 2, 1, 30, 0, 24], "uint8")
    planes = images.transpose(0, 3, 1, 2).reshape(6, -1)
    coarse = np.zeros((6, 1), "uint8")
    np.hstack([coarse, fine[:, None], planes]).tofile(tmp_path / "train.bin")
    table = read_cifar100(tmp_path / "train.bin", classes=25)
    assert table["class"].tolist() == ["00", "02", "01", "00", "24"]
    stored = open_array_file(table["filename"][0])
    for row, number in zip(table["index"], [0, 1, 2, 4, 5], strict=True):
        np.testing.assert_array_equal(stored[row], images[number])
    assert Path(table["filename"][0]).is_relative_to(cache_directory())
    assert list_cache()["title"].tolist() == [f"images of {tmp_path / 'train.bin'}"]
    assert read_cifar100(tmp_path / "train.bin", classes=25).equals(table)
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"name{n}" for n in range(31)))
    assert read_cifar100(tmp_path / "train.bin", classes=2)["class"].tolist() == [
        *("name0", "name1", "name0")
    ]


def test_wrong_cifar_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"3074 bytes for each image\. Received: .* 5 bytes"):
        read_cifar100(tmp_path / "train.bin")
    with pytest.raises(FileNotFoundError):
        read_cifar100(tmp_path / "none.bin")


def _medmnist() -> dict[str, np.ndarray]:
    arrays = {}
    for part, count in {"train": 6, "val": 3, "test": 2}.items():
        arrays[f"{part}_images"] = _pixels(count, 28, 28, 3)
        arrays[f"{part}_labels"] = np.arange(count).reshape(-1, 1) % 3
    return arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_medmnist_comes_from_npz_or_npy(save, tmp_path: Path) -> None:
    arrays = _medmnist()
    save(tmp_path / "pathmnist.npz", **arrays)
    (tmp_path / "arrays").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "arrays" / f"{name}.npy", array)
    for place in (tmp_path / "pathmnist.npz", tmp_path / "arrays"):
        tables = read_medmnist(place, ["mucus", "debris", "stroma"])
        assert {part: len(table) for part, table in tables.items()} == {
            "train": 6,
            "validation": 3,
            "test": 2,
        }
        train = tables["train"]
        assert train["class"].tolist() == ["mucus", "debris", "stroma"] * 2
        np.testing.assert_array_equal(open_array_file(train["filename"][0]), arrays["train_images"])


def test_medmnist_never_loads_objects(tmp_path: Path) -> None:
    arrays = {**_medmnist(), "train_labels": np.array([{}] * 6, dtype=object)}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        read_medmnist(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("changes", "names", "error", "message"),
    [
        ({"val_images": None}, None, FileNotFoundError, "without val_images"),
        ({"val_labels": np.zeros((3, 2), "int64")}, None, ValueError, "one class number for each"),
        ({}, ["mucus"], ValueError, "Received: 1"),
    ],
)
def test_wrong_medmnist_files_are_refused(
    changes: dict, names: list, error: type, message: str, tmp_path: Path
) -> None:
    arrays = {key: value for key, value in {**_medmnist(), **changes}.items() if value is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(error, match=message):
        read_medmnist(tmp_path / "bad.npz", names)


def test_cub_200_keeps_its_authors_split(tmp_path: Path) -> None:
    lists = {
        "images": "1 001.Crow/a.jpg\n2 002.Gull/b c.jpg\n3 001.Crow/d.jpg\n",
        "image_class_labels": "1 1\n2 2\n3 1\n",
        "classes": "1 001.Crow\n2 002.Gull\n",
        "train_test_split": "1 1\n2 0\n3 1\n",
    }
    for name, text in lists.items():
        (tmp_path / f"{name}.txt").write_text(text)
    table = read_cub200(tmp_path)
    assert table["class"].tolist() == ["001.Crow", "002.Gull", "001.Crow"]
    assert table["split"].tolist() == ["train", "test", "train"]
    assert table["filename"][1] == str(tmp_path / "images" / "002.Gull" / "b c.jpg")
    (tmp_path / "image_class_labels.txt").write_text("1 1\n2 2\n")
    with pytest.raises(ValueError, match="the same images and classes"):
        read_cub200(tmp_path)
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"without classes\.txt"):
        read_cub200(tmp_path)
