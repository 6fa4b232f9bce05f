from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pykeras_tl.studies import paired_comparisons, read_runs, summary_table

_METRIC = "test accuracy"
_COLUMNS = ["study", "trial", "seed", "fold", "images", "metric", "value"]


def _results(**trials: list[float]) -> pd.DataFrame:
    rows = [
        ("study", trial, seed, 0, f"digest{seed}", _METRIC, value)
        for trial, values in trials.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def test_the_interval_is_students() -> None:
    values = [0.31, 0.35, 0.29, 0.4]
    row = summary_table(_results(case=values)).iloc[0]
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (row["runs"], row["mean"]) == (4, pytest.approx(np.mean(values)))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (row["low"], row["high"]) == pytest.approx(expected)


def test_one_run_has_no_interval() -> None:
    row = summary_table(_results(case=[0.5])).iloc[0]
    assert row["mean"] == 0.5
    assert row[["sd", "low", "high"]].isna().all()


def test_pairs_are_compared_by_the_paired_t_test() -> None:
    first, second = [0.42, 0.5, 0.47, 0.55], [0.4, 0.45, 0.46, 0.5]
    row = paired_comparisons(_results(first=first, second=second)).iloc[0]
    assert row["p"] == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert row["difference"] == pytest.approx(np.mean(first) - np.mean(second))
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_the_pairs_needed_give_the_power() -> None:
    random = np.random.default_rng(0)
    base = random.normal(0, 1, 12)
    first = list(base + random.normal(0.1, 0.1, 12))
    row = paired_comparisons(_results(first=first, second=list(base))).iloc[0]
    number = int(row["pairs_needed"])
    found = random.normal(row["difference"], row["sd"], (20_000, number))
    share = (stats.ttest_1samp(found, 0, axis=1).pvalue < 0.05).mean()
    assert 0.79 < share < 0.95
    fewer = found[:, :-1]
    assert (stats.ttest_1samp(fewer, 0, axis=1).pvalue < 0.05).mean() < 0.81


def test_only_shared_runs_are_paired() -> None:
    results = _results(first=[0.1, 0.2, 0.3], second=[0.0, 0.2, 0.1])
    results = results.drop(index=[5])
    assert paired_comparisons(results).iloc[0]["pairs"] == 2
    assert paired_comparisons(results.drop(index=[4])).empty


def test_runs_on_other_images_are_no_pairs() -> None:
    results = _results(first=[0.1, 0.2, 0.3], second=[0.0, 0.2, 0.1])
    results.loc[results["trial"] == "second", "images"] = "others"
    assert paired_comparisons(results).empty


@pytest.mark.parametrize(
    ("first", "second", "p", "needed"),
    [([0.5, 0.5], [0.5, 0.5], 1, np.nan), ([0.75, 0.75], [0.5, 0.5], 0, 2)],
)
def test_differences_without_deviation(first: list, second: list, p: float, needed: float) -> None:
    row = paired_comparisons(_results(first=first, second=second)).iloc[0]
    assert row["p"] == p
    assert row["pairs_needed"] == pytest.approx(needed, nan_ok=True)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown metric 'f1'. Known metrics: test accuracy\."):
        paired_comparisons(_results(case=[0.1, 0.2]), "f1")


def test_runs_are_told_apart_by_their_folders(tmp_path) -> None:
    for name, values in {"one": [0.1, 0.2], "two": [0.3, 0.5]}.items():
        (tmp_path / name).mkdir()
        _results(case=values).to_csv(tmp_path / name / "results.csv", index=False)
    read = read_runs([tmp_path / "one", tmp_path / "two"])
    assert list(paired_comparisons(read).iloc[0][["trial", "other"]]) == ["one/case", "two/case"]
    assert list(read_runs([tmp_path / "one"])["trial"].unique()) == ["case"]


def test_a_table_with_other_columns_is_refused(tmp_path) -> None:
    _results(case=[0.1]).drop(columns="images").to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(ValueError, match="Expected the columns study, trial"):
        read_runs([tmp_path])


def test_a_folder_without_results_is_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no results\.csv"):
        read_runs([tmp_path])
