"""Accuracies of trials with intervals by group, and what they show of the differences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.cli import main
from pykeras_tl.evaluation import Evaluation, prediction_table
from pykeras_tl.images import generate_blood_cells, list_images
from pykeras_tl.studies import Study, Trial, interval_table, run_study
from pykeras_tl.studies.data_splits import split_tables
from pykeras_tl.studies.image_groups import split_sizes, with_originals
from pykeras_tl.studies.results.trial_results import TrialResult, read_result, tidy_table

_NAMES = ["x", "y"]


def _result(
    folder: Path, name: str, wrong: int, copies: int = 1, seed: int = 0, images: int = 200
) -> TrialResult:
    """Write what a trial leaves that is wrong on the first images."""
    true = np.arange(images) // copies % 2
    predicted = np.where(np.arange(images) < wrong, 1 - true, true)
    table = prediction_table(
        [f"{number}.png" for number in range(images)],
        [_NAMES[number] for number in true],
        np.eye(2)[predicted],
        _NAMES,
    )
    groups = [f"{number // copies}.png" for number in range(images)]
    target = folder / f"{name}-{seed}"
    trial = Trial(name, {"target_size": [8, 8], "batch_size": 1}, {}, {}, seed)
    target.mkdir(parents=True)
    trial.on_files({"train": "0", "test": "1"}).write(target / "trial.json")
    Evaluation(table, groups, groups_are_copies=True).save(target / "evaluation" / "test")
    metrics = {"test accuracy": 1 - wrong / images}
    summary = {"metrics": metrics, "epochs": 1, "seconds": 1.0, "parameters": 1, "versions": {}}
    (target / "result.json").write_text(json.dumps(summary))
    return read_result(target)


def test_copies_widen_the_intervals_and_hide_what_they_do_not_show(tmp_path: Path) -> None:
    tables = {
        copies: interval_table(
            [
                _result(tmp_path / str(copies), name, wrong, copies)
                for name, wrong in {"good": 20, "bad": 40}.items()
            ]
        )
        for copies in (1, 20)
    }
    alone, copied = tables[1], tables[20]
    assert alone["size"].tolist() == ["200 images, 200 distinct"] * 2
    assert copied["size"].tolist() == ["200 images, 10 distinct"] * 2
    assert alone["accuracy"].tolist() == copied["accuracy"].tolist() == [0.9, 0.8]
    widths = [table["high"] - table["low"] for table in (alone, copied)]
    assert (widths[1] > 2.5 * widths[0]).all()
    assert alone["conclusion"].tolist() == ["best", "lower"]
    # One photograph decides.
    assert copied["conclusion"].tolist() == ["best", "within the interval"]
    assert copied["difference"][1] == pytest.approx(-0.1)
    assert copied["difference_low"][1] < -0.1 < copied["difference_high"][1]


def test_equal_trials_are_within_the_interval_and_one_trial_is_compared_with_none(
    tmp_path: Path,
) -> None:
    results = [_result(tmp_path, name, 30, copies=4) for name in ("one", "other")]
    table = interval_table(results)
    assert table["conclusion"].tolist() == ["best", "within the interval"]
    assert table["difference"].tolist()[1] == 0
    assert "conclusion" not in interval_table(results[:1])
    assert interval_table([]).empty


def test_repeats_on_the_same_images_are_no_new_images(tmp_path: Path) -> None:
    once = interval_table([_result(tmp_path / "once", "net", 20, copies=4)])
    runs = [_result(tmp_path / "runs", "net", 20, copies=4, seed=seed) for seed in range(5)]
    repeated = interval_table(runs)
    assert repeated["size"].tolist() == ["200 images, 50 distinct"]
    pd.testing.assert_frame_equal(repeated, once)


def test_runs_on_other_images_are_not_compared(tmp_path: Path) -> None:
    one = _result(tmp_path, "one", 20)
    other = _result(tmp_path, "other", 30)
    files = {"train": "0", "test": "2"}
    table = interval_table([one, replace(other, trial=other.trial.on_files(files))])
    assert table["conclusion"].tolist() == ["best", "other images"]


def test_compare_shows_the_intervals(tmp_path: Path, monkeypatch, capsys) -> None:
    results = [_result(tmp_path, name, 30, copies=20) for name in ("one", "other")]
    tidy_table("tiny", results).to_csv(tmp_path / "results.csv", index=False)
    interval_table(results).to_csv(tmp_path / "intervals.csv", index=False)
    monkeypatch.setattr("sys.argv", ["pykeras-tl", "compare", str(tmp_path), "--markdown"])
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr().out
    assert "accuracy with its 95 % interval, by distinct image or group" in printed
    assert "| test | other | 200 images, 10 distinct | 0.8500 |" in printed
    assert "| within the interval |" in printed


@pytest.fixture
def leaking(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """Cells, some of them with a turned copy in another split."""
    import cv2

    root = generate_blood_cells(tmp_path / "cells", 4, 3, 0, size=(120, 160))
    for name in ("00000", "00001"):
        image = cv2.imread(str(root / "TRAIN" / "MONOCYTE" / f"{name}.jpeg"))
        cv2.imwrite(str(root / "TEST" / "MONOCYTE" / f"{name}-copy.jpeg"), image[:, ::-1])
        cv2.imwrite(str(root / "TEST" / "MONOCYTE" / f"{name}-again.jpeg"), image[::-1])
    return split_tables(root, train="TRAIN", test="TEST")


def test_copies_are_found_across_splits_and_have_one_name_in_all_of_them(leaking) -> None:
    part = {"train": leaking["train"][:4], "test": leaking["test"]}
    found = with_originals({"all": leaking, "part": part})
    assert split_sizes(found["all"]).values.tolist() == [["train", 16, 16, 0], ["test", 16, 14, 4]]
    assert list(split_sizes(found["all"])) == ["split", "images", "distinct", "in training"]
    pd.testing.assert_frame_equal(found["part"]["test"], found["all"]["test"])
    grouped = {name: table.assign(group="p") for name, table in leaking.items()}
    assert with_originals({"given": grouped})["given"]["test"].equals(grouped["test"])
    assert list(split_sizes(grouped)) == ["split", "images", "groups", "in training"]
    Path(leaking["train"]["filename"][0]).write_bytes(b"no image")
    assert "original" not in with_originals({"all": leaking})["all"]["train"]


@pytest.mark.slow
def test_a_study_counts_distinct_images_and_says_what_its_numbers_show(
    tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    from PIL import Image, ImageOps

    for split in ("TRAIN", "TEST", "TEST_SIMPLE"):
        for row in list_images(colours / split).itertuples(index=False):
            target = tmp_path / "data" / split / row[1] / Path(row[0]).name
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(row[0]) as image:
                image.save(target)
                ImageOps.flip(image).save(target.with_name(f"copy-{target.name}"))
    result = run_study(tiny_study, tmp_path / "data", tmp_path / "out", epochs=1)
    assert not result.failures
    test = result.intervals.query("split == 'test'")
    assert test["size"].tolist() == ["30 images, 15 distinct"] * 2
    assert set(test["conclusion"]) <= {"best", "within the interval", "lower"}
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "intervals.csv"), result.intervals)
    sizes = pd.read_csv(tmp_path / "out" / "splits.csv")
    assert sizes[["images", "distinct"]].values.tolist() == [[72, 36], [24, 12], [30, 15]]
    page = result.report.read_text(encoding="utf-8")
    assert "Some images are copies of each other" in page
    assert "30 images, 15 distinct" in page
    baselines = pd.read_csv(tmp_path / "out" / "baselines.csv")
    assert "30 images, 15 distinct" in set(baselines["size"])
