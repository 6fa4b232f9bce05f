"""Prediction sets against crepes, against loops, and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from pykeras_tl.evaluation import Evaluation, coverage_table, prediction_table
from pykeras_tl.evaluation.coverage import fit_sets
from pykeras_tl.models import PredictionSets


def _images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw true classes and probabilities; the last class is harder than the others."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 4, count)
    scores = random.normal(size=(count, 4))
    scores[np.arange(count), true] += np.array([3, 2, 2, 0.5])[true]
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), true


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_sets_are_those_of_crepes(by_class: bool, coverage: float) -> None:
    crepes = pytest.importorskip("crepes")
    (known, true), (new, _) = _images(120, 0), _images(50, 1)
    theirs = crepes.ConformalClassifier()
    options = {"bins": true} if by_class else {}
    theirs.fit(1 - known[np.arange(120), true], **options)
    expected = np.zeros((50, 4), bool)
    for number in range(4):
        scores = np.repeat(1 - new[:, [number]], 4, axis=1)
        bins = {"bins": np.full(50, number)} if by_class else {}
        found = theirs.predict_set(scores, confidence=coverage, smoothing=False, **bins)
        expected[:, number] = found[:, number]
    # The most probable class is always ours.
    expected[np.arange(50), new.argmax(axis=1)] = True
    ours = PredictionSets.fit(known, true).contains(new, coverage, by_class)
    assert (ours == expected).all()


def test_adaptive_sets_are_those_of_a_loop() -> None:
    (known, true), (new, _) = _images(60, 0), _images(30, 1)

    def score(row: np.ndarray, number: int) -> float:
        return sum(value for value in row if value >= row[number])

    scores = sorted(score(row, number) for row, number in zip(known, true))
    threshold = scores[int(np.ceil(0.9 * 61)) - 1]
    expected = [
        [score(row, number) <= threshold or row[number] == max(row) for number in range(4)]
        for row in new
    ]
    assert PredictionSets.fit(known, true, method="aps").contains(new).tolist() == expected


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_what_is_promised_holds_on_average(method: str) -> None:
    new, true = _images(4000, 99)
    overall, hardest = [], []
    for seed in range(40):
        known, classes = _images(100, seed)
        sets = PredictionSets.fit(known, classes, method=method)
        inside = sets.contains(new, 0.9)[np.arange(4000), true]
        overall.append(inside.mean())
        inside = sets.contains(new, 0.9, by_class=True)[np.arange(4000), true]
        hardest.append(inside[true == 3].mean())
    assert np.mean(overall) > 0.89
    assert np.mean(hardest) > 0.89
    # Of these images, the hardest class is covered less where it is promised on average only.
    assert PredictionSets.fit(*_images(2000, 7)).contains(new)[true == 3, 3].mean() < 0.87


def test_copies_are_one_piece_of_evidence() -> None:
    known, true = _images(40, 0)
    alone = PredictionSets.fit(known, true)
    times = np.arange(40) % 7 + 1
    copies = PredictionSets.fit(
        known.repeat(times, axis=0), true.repeat(times), np.arange(40).repeat(times)
    )
    for coverage in (0.5, 0.9, 0.97):
        assert alone.thresholds(4, coverage)[0] == copies.thresholds(4, coverage)[0]
    fooled = PredictionSets.fit(known.repeat(times, axis=0), true.repeat(times))
    assert fooled.thresholds(4, 0.98)[0] < alone.thresholds(4, 0.98)[0] == np.inf


def test_too_few_images_give_sets_of_all_classes() -> None:
    known, true = _images(8, 0)
    assert PredictionSets.fit(known, true).contains(known, 0.9).all()
    with pytest.raises(ValueError, match="coverage to be between 0 and 1"):
        PredictionSets.fit(known, true).contains(known, 90)
    with pytest.raises(ValueError, match="'lac' or 'aps'"):
        PredictionSets.fit(known, true, method="raps")


def test_coverage_is_counted() -> None:
    names = list("wxyz")

    def evaluation(count: int, seed: int) -> Evaluation:
        values, true = _images(count, seed)
        files = [str(number) for number in range(count)]
        return Evaluation(prediction_table(files, [names[k] for k in true], values, names))

    calibration, test = evaluation(200, 0), evaluation(300, 1)
    sets = fit_sets(calibration)
    found = coverage_table(test, sets, [0.7, 0.9]).iloc[1]
    values = test.predictions[names].to_numpy("float64")
    inside = sets.contains(values, 0.9)
    hits = np.array(
        [row[names.index(name)] for row, name in zip(inside, test.predictions["class"])]
    )
    assert found["measured"] == hits.mean()
    assert found["low"] < found["measured"] < found["high"]
    assert found["mean_size"] == inside.sum() / 300
    assert found["single"] == np.mean([row.sum() == 1 for row in inside])
    lowest = min(names, key=lambda name: hits[test.predictions["class"] == name].mean())
    assert (found["lowest_class"], found["lowest"]) == (
        lowest,
        hits[test.predictions["class"] == lowest].mean(),
    )
