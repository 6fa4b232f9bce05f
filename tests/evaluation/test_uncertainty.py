"""Bootstrap intervals against a slow bootstrap and against theory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import bootstrap, confidence_intervals, metrics


def test_values_are_the_metrics(drawn) -> None:
    table = drawn()
    found = confidence_intervals(table, repeats=10)
    each = metrics.by_class(table)
    assert found["value"][0] == pytest.approx(metrics.accuracy(table))
    np.testing.assert_allclose(found["value"][1:], [each["f1"].iloc[-2], *each["f1"][:-2]])
    assert found["class"].tolist() == [None, None, *each["class"][:-2]]


def test_each_sample_is_measured_as_if_its_images_were_copied(drawn) -> None:
    table = drawn(images=30, classes=5)
    groups = np.arange(30) % 7
    counts = bootstrap._counts_by_group(table, groups)
    drawn_groups = bootstrap._sample_counts(7, 20, np.random.default_rng(0))
    fast = bootstrap._measure(drawn_groups @ counts)
    for times, row in zip(drawn_groups.astype(int), fast):
        copied = pd.concat(
            [table[groups == group] for group in range(7) for _ in range(times[group])]
        )
        each = metrics.by_class(copied)
        expected = [metrics.accuracy(copied), each["f1"].iloc[-2], *each["f1"][:-2]]
        np.testing.assert_allclose(row, expected)


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
