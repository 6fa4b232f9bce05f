"""Metrics of several labels an image, against scikit-learn on samples that are written out."""

import numpy as np
import pytest
from sklearn import metrics as sk

from pykeras_tl.evaluation.multi_label import MultiLabelEvaluation, choose_label_thresholds
from pykeras_tl.evaluation.multi_label import metrics as own
from pykeras_tl.evaluation.multi_label.table import has_labels, label_table, scores_of

NAMES = ["NA", "a b", "c", "never"]


@pytest.fixture
def evaluation():
    random = np.random.default_rng(0)
    true = random.random((60, 4)) < [0.5, 0.3, 0.15, 0]
    # With ties.
    scores = (random.random((60, 4)) * 0.7 + 0.3 * true).round(1)
    thresholds = choose_label_thresholds(true, scores)
    files = [f"{number}.png" for number in range(60)]
    table = label_table(files, true, scores, NAMES, thresholds)
    return MultiLabelEvaluation(table, thresholds, [f"g{number // 3}" for number in range(60)])


def _by_sklearn(true, predicted, scores):
    precision = [
        sk.average_precision_score(has, score) if 0 < has.sum() < len(has) else np.nan
        for has, score in zip(true.T, scores.T)
    ]
    f1 = sk.f1_score(true, predicted, average=None, zero_division=0)
    return [
        np.nanmean(precision),
        sk.average_precision_score(true.ravel(), scores.ravel()),
        sk.f1_score(true, predicted, average="macro", zero_division=0),
        sk.f1_score(true, predicted, average="micro", zero_division=0),
        sk.accuracy_score(true, predicted),
        sk.hamming_loss(true, predicted),
        *precision,
        *f1,
    ]


def test_each_bootstrap_sample_is_measured_as_if_it_was_written_out(evaluation):
    table, groups = evaluation.predictions, np.array(evaluation.groups)
    parts = has_labels(table, "labels"), has_labels(table, "predicted"), scores_of(table)
    measures = own._Measures(table, evaluation.groups)
    random = np.random.default_rng(1)
    samples = random.multinomial(20, np.full(20, 1 / 20), size=20).astype(float)
    measured = measures(samples)
    for counts, values in zip(samples, measured):
        rows = np.repeat(np.arange(60), counts.astype(int)[np.repeat(np.arange(20), 3)])
        assert np.allclose(values, _by_sklearn(*(part[rows] for part in parts)), equal_nan=True)
    assert len(set(groups)) == 20


def test_intervals_hold_the_values_of_the_tables(evaluation):
    found = evaluation.intervals
    overall = found[found["label"].isna()].set_index("metric")["value"]
    assert overall.to_dict() == pytest.approx(own.overall_metrics(evaluation.predictions))
    by_label = found[found["metric"] == "f1"].set_index("label")["value"]
    expected = evaluation.by_label.set_index("label")["f1"]
    assert by_label.to_dict() == pytest.approx(expected.to_dict())
    known = found.dropna()
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()


def test_no_other_threshold_has_a_higher_f1(evaluation):
    true, scores = has_labels(evaluation.predictions, "labels"), scores_of(evaluation.predictions)
    for label, threshold in enumerate(evaluation.thresholds[:3]):
        has, column = true[:, label], scores[:, label]
        best = max(sk.f1_score(has, column >= each) for each in np.unique(column))
        assert sk.f1_score(has, column >= threshold) == pytest.approx(best)
    assert evaluation.thresholds[3] == 0.5


def test_an_evaluation_is_read_as_it_was_saved(evaluation, tmp_path):
    loaded = MultiLabelEvaluation.load(evaluation.save(tmp_path / "results"))
    assert loaded.predictions.equals(evaluation.predictions)
    assert list(loaded.thresholds) == list(evaluation.thresholds)
    assert loaded.groups == evaluation.groups
    assert loaded.summary == evaluation.summary


def test_the_largest_mistake_comes_first():
    table = label_table(
        ["right", "unsure", "sure"],
        np.array([[1, 0], [1, 0], [0, 1]], bool),
        np.array([[0.9, 0.1], [0.4, 0.2], [0.95, 0.9]]),
        ["x", "y"],
        [0.5, 0.5],
    )
    worst = MultiLabelEvaluation(table, [0.5, 0.5]).largest_mistakes()
    assert worst["filename"].tolist() == ["sure", "unsure"]
    assert worst["wrong"].tolist() == ["x", "x"]
    lower = MultiLabelEvaluation(table, [0.5, 0.5]).with_thresholds([0.3, 0.5])
    assert lower.largest_mistakes()["filename"].tolist() == ["sure"]
