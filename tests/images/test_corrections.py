"""Corrections leave images out and give others a new class."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pykeras_tl import list_images
from pykeras_tl.images import apply_corrections, read_corrections


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("train/cat/1.png", "train/cat/ü,2.png", "train/dog/1.png", "train/dog/3.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).touch()
    return tmp_path / "pets"


def listed(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(Path(name).name, label) for name, label in zip(table["filename"], table["class"])]


_WANTED = [("1.png", "cat"), ("ü,2.png", "dog"), ("3.png", "dog")]


@pytest.mark.parametrize("base", ["{pets}/train/", "train/", ""])
def test_names_are_absolute_or_relative_to_the_folder_or_one_above(pets: Path, base: str) -> None:
    base = base.format(pets=pets)
    lines = [
        "filename,class,suggested,new_class,exclude",
        f'"{base}cat/ü,2.png",cat,dog,dog,',
        f"{base}dog/1.png,dog,cat,,x",
        f"{base}dog/3.png,dog,cat,,",
    ]
    file = pets / "corrections.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    assert listed(list_images(pets / "train", corrections=file)) == _WANTED
    table = pd.read_csv(file)  # With what pandas makes of empty cells.
    assert listed(list_images(pets / "train", corrections=table)) == _WANTED


def test_names_stay_text() -> None:
    table = pd.DataFrame({"filename": ["a.png", "b.png"], "class": ["None", "007"]})
    file = Path("corrections.csv").absolute()
    found = apply_corrections(
        {"train": table}, pd.DataFrame({"filename": ["a.png"], "new_class": ["007"]}), file.parent
    )
    assert found["train"]["class"].tolist() == ["007", "007"]


def test_what_cannot_be_meant_is_refused(pets: Path) -> None:
    def corrections(**columns: list[object]) -> pd.DataFrame:
        return pd.DataFrame({"filename": ["cat/1.png"], **columns})

    root = pets / "train"
    with pytest.raises(ValueError, match="Expected corrections with the column filename, and new"):
        list_images(root, corrections=corrections(label=["dog"]))
    with pytest.raises(ValueError, match=r"new_class to be one of .'cat', 'dog'.*Received: 'cow'"):
        list_images(root, corrections=corrections(new_class=["cow"]))
    with pytest.raises(ValueError, match=r"yes or nothing in the column exclude .*'perhaps'"):
        list_images(root, corrections=corrections(exclude=["perhaps"]))
    twice = pd.concat([corrections(new_class=["dog"]), corrections(exclude=[True])])
    with pytest.raises(ValueError, match="one correction of each image in the table"):
        read_corrections(twice)
    with pytest.raises(FileNotFoundError):
        list_images(root, corrections="nowhere.csv")
    with pytest.warns(UserWarning, match=r"1 of 1 corrections name no image in .*such as cow.png"):
        list_images(root, corrections=pd.DataFrame({"filename": ["cow.png"], "exclude": [True]}))
