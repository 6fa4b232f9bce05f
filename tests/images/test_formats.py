"""Formats that Keras's flows pass over, and what else a flow takes in without being asked."""

from __future__ import annotations

import shutil
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.images import ImageDataGenerator, list_images
from pykeras_tl.images.auditing import audit
from pykeras_tl.images.datasets.file_names import readable_extensions
from pykeras_tl.images.decoding.heif import register_heif
from pykeras_tl.images.decoding.reading import BadImageError, read_image

SIZE = {"target_size": (8, 8), "shuffle": False}


def write(path: Path, seed: int = 0, count: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [
        Image.fromarray(np.random.default_rng(seed + n).integers(0, 256, (9, 9, 3), "uint8"))
        for n in range(count)
    ]
    images[0].save(path, "JPEG" if path.suffix == ".jfif" else None)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two classes, half of the images in formats that Keras passes over."""
    root = tmp_path / "mixed"
    endings = [name for name in ("webp", "gif", "jfif", "avif") if name in readable_extensions()]
    for number, (label, ending) in enumerate(
        (label, ending) for label in ("cat", "dog") for ending in [*endings, "png", "jpg"]
    ):
        write(root / label / f"{number}.{ending}", number)
    return root


def test_all_formats_are_listed_and_audited(mixed: Path) -> None:
    images = [path for path in mixed.rglob("*") if path.is_file()]
    assert len(list_images(mixed)) == len(images)
    found = audit(mixed)
    assert len(found.files) == len(images)
    assert (found.files["group"] >= 0).all()
    kinds = found.problems["problem"].value_counts()
    assert kinds["other format"] == len(images) - 4
    assert "wrong extension" not in kinds


def test_a_folder_of_webp_only_is_not_empty(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "cat" / f"{number}.webp", number)
    assert set(audit(tmp_path).files["format"]) == {"WebP"}


def test_a_flow_says_what_it_passes_over_and_reads_it_when_asked(mixed: Path) -> None:
    images = len([path for path in mixed.rglob("*") if path.is_file()])
    generator = ImageDataGenerator()
    with pytest.warns(UserWarning, match=f"{images - 4} images .* are passed over"):
        assert generator.flow_from_directory(mixed, **SIZE).samples == 4
    with pytest.warns(UserWarning, match=f"{images - 4} of them are images of formats"):
        assert generator.flow_from_dataframe(list_images(mixed), **SIZE).samples == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow = generator.flow_from_directory(mixed, formats="all", **SIZE)
        table = generator.flow_from_dataframe(list_images(mixed), formats="all", **SIZE)
    assert flow.samples == table.samples == images
    assert flow.filepaths == table.filepaths
    np.testing.assert_array_equal(next(flow)[0], next(table)[0])
    with pytest.raises(ValueError, match='formats to be "keras" or "all"'):
        generator.flow_from_directory(mixed, formats="webp")


def test_a_flow_keeps_stray_and_empty_folders_as_keras_does_but_says_so(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "1.png")
    write(tmp_path / "cat" / "._1.png")
    write(tmp_path / ".ipynb_checkpoints" / "1.png")
    (tmp_path / "dog").mkdir()
    with pytest.warns(UserWarning, match="left by a tool|left behind") as caught:
        flow = ImageDataGenerator().flow_from_directory(tmp_path, **SIZE)
    assert list(flow.class_indices) == [".ipynb_checkpoints", "cat", "dog"]
    assert flow.samples == 3
    said = " ".join(str(each.message) for each in caught)
    assert "1 files in" in said
    assert "._1.png" in said
    assert ".ipynb_checkpoints (left by a tool), dog (no image)" in said
    (tmp_path / "cat" / "._1.png").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ImageDataGenerator().flow_from_directory(tmp_path, classes=["cat"], **SIZE)


def test_a_flow_over_splits_says_so(tmp_path: Path) -> None:
    for name in ("TRAIN/cat/1.png", "TEST/cat/1.png"):
        write(tmp_path / name)
    with pytest.warns(UserWarning, match="TEST and TRAIN .* look like splits"):
        flow = ImageDataGenerator().flow_from_directory(tmp_path, **SIZE)
    assert list(flow.class_indices) == ["TEST", "TRAIN"]


def test_a_subset_without_validation_split_is_told_as_that(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "1.png")
    generator = ImageDataGenerator()
    with pytest.warns(UserWarning, match="has no validation_split"):
        generator.flow_from_directory(tmp_path, subset="validation", **SIZE)
    with pytest.warns(UserWarning, match="has no validation_split"):
        generator.flow_from_dataframe(list_images(tmp_path), subset="validation", **SIZE)


@pytest.mark.parametrize("class_mode", ["sparse", "binary", "categorical"])
def test_numbers_as_classes_are_told_how_to_become_names(tmp_path: Path, class_mode: str) -> None:
    write(tmp_path / "1.png")
    shutil.copy(tmp_path / "1.png", tmp_path / "2.png")
    table = pd.DataFrame({"filename": ["1.png", "2.png"], "class": [0, 1]})
    with pytest.raises(TypeError, match=r'table\["class"\]\.astype\(str\)'):
        ImageDataGenerator().flow_from_dataframe(table, tmp_path, class_mode=class_mode)


@pytest.fixture
def phone_images(tmp_path: Path) -> Path:
    """A class folder with a PNG file, and one that begins as HEIC files do."""
    write(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    return tmp_path


@pytest.mark.parametrize("installed", [False, True])
def test_heic_needs_a_package_and_says_so(
    phone_images: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    heif = types.ModuleType("pillow_heif")
    opened = []
    vars(heif)["register_heif_opener"] = lambda: opened.append(True)
    monkeypatch.setitem(sys.modules, "pillow_heif", heif if installed else None)
    register_heif.cache_clear()
    try:
        with pytest.raises(BadImageError) as error:
            read_image(phone_images / "cat" / "2.heic")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            table = list_images(phone_images)
        remarks = audit(phone_images).problems
    finally:
        register_heif.cache_clear()
    assert len(table) == 1
    if installed:
        assert opened
        assert "a damaged HEIC file" in str(error.value)
    else:
        assert "is a HEIC file; run `pip install pillow-heif`" in str(error.value)
        assert "2.heic; run `pip install pillow-heif`" in str(caught[0].message)
        passed_over = remarks[remarks["problem"] == "passed over"]
        assert passed_over["detail"].str.contains("pillow-heif").tolist() == [True]


def test_heic_is_read_where_the_package_is(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif")
    assert "heic" in readable_extensions()
    write(tmp_path / "cat" / "phone.heic")
    assert read_image(tmp_path / "cat" / "phone.heic").shape == (9, 9, 3)
    assert len(list_images(tmp_path)) == 1
    flow = ImageDataGenerator().flow_from_directory(tmp_path, formats="all", **SIZE)
    assert flow.filenames == ["cat/phone.heic"]


def test_a_subset_of_less_than_one_image_is_told_as_that(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "1.png")
    generator = ImageDataGenerator(validation_split=0.1)
    with pytest.warns(UserWarning, match=r"0\.1 of the images of a class, 1 at most, is less than"):
        generator.flow_from_directory(tmp_path, subset="validation", **SIZE)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cat\\1.png", r"cat/1\.png exists: replace the backslashes by /\."),
        ("cat/1", r"cat/1\.png exists: append the ending\."),
        ("cat\\1", r"cat/1\.png exists: replace the backslashes by / and append the ending\."),
        ("dog/1.png", r"The first is .*dog/1\.png\."),
    ],
)
def test_names_in_a_table_that_are_not_found_are_told_what_exists(
    tmp_path: Path, name: str, told: str
) -> None:
    write(tmp_path / "cat" / "1.png")
    table = pd.DataFrame({"filename": [name, "cat/1.png"], "class": "cat"})
    with pytest.warns(UserWarning, match=told):
        flow = ImageDataGenerator().flow_from_dataframe(table, str(tmp_path), **SIZE)
    assert flow.n == 1
