import shutil
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images.datasets.array_files import array_file_table
from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.datasets.splits import split_fractions
from pykeras_tl.images.decoding.reading import BadImageError, read_image
from pykeras_tl.images.duplicates import duplicate_groups, group_images, groups
from pykeras_tl.images.duplicates.features import describe
from pykeras_tl.images.synthetic import generate_smear
from pykeras_tl.images.synthetic.white_cells import CELL_KINDS
from pykeras_tl.storage.disk_cache import list_cache


def moved(image, turn=0.0, shift=(0.0, 0.0), zoom=1.0, border=cv2.BORDER_CONSTANT):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    matrix[:, 2] += (shift[0] * width, shift[1] * height)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=border)


def recompressed(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


SHAPES = {
    "equal": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "quarter turn": np.rot90,
    "turned": lambda image: moved(image, turn=37),
    "turned, edges repeated": lambda image: moved(image, 15, border=cv2.BORDER_REPLICATE),
    "moved": lambda image: moved(image, shift=(0.2, -0.15)),
    "zoomed": lambda image: moved(image, zoom=1.2),
    "recompressed": lambda image: recompressed(image, 30),
    "brighter": lambda image: np.clip(image * 1.2 + 5, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "halved": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "all at once": lambda image: recompressed(
        (moved(image[:, ::-1], 120, (0.1, 0.1)) * 0.9).astype(np.uint8), 60
    ),
}
# In these a part of the image is lost or drawn anew, and a copy may be missed.
HARD = {"moved", "zoomed", "all at once"}


@pytest.fixture(scope="module")
def smears():
    return [
        generate_smear(kind, np.random.default_rng([9, number, label]))
        for number in range(12)
        for label, kind in enumerate(CELL_KINDS)
    ]


def groups_of(images):
    return group_images([describe(np.ascontiguousarray(image)) for image in images], workers=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_copy_is_found_among_others_in_every_shape(smears, shape):
    copies = [SHAPES[shape](image) for image in smears[:12]]
    numbers = groups_of([*smears, *copies])
    found = numbers[len(smears) :] == numbers[:12]
    assert found.mean() >= (0.9 if shape in HARD else 1.0)
    assert len(set(numbers[: len(smears)])) == len(smears)
    # A missed copy stands alone: none is joined to another's.
    assert len(set(numbers[len(smears) :])) == len(copies)
    assert not set(numbers[len(smears) :][~found]) & set(numbers[: len(smears)])


def test_unlike_drawings_stay_apart(smears):
    assert len(set(groups_of(smears))) == len(smears)


def test_flat_images_join_only_when_equal():
    flat = [np.full((32, 32, 3), level, np.uint8) for level in (0, 128, 128, 255)]
    assert groups_of(flat).tolist() == [0, 1, 1, 2]
    assert groups_of(flat[:1]).tolist() == [0]


def test_groups_are_numbered_in_order_and_whatever_the_threads(smears):
    images = [*smears[:6], *[np.rot90(image) for image in smears[:6]]]
    features = [describe(np.ascontiguousarray(image)) for image in images]
    once = group_images(features, workers=1)
    assert once.tolist() == [*range(6), *range(6)]
    assert (group_images(features, workers=2) == once).all()


def test_copies_of_a_photograph_stay_on_one_side_of_a_split(tmp_path, smears):
    rows = []
    for number, image in enumerate(smears[:10]):
        for turn in (0, 90, 180):
            name = str(tmp_path / f"{number}-{turn}.png")
            cv2.imwrite(name, np.rot90(image, turn // 90))
            rows.append((name, number % 2))
    table = duplicate_groups(pd.DataFrame(rows, columns=["filename", "class"]), workers=2)
    assert table["group"].tolist() == list(np.repeat(range(10), 3))
    split = split_fractions(table, {"train": 0.6, "test": 0.4}, groups="group")
    assert (split.groupby("group")["split"].nunique() == 1).all()


def test_a_bad_file_is_named(tmp_path):
    (tmp_path / "cell.png").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"cell\.png"):
        duplicate_groups(pd.DataFrame({"filename": [str(tmp_path / "cell.png")]}))
    with pytest.raises(ValueError, match="a column 'filename'"):
        duplicate_groups(pd.DataFrame({"path": []}))


def test_photographs_of_the_real_set_are_told_apart_and_their_copies_found(real_data):
    # TEST holds copies of the 71 photographs of TEST_SIMPLE, in equal numbers for each.
    folder = real_data / "blood-cells"
    simple = list_images(folder / "TEST_SIMPLE")
    table = list_images(folder / "TEST", classes=["LYMPHOCYTE", "MONOCYTE"])
    table = pd.concat([simple.assign(test=False), table.iloc[::6].assign(test=True)])
    table = duplicate_groups(table, workers=2)
    for label, photographs in {"LYMPHOCYTE": 6, "MONOCYTE": 4}.items():
        cells = table[table["class"] == label]
        assert cells.loc[cells["test"], "group"].nunique() == photographs
        assert set(cells.loc[cells["test"], "group"]) == set(cells.loc[~cells["test"], "group"])
        sizes = cells.loc[cells["test"], "group"].value_counts()
        assert sizes.max() < 3 * sizes.min()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["skin", "malaria", "cifar100/train"])
def test_other_real_images_are_seldom_joined_and_their_mirror_images_found(real_data, name):
    table = list_images(real_data / name)
    table = table.iloc[:: len(table) // 150]
    images = [read_image(path) for path in table["filename"]]
    numbers = groups_of([*images, *[image[:, ::-1] for image in images[:60]]])
    originals, mirrored = numbers[: len(images)], numbers[len(images) :]
    joined = [
        (Path(table["filename"].iloc[a]).name, Path(table["filename"].iloc[b]).name)
        for a, b in combinations(range(len(images)), 2)
        if originals[a] == originals[b]
    ]
    assert len(joined) <= 1, joined
    assert (mirrored == originals[:60]).mean() > 0.95


def test_equal_black_borders_do_not_make_images_alike(real_data):
    table = list_images(real_data / "skin")
    table = table.iloc[:: len(table) // 80]
    images = [moved(read_image(path), 0, (0.2, -0.15)) for path in table["filename"]]
    assert len(set(groups_of(images))) == len(images)


def test_images_are_searched_once_and_found_again_in_any_order(tmp_path, smears, monkeypatch):
    monkeypatch.setattr(groups, "_MIN_CACHED", 1)
    names = [str(tmp_path / f"{number}.png") for number in range(8)]
    for number, name in enumerate(names):
        cv2.imwrite(name, smears[number % 4] if number < 4 else smears[number % 4][:, ::-1])
    table = pd.DataFrame({"filename": names})
    first = duplicate_groups(table)["group"].tolist()
    assert first == [0, 1, 2, 3] * 2
    assert list_cache()["kind"].tolist() == ["groups"]
    monkeypatch.setattr(groups, "describe", None)
    assert duplicate_groups(table)["group"].tolist() == first
    # Numbered in the order of the rows, under other names.
    shutil.copytree(tmp_path, tmp_path / "moved", ignore=shutil.ignore_patterns("cache"))
    moved = [str(tmp_path / "moved" / f"{number}.png") for number in reversed(range(8))]
    assert duplicate_groups(pd.DataFrame({"filename": moved}))["group"].tolist() == first
    with pytest.raises(TypeError):
        duplicate_groups(table[:7])


def test_copies_in_one_array_file_are_found(tmp_path, smears):
    small = [cv2.resize(image, (96, 72)) for image in smears[:5]]
    np.save(tmp_path / "cells.npy", np.stack([*small, small[2][::-1], small[0]]))
    table = array_file_table(tmp_path / "cells.npy", ["cell"] * 7)
    assert duplicate_groups(table)["group"].tolist() == [0, 1, 2, 3, 4, 2, 0]
    np.save(tmp_path / "gray.npy", np.stack([image[..., 1] for image in small]))
    gray = array_file_table(tmp_path / "gray.npy", ["cell"] * 5)
    assert duplicate_groups(gray)["group"].tolist() == [0, 1, 2, 3, 4]
