from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.datasets.split_folders import check_usable, find_splits, split_role


def make_files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("training", "train TRAIN Training train2017 trainval train_clean 01-train trainset"),
        ("validation", "val Valid VALIDATION val2017 dev validation_set"),
        ("test", "test TEST_SIMPLE testing test-images holdout hold-out eval food_test"),
        (None, "trainer valley testament device cat crashtests training-shoes.d"),
    ],
)
def test_names_of_splits(role, names):
    for name in names.split():
        if name == "training-shoes.d":  # Begins as a split does; what is in it decides.
            continue
        assert split_role(name) == role, name


def test_stray_and_empty_folders_do_not_hide_splits(tmp_path):
    make_files(
        tmp_path,
        "TRAIN/a/1.png",
        "TEST/a/1.png",
        ".ipynb_checkpoints/x.png",
        "__MACOSX/a/._1.png",
        "annotations/1.xml",
    )
    found = find_splits(tmp_path)
    assert found
    assert dict(found.roles) == {"TEST": "test", "TRAIN": "training"}
    assert found.others == ()


def test_classes_that_sound_like_splits_are_classes(tmp_path):
    make_files(tmp_path / "cars", "bus/1.png", "train/1.png", "car/1.png")
    assert find_splits(tmp_path / "cars") is None
    make_files(tmp_path / "smears", "test_positive/1.png", "test_negative/1.png")
    assert find_splits(tmp_path / "smears") is None
    assert len(list_images(tmp_path / "smears")) == 2


def test_splits_mixed_with_classes_are_ambiguous(tmp_path):
    make_files(tmp_path, "train/a/1.png", "test/a/1.png", "cat/1.png")
    found = find_splits(tmp_path)
    assert found
    assert found.others == ("cat",)
    with pytest.raises(ValueError, match=r"either splits or classes .* beside them cat"):
        check_usable(found, tmp_path)


def test_splits_are_never_listed_as_classes(tmp_path):
    make_files(tmp_path, "train/a/1.png", "test/a/1.png")
    with pytest.raises(ValueError, match="Received: the splits test and train"):
        list_images(tmp_path)
    assert len(list_images(tmp_path, classes=["train", "test"])) == 2


def test_stray_folders_and_files_are_no_classes(tmp_path):
    make_files(
        tmp_path,
        "cat/1.png",
        "cat/._1.png",
        "cat/.ipynb_checkpoints/1-checkpoint.png",
        "cat/Thumbs.db",
        "dog/1.webp",
        ".ipynb_checkpoints/1.png",
        "annotations/1.xml",
        "empty/.keep",
    )
    with pytest.warns(UserWarning, match="Not used as classes|left behind") as caught:
        table = list_images(tmp_path)
    assert [Path(name).name for name in table["filename"]] == ["1.png", "1.webp"]
    assert set(table["class"]) == {"cat", "dog"}
    for name in (".ipynb_checkpoints (left by a tool)", "annotations (no image)", "empty"):
        assert name in str(caught[0].message)
    assert "2 files in" in str(caught[1].message)
    assert "._1.png" in str(caught[1].message) or "1-checkpoint" in str(caught[1].message)


def test_images_beside_the_class_folders_are_told(tmp_path):
    make_files(tmp_path, "cat/1.png", "dog/1.png", "loose.webp", "._loose.png", "readme.txt")
    with pytest.warns(UserWarning, match=r"1 images in .* no class folder .* loose\.webp"):
        list_images(tmp_path)
    with pytest.warns(UserWarning, match=r"1 images in .* no class folder .* loose\.webp"):
        ImageDataGenerator().flow_from_directory(tmp_path)


def test_a_clean_folder_gives_no_warning(tmp_path):
    make_files(tmp_path, "cat/1.png", "dog/1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list_images(tmp_path)
