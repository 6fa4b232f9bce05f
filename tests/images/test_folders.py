import os
from pathlib import Path

import pandas as pd
import pytest

from pykeras_tl.images.datasets.folders import check_classes, list_images


def make_files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def relative(table: pd.DataFrame, root: Path) -> list[str]:
    return [Path(name).relative_to(root).as_posix() for name in table["filename"]]


def test_same_files_order_and_classes_as_keras(tmp_path):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    names = ["b/z.png", "b/B.JPG", "b/a.jpeg", "b/sub/a.bmp", "b/sub-2/c.tif", "b/notes.txt"]
    names += ["b/sub/deep/x.PPM", "a/10.png", "a/9.png", "C/oddpng", "C/x.txt"]
    make_files(tmp_path, *names, "loose.png")
    table = list_images(tmp_path)
    flow = ImageDataGenerator().flow_from_directory(str(tmp_path))
    assert list(table["filename"]) == flow.filepaths
    indices = flow.class_indices
    assert [indices[name] for name in table["class"]] == list(flow.classes)

    chosen = list_images(tmp_path, classes=["b", "C"])
    flow = ImageDataGenerator().flow_from_directory(str(tmp_path), classes=["b", "C"])
    assert list(chosen["filename"]) == flow.filepaths


def test_real_set_in_keras_order(real_data):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    folder = real_data / "blood-cells" / "TEST"
    table = list_images(folder)
    assert list(table["filename"]) == (
        ImageDataGenerator().flow_from_directory(str(folder)).filepaths
    )
    assert table["class"].value_counts().to_dict() == {
        "EOSINOPHIL": 623,
        "LYMPHOCYTE": 620,
        "MONOCYTE": 620,
        "NEUTROPHIL": 624,
    }


def test_relative_folder_gives_absolute_paths(tmp_path, monkeypatch):
    make_files(tmp_path, "a/1.png")
    monkeypatch.chdir(tmp_path)
    assert list_images(".")["filename"].tolist() == [str(tmp_path / "a" / "1.png")]


def test_links_only_when_asked(tmp_path):
    elsewhere = make_files(tmp_path / "elsewhere", "far.png")
    root = make_files(tmp_path / "root", "a/near.png")
    (root / "a" / "linked").symlink_to(elsewhere, target_is_directory=True)
    assert relative(list_images(root), root) == ["a/near.png"]
    assert relative(list_images(root, follow_links=True), root) == [
        "a/near.png",
        "a/linked/far.png",
    ]


@pytest.mark.parametrize(
    ("names", "classes", "error", "words"),
    [
        (None, None, FileNotFoundError, "There is no folder"),
        (["1.png", "2.png"], None, ValueError, "2 images are not inside a class folder"),
        (["notes.txt"], None, ValueError, "has 1 files that are not images"),
        (["a/1.txt", "b/2.txt"], None, ValueError, r"No image .* in any class folder"),
        (["a/1.txt", "b/2.png"], ["a", "b"], ValueError, r"class folders \['a'\]"),
        (["a/1.png", "b/2.png"], ["a", "dog"], ValueError, r"\['dog'\] do not exist"),
        (["a/1.png", "b/2.png"], [], ValueError, r"Received: \[\]"),
        (["a/1.png", "b/2.png"], ["a", "a"], ValueError, "repeated"),
        (["a/1.png", "b/2.png"], "a", TypeError, "list of names"),
    ],
)
def test_errors_say_what_was_found(tmp_path, names, classes, error, words):
    root = tmp_path / "data"
    if names is not None:
        make_files(root, *names)
    with pytest.raises(error, match=words):
        list_images(root, classes)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        list_images(tmp_path / "a.png")


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    # Permissions do not stop root, as whom the tests may run; the walk's own call does.
    make_files(tmp_path, "a/1.png", "a/closed/2.png")
    scandir = os.scandir

    def closed(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(PermissionError, match="closed"):
        list_images(tmp_path)


def test_one_class_and_classes_smaller_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="only 'a'"):
        check_classes(pd.DataFrame({"class": ["a"] * 3}))
    with pytest.raises(ValueError, match="without rows"):
        check_classes(pd.DataFrame({"class": []}))
    table = pd.DataFrame({"class": ["a"] * 3 + ["b"] * 8})
    with pytest.raises(ValueError, match=r"at least 5 images .* Received: 'a' \(3\)"):
        check_classes(table, batch_size=5)
    check_classes(table, batch_size=3)
    check_classes(table)
