"""Metrics of predicted numbers, their intervals by group, and where errors are."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from pykeras_tl.evaluation.regression import RegressionEvaluation
from pykeras_tl.evaluation.regression.metrics import ResampledMetrics, regression_metrics


@pytest.fixture
def evaluation():
    random = np.random.default_rng(0)
    true = random.normal(50, 10, 80)
    table = pd.DataFrame(
        {
            "filename": [f"{number}.png" for number in range(80)],
            "true": true,
            # Too low where the truth is high.
            "predicted": 50 + 0.5 * (true - 50) + random.normal(0, 2, 80),
        }
    )
    return RegressionEvaluation(table, "age")


def test_metrics_are_what_their_formulas_say():
    true, predicted = np.array([1.0, 2.0, 3.0, 10.0]), np.array([2.0, 2.0, 5.0, 4.0])
    error = predicted - true
    found = regression_metrics(true, predicted)
    assert found == pytest.approx(
        {
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "median_absolute_error": np.median(np.abs(error)),
            "r2": 1 - (error**2).sum() / ((true - true.mean()) ** 2).sum(),
            "spearman": np.corrcoef([0, 1, 2, 3], [0.5, 0.5, 3, 2])[0, 1],
        }
    )
    assert np.isnan(regression_metrics([1, 1], [1, 2])["r2"])


def test_each_bootstrap_sample_is_measured_as_if_it_was_written_out():
    random = np.random.default_rng(0)
    # With ties in both.
    true, predicted = random.integers(0, 9, (2, 40)).astype(float)
    group_of = np.arange(40) // 4
    samples = random.multinomial(10, np.full(10, 0.1), size=30).astype(float)
    for counts, values in zip(samples, ResampledMetrics(true, predicted, group_of)(samples)):
        rows = np.repeat(np.arange(40), counts.astype(int)[group_of])
        expected = regression_metrics(true[rows], predicted[rows])
        assert values == pytest.approx(list(expected.values()))


def test_intervals_are_those_of_an_independent_bootstrap(evaluation):
    row = evaluation.intervals.iloc[0]
    other = bootstrap(
        (np.abs(evaluation.errors),), np.mean, method="percentile", rng=1, n_resamples=2000
    ).confidence_interval
    assert [row["low"], row["high"]] == pytest.approx(list(other), rel=0.05)


def test_groups_make_intervals_wider(evaluation):
    copies = pd.concat([evaluation.predictions] * 4, ignore_index=True)
    groups = copies["filename"].tolist()
    copies["filename"] = [f"{copy}_{file}" for copy, file in enumerate(groups)]
    together = RegressionEvaluation(copies, "age", groups, True)
    assert together.size == "320 images, 80 distinct"
    width = [
        float((each.intervals["high"] - each.intervals["low"]).iloc[0])
        for each in (evaluation, together, RegressionEvaluation(copies, "age"))
    ]
    assert width[1] == pytest.approx(width[0], rel=0.1)
    assert width[2] < 0.7 * width[1]


def test_bias_is_shown_by_range(evaluation):
    table = evaluation.by_range
    assert table["images"].tolist() == [20] * 4
    assert table["bias"].iloc[0] > 3
    assert table["bias"].iloc[-1] < -3
    assert any("errs most" in sentence for sentence in evaluation.limits)


def test_an_evaluation_is_read_as_it_was_saved(evaluation, tmp_path):
    evaluation = RegressionEvaluation(evaluation.predictions, "age", ["a", "b"] * 40, True)
    loaded = RegressionEvaluation.load(evaluation.save(tmp_path / "results"))
    for name in ("filename", "true", "predicted"):
        assert loaded.predictions[name].tolist() == evaluation.predictions[name].tolist()
    assert (loaded.target, loaded.groups, loaded.groups_are_copies) == (
        "age",
        ["a", "b"] * 40,
        True,
    )
    assert loaded.summary == evaluation.summary
