"""Baselines against scikit-learn's dummy classifier and an obvious search."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import Evaluation, majority_baseline, nearest_neighbour_baseline
from pykeras_tl.images.datasets.array_files import array_file_table


@pytest.fixture
def tables(tmp_path) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(0)

    def draw(part: str, count: int) -> pd.DataFrame:
        rows = []
        for number in range(count):
            name = "abc"[min(number % 4, 2)]
            level = {"a": 60, "b": 120, "c": 180}[name]
            image = random.normal(level, 60, (12, 16, 3)).clip(0, 255).astype("uint8")
            path = tmp_path / part / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), image)
            rows.append((str(path), name))
        return pd.DataFrame(rows, columns=["filename", "class"])

    return draw("train", 24), draw("test", 13)


def test_majority_is_scikit_learns_dummy(tables) -> None:
    from sklearn.dummy import DummyClassifier

    train, test = tables
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((24, 1)), train["class"])
    found = majority_baseline(train, test)
    np.testing.assert_allclose(found.iloc[:, 3:], dummy.predict_proba(np.zeros((13, 1))))
    assert Evaluation(found).accuracy == (test["class"] == "c").mean()


def test_the_nearest_image_decides(tables) -> None:
    train, test = tables

    def pixels(file: str) -> np.ndarray:
        small = cv2.resize(cv2.imread(file), (4, 4), interpolation=cv2.INTER_AREA)
        return small.astype(float)

    expected = []
    for file in test["filename"]:
        distances = [((pixels(file) - pixels(other)) ** 2).sum() for other in train["filename"]]
        expected.append(train["class"][int(np.argmin(distances))])
    found = nearest_neighbour_baseline(train, test, size=4)
    assert found["predicted"].tolist() == expected
    assert found["class"].tolist() == test["class"].tolist()


def test_images_that_stand_in_training_are_found(tables) -> None:
    train, _ = tables
    assert Evaluation(nearest_neighbour_baseline(train, train)).accuracy == 1


def test_votes_are_shares(tables) -> None:
    train, test = tables
    found = nearest_neighbour_baseline(train, test, neighbours=4)
    np.testing.assert_allclose(found.iloc[:, 3:].sum(axis=1), 1)
    assert set(np.unique(found.iloc[:, 3:])) <= {0, 0.25, 0.5, 0.75, 1}


def test_a_class_that_training_lacks_is_never_predicted(tables) -> None:
    train, test = tables
    test = test.assign(**{"class": "new"})
    for found in (majority_baseline(train, test), nearest_neighbour_baseline(train, test)):
        assert (found["new"] == 0).all()
        assert Evaluation(found).accuracy == 0


def test_bad_arguments_are_refused(tables) -> None:
    train, test = tables
    with pytest.raises(ValueError, match="Expected test to have the columns filename and class"):
        majority_baseline(train, test[["class"]])
    with pytest.raises(ValueError, match="1 to 24"):
        nearest_neighbour_baseline(train, test, neighbours=25)
    with pytest.raises(FileNotFoundError):
        nearest_neighbour_baseline(train, test.assign(filename="gone.png"))


def test_images_that_stand_in_one_file_are_compared_alike(tables, tmp_path) -> None:
    train, test = tables
    stored = []
    for name, table in (("train", train), ("test", test)):
        images = np.stack([cv2.imread(file)[..., ::-1] for file in table["filename"]])
        np.save(tmp_path / f"{name}.npy", images)
        stored.append(array_file_table(tmp_path / f"{name}.npy", table["class"]))
    found = nearest_neighbour_baseline(*stored)
    assert (
        found["predicted"].tolist() == nearest_neighbour_baseline(train, test)["predicted"].tolist()
    )
    np.save(tmp_path / "gray.npy", np.zeros((3, 9, 9), "uint8"))
    gray = array_file_table(tmp_path / "gray.npy", ["a", "b", "c"])
    assert nearest_neighbour_baseline(gray, gray)["predicted"].tolist() == ["a"] * 3
