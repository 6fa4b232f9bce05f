"""Bootstrap intervals against a slow bootstrap and against theory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef, recall_score

from pykeras_tl.evaluation import (
    Evaluation,
    bootstrap,
    compare_predictions,
    confidence_intervals,
    metrics,
    prediction_table,
)
from pykeras_tl.evaluation.discrimination import resampling


def test_values_are_the_metrics(drawn) -> None:
    table = drawn()
    found = confidence_intervals(table, repeats=10)
    each = metrics.by_class(table)
    overall = [metrics.accuracy(table), each["f1"].iloc[-2], each["recall"][:-2].mean()]
    np.testing.assert_allclose(found["value"][:3], overall)
    f1 = found[found["metric"] == "f1"]
    np.testing.assert_allclose(f1["value"], each["f1"][:-2])
    assert f1["class"].tolist() == each["class"][:-2].tolist()


def test_each_sample_is_measured_as_if_its_images_were_copied(drawn) -> None:
    table = drawn(images=30, classes=5)
    groups = np.arange(30) % 7
    measures = bootstrap._Measures(table, groups)
    drawn_groups = resampling._sample_counts(7, 20, np.random.default_rng(0))
    fast = measures(drawn_groups)
    f1 = (measures.columns()["metric"] == "f1").to_numpy()
    for times, row in zip(drawn_groups.astype(int), fast):
        copied = pd.concat(
            [table[groups == group] for group in range(7) for _ in range(times[group])]
        )
        each = metrics.by_class(copied)
        balanced = recall_score(
            copied["class"], copied["predicted"], labels=copied["class"].unique(), average="macro"
        )
        true, predicted = copied["class"].astype(str), copied["predicted"].astype(str)
        chance = [matthews_corrcoef(true, predicted), cohen_kappa_score(true, predicted)]
        expected = [metrics.accuracy(copied), each["f1"].iloc[-2], balanced, *chance]
        np.testing.assert_allclose(row[:5], expected)
        np.testing.assert_allclose(row[f1], each["f1"][:-2])


def test_the_interval_is_that_of_the_binomial(drawn) -> None:
    table = drawn(images=1000)
    row = confidence_intervals(table, repeats=4000).iloc[0]
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / 1000)
    assert row["low"] == pytest.approx(row["value"] - half, abs=0.003)
    assert row["high"] == pytest.approx(row["value"] + half, abs=0.003)


def test_copies_of_a_image_are_no_new_evidence(drawn) -> None:
    table = drawn(images=100)
    copies = pd.concat([table] * 10, ignore_index=True)
    alone = confidence_intervals(table)
    grouped = confidence_intervals(copies, groups=np.tile(np.arange(100), 10))
    fooled = confidence_intervals(copies)
    np.testing.assert_allclose(grouped[["low", "high"]], alone[["low", "high"]])
    assert (fooled["high"] - fooled["low"])[0] < 0.4 * (alone["high"] - alone["low"])[0]


def test_the_seed_decides(drawn) -> None:
    table = drawn()
    pd.testing.assert_frame_equal(confidence_intervals(table), confidence_intervals(table))
    assert not confidence_intervals(table, seed=1).equals(confidence_intervals(table))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 95}, "between 0 and 1"),
        ({"groups": ["a"] * 3}, "200 images. Received: 3 groups"),
        ({"groups": ["a"] * 200}, "two or more groups"),
        ({"groups": [None, *["a"] * 199]}, "Received: 1 missing values"),
    ],
)
def test_bad_arguments_are_refused(drawn, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        confidence_intervals(drawn(), **arguments)


@pytest.mark.parametrize("right", [True, False])
def test_a_few_photographs_that_are_all_right_prove_little(right: bool) -> None:
    true = np.repeat([0, 1], [20, 40])
    names = ["x", "y"]
    values = np.eye(2)[true if right else 1 - true]
    table = prediction_table(
        list(map(str, range(60))), [names[number] for number in true], values, names
    )
    found = confidence_intervals(table, np.arange(60) // 4)
    found = found[found["metric"].isin(["accuracy", "macro_f1", "balanced_accuracy", "f1"])]
    # 15 photographs, 5 of them of the first class: the exact interval of the binomial.
    exact = [binomtest(n if right else 0, n).proportion_ci() for n in (15, 15, 15, 5, 10)]
    np.testing.assert_allclose(found["low"], [bound.low for bound in exact])
    np.testing.assert_allclose(found["high"], [bound.high for bound in exact])


def _wrong_about(table: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    """Return predictions of the same images that are right except for some."""
    names = list(table.columns[3:])
    numbers = pd.Index(names).get_indexer(pd.Index(table["class"]))
    numbers[rows] = (numbers[rows] + 1) % len(names)
    return prediction_table(
        table["filename"].tolist(), table["class"].tolist(), np.eye(len(names))[numbers], names
    )


def test_equal_classifiers_differ_within_the_interval(drawn) -> None:
    table = drawn()
    found = compare_predictions(table, table)
    assert set(found["conclusion"]) == {"within the interval"}
    assert not found[["difference", "low", "high"]].any(axis=None)
    assert found["first"].tolist() == confidence_intervals(table)["value"].tolist()


def test_a_difference_is_shown_where_there_is_one_and_its_interval_is_that_of_pairs(drawn) -> None:
    table = drawn(images=400)
    better, worse = _wrong_about(table, [*range(40)]), _wrong_about(table, [*range(60)])
    row = compare_predictions(better, worse, repeats=4000).iloc[0]
    assert row["difference"] == pytest.approx(0.05)
    # 20 of 400 images decide, so the standard deviation is that of a share of 0.05.
    half = 1.96 * np.sqrt(0.05 * 0.95 / 400)
    assert row["low"] == pytest.approx(0.05 - half, abs=0.004)
    assert row["high"] == pytest.approx(0.05 + half, abs=0.004)
    assert row["conclusion"] == "first is better"
    assert compare_predictions(worse, better).iloc[0]["conclusion"] == "second is better"


def test_one_photograph_of_many_copies_decides_nothing(drawn) -> None:
    table = drawn(images=400)
    better, worse = _wrong_about(table, [*range(40)]), _wrong_about(table, [*range(60)])
    groups = np.arange(400) // 20
    assert compare_predictions(better, worse)["conclusion"][0] == "first is better"
    by_group = compare_predictions(better, worse, groups)
    assert by_group["conclusion"][0] == "within the interval"
    compared = Evaluation(better, groups.tolist()).compare(Evaluation(worse))
    assert compared["conclusion"][0] == "within the interval"


def test_a_few_photographs_can_differ_one_way_by_chance(drawn) -> None:
    table = drawn(images=400)
    groups = np.arange(400) // 5
    better, worse = _wrong_about(table, [*range(40)]), _wrong_about(table, [*range(65)])
    row = compare_predictions(better, worse, groups).iloc[0]
    assert row["low"] > 0
    assert row["conclusion"] == "too few differ"
    one_more = _wrong_about(table, [*range(70)])
    assert compare_predictions(better, one_more, groups)["conclusion"][0] == "first is better"


def test_only_predictions_of_the_same_images_are_compared(drawn) -> None:
    table = drawn()
    with pytest.raises(ValueError, match="the same images, in the same order"):
        compare_predictions(table, table.iloc[::-1])
    with pytest.raises(ValueError, match="the same classes"):
        compare_predictions(table, table.rename(columns={"class 0": "other"}))
