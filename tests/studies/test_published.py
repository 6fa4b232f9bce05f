from __future__ import annotations

import pandas as pd
import pytest

from pykeras_tl.studies import markdown_table, published_table

_COLUMNS = ["study", "trial", "seed", "fold", "images", "metric", "value"]


def _results(study: str, **trials: list[float]) -> pd.DataFrame:
    rows = [
        (study, trial.replace("_", "-"), seed, 0, "p", "test accuracy", value)
        for trial, values in trials.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def test_what_was_found_stands_beside_what_was_published() -> None:
    table = published_table(_results("soco", case_4=[0.4, 0.6], case_1=[0.3]))
    assert table["trial"].tolist() == ["case-1", "case-4"]
    assert table["published"].tolist() == [0.3326, 0.4353]
    assert table["mean"].tolist() == [0.3, pytest.approx(0.5)]
    assert table["best"].tolist() == [0.3, 0.6]
    assert table["runs"].tolist() == [1, 2]


def test_runs_of_several_folders_are_found_by_their_trials() -> None:
    results = _results("soco", case_1=[0.3]).assign(trial="malaria/case-1")
    assert published_table(results)["trial"].tolist() == ["malaria/case-1"]


def test_studies_that_are_ones_own_have_nothing_published() -> None:
    assert published_table(_results("light", case_1=[0.3])).empty


def test_markdown_is_written_for_reading() -> None:
    table = pd.DataFrame({"a|b": ["x|y"], "n": [12.0], "p": [1e-6], "low": [float("nan")]})
    assert markdown_table(table).splitlines() == [
        r"| a\|b | n | p | low |",
        "|---|---:|---:|---:|",
        r"| x\|y | 12 | 1e-06 | – |",
    ]
