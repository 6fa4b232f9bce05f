"""Splits, synthetic images, studies and ensembles give equal tables in R and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pykeras_tl import ensembles, evaluation
from pykeras_tl.images import (
    generate_blood_cells,
    k_folds,
    list_images,
    split_fractions,
    split_source_target,
)
from pykeras_tl.studies import run_study


def assert_equal_text(from_r: Any, ours: pd.DataFrame) -> None:
    assert list(from_r.columns) == list(ours.columns)
    for name in ours:
        assert from_r[name].astype(str).tolist() == ours[name].astype(str).tolist(), name


def test_splits_are_equal(r: Any, images: Path) -> None:
    table = list_images(images)
    table["group"] = [f"g{number % 5}" for number in range(len(table))]
    fractions = {"train": 0.5, "validation": 0.25, "test": 0.25}
    result = r(
        """
        table <- list_images(py$folder)
        table$group <- paste0("g", (seq_len(nrow(table)) - 1) %% 5)
        fractions <- c(train = 0.5, validation = 0.25, test = 0.25)
        lapply(list(
          split_fractions(table, fractions, seed = 2),
          split_fractions(table, fractions, groups = "group", seed = 2),
          split_source_target(table, source = 0.5, train = 0.75, seed = 3),
          k_folds(table, 4, seed = 4)
        ), as.data.frame)
        """,
        folder=str(images),
    )
    assert_equal_text(result[0], split_fractions(table, fractions, seed=2))
    assert_equal_text(result[1], split_fractions(table, fractions, groups="group", seed=2))
    assert_equal_text(result[2], split_source_target(table, source=0.5, train=0.75, seed=3))
    assert_equal_text(result[3], k_folds(table, 4, seed=4))


def test_synthetic_images_are_equal(r: Any, tmp_path: Path) -> None:
    generate_blood_cells(tmp_path / "python", train=1, test=1, test_simple=1, seed=5, size=(48, 64))
    r(
        """
        generate_blood_cells(py$folder, train = 1, test = 1, test_simple = 1, seed = 5,
          size = c(48, 64))
        """,
        folder=str(tmp_path / "r"),
    )
    ours = sorted((tmp_path / "python").rglob("*.jpeg"))
    assert len(ours) == 12
    for file in ours:
        twin = tmp_path / "r" / file.relative_to(tmp_path / "python")
        assert twin.read_bytes() == file.read_bytes()


def test_study_tables_are_equal(r: Any, tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    generate_blood_cells(cells, train=13, test=2, test_simple=2, seed=1, size=(48, 64))
    ours = run_study(
        "blood-cells", cells, tmp_path / "python", quick=True, epochs=1, trials="version-1-sgd"
    )
    result = r(
        """
        study <- run_study("blood_cells", data = py$cells, out = py$out, quick = TRUE,
          epochs = 1, trials = "version-1-sgd")
        list(table = as.data.frame(study$table), results = as.data.frame(study),
          report = study$report, history = as.data.frame(study$history),
          printed = paste(capture.output(print(study)), collapse = " "))
        """,
        cells=str(cells),
        out=str(tmp_path / "r"),
    )
    for theirs, mine in ((result["table"], ours.table), (result["results"], ours.to_frame())):
        assert list(theirs.columns) == list(mine.columns)
        for name in mine:
            if name == "seconds":
                continue
            if pd.api.types.is_numeric_dtype(mine[name]):
                timed = mine["metric"] == "seconds" if "metric" in mine else mine[name] < 0
                np.testing.assert_array_equal(
                    theirs[name].to_numpy(float)[~timed], mine[name].to_numpy(float)[~timed]
                )
            else:
                assert theirs[name].astype(str).tolist() == mine[name].astype(str).tolist()
    assert Path(result["report"]).is_file()
    assert len(result["history"]) == len(ours.trials[0].history().to_frame())
    assert "1 finished, 0 failed" in result["printed"]


def test_ensembles_and_calibration_are_equal(r: Any) -> None:
    random = np.random.RandomState(2)
    names = ["cat", "dog", "owl"]
    files = [f"{number}.png" for number in range(30)]
    one, two = (
        evaluation.prediction_table(files, names * 10, random.dirichlet([1, 1, 1], 30), names)
        for _ in range(2)
    )
    result = r(
        """
        both <- list(py$one, py$two)
        groups <- paste0("g", (0:29) %% 7)
        lapply(list(
          average_predictions(both), predict(fit_stack(both), both), error_by_members(both),
          scale_by_temperature(py$one, fit_temperature(py$one)), reliability_table(py$two),
          confidence_intervals(py$one, groups, repeats = 100),
          data.frame(weight = fit_weights(both))
        ), as.data.frame)
        """,
        one=one,
        two=two,
    )
    both = [one, two]
    groups = [f"g{number % 7}" for number in range(30)]
    expected = [
        ensembles.average_predictions(both),
        ensembles.fit_stack(both).predict(both),
        ensembles.error_by_members(both),
        evaluation.scale_by_temperature(one, evaluation.fit_temperature(one)),
        evaluation.reliability_table(two),
        evaluation.confidence_intervals(one, groups, repeats=100),
        pd.DataFrame({"weight": ensembles.fit_weights(both)}),
    ]
    for theirs, ours in zip(result, expected):
        assert list(theirs.columns) == list(ours.columns)
        for name in ours:
            if pd.api.types.is_numeric_dtype(ours[name]):
                np.testing.assert_array_equal(
                    theirs[name].to_numpy(float), ours[name].astype(float)
                )
            else:
                assert theirs[name].fillna("").astype(str).tolist() == (
                    ours[name].fillna("").astype(str).tolist()
                )
