from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.images import list_images
from pykeras_tl.studies.results import baselines
from pykeras_tl.studies.results.baselines import study_baselines


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """Dark and light images; one of five in the test is of the other class."""
    random = np.random.default_rng(0)
    for part, count in {"train": 12, "validation": 4, "test": 10}.items():
        for number in range(count):
            label = "ab"[number % 2]
            level = {"a": 60, "b": 190}[label]
            if part == "test" and number % 5 == 0:
                level = 250 - level
            path = tmp_path / part / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.normal(level, 8, (9, 12, 3)).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(path)
    return {part: list_images(tmp_path / part) for part in ("train", "validation", "test")}


def test_each_part_that_is_not_trained_on_has_its_baselines(tables, tmp_path) -> None:
    found = study_baselines(tables, tmp_path / "out" / "baselines.csv")
    assert found["split"].tolist() == ["validation"] * 2 + ["test"] * 2
    assert found["accuracy"].tolist() == [0.5, 1, 0.5, 0.8]
    test = found.iloc[3]
    assert test["low"] < 0.8 < test["high"]


def test_they_are_measured_once_for_the_same_images(tables, tmp_path, monkeypatch) -> None:
    path = tmp_path / "baselines.csv"
    first = study_baselines(tables, path)
    monkeypatch.setattr(baselines, "_evaluated", None)
    pd.testing.assert_frame_equal(study_baselines(tables, path), first)
    with pytest.raises(TypeError):
        study_baselines({**tables, "test": tables["test"][1:]}, path)


def test_a_bad_image_costs_the_baselines_and_nothing_else(tables, tmp_path) -> None:
    Path(tables["train"]["filename"][0]).write_bytes(b"no image")
    assert study_baselines(tables, tmp_path / "baselines.csv").empty
    assert not (tmp_path / "baselines.csv").exists()
