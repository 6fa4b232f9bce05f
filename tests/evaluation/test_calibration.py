"""Calibration against slow sums, Keras's softmax and networks of known temperature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import (
    expected_calibration_error,
    fit_temperature,
    metrics,
    plot_reliability,
    prediction_table,
    reliability_table,
    scale_by_temperature,
)
from pykeras_tl.visualization.style import png


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _honest(images: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Logits, and classes drawn with exactly the probabilities that they give."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(images, 3))
    true = [random.choice(3, p=row) for row in _softmax(logits)]
    return logits, ["abc"[k] for k in true]


def _table(logits: np.ndarray, true: list[str]) -> pd.DataFrame:
    files = [str(i) for i in range(len(true))]
    return prediction_table(files, true, _softmax(logits), list("abc"))


def test_error_is_the_slow_sum(drawn) -> None:
    table = drawn(images=300)
    chances = table.iloc[:, 3:].to_numpy(dtype=float)
    total = 0.0
    for low in np.arange(10) / 10:
        inside = [p for p in range(300) if low < chances[p].max() <= low + 0.1 + 1e-12]
        if inside:
            right = np.mean([table["class"][p] == table["predicted"][p] for p in inside])
            total += len(inside) / 300 * abs(right - chances[inside].max(axis=1).mean())
    assert expected_calibration_error(table) == pytest.approx(total, abs=1e-6)
    assert reliability_table(table)["images"].sum() == 300


def test_honest_probabilities_have_a_small_error_and_temperature_one() -> None:
    table = _table(*_honest(4000))
    assert expected_calibration_error(table) < 0.03
    assert fit_temperature(table) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_the_temperature_is_found_again(temperature) -> None:
    logits, true = _honest(4000)
    found = fit_temperature(_table(logits * temperature, true))
    assert found == pytest.approx(temperature, rel=0.06)


def test_scaling_is_softmax_of_logits_over_temperature() -> None:
    logits, true = _honest(50)
    scaled = scale_by_temperature(_table(logits, true), 2.5)
    np.testing.assert_allclose(scaled.iloc[:, 3:], _softmax(logits / 2.5), atol=1e-6)
    assert scaled["class"].tolist() == true
    assert scaled["predicted"].equals(_table(logits, true)["predicted"])


def test_the_fitted_temperature_is_best() -> None:
    logits, true = _honest(500)
    table = _table(logits * 2, true)
    best = fit_temperature(table)
    losses = [metrics.log_loss(scale_by_temperature(table, best * f)) for f in (0.95, 1, 1.05)]
    assert losses[1] == min(losses)


@pytest.mark.parametrize("images", [20, 200])
def test_who_makes_no_mistake_among_a_few_is_not_certain(images: int) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (images, 3))
    logits[:, 0] += 8
    table = _table(logits, ["a"] * images)
    sure = 1 - scale_by_temperature(table, fit_temperature(table)).iloc[:, 3].to_numpy()
    assert 0.5 / images < sure.mean() < 4 / images


def test_certain_predictions_stay_finite() -> None:
    table = prediction_table(["a", "b"], ["x", "x"], np.eye(2), ["x", "y"])
    assert 0.05 <= fit_temperature(table) <= 20
    assert np.isfinite(scale_by_temperature(table, 0.05).iloc[:, 3:].to_numpy()).all()


def test_the_diagram_shows_the_table(drawn) -> None:
    table = drawn()
    figure = plot_reliability({"before": table, "$after$": scale_by_temperature(table, 2)})
    axes = figure.axes[0]
    np.testing.assert_allclose(
        axes.lines[1].get_xydata(), reliability_table(table)[["confidence", "accuracy"]]
    )
    assert len(figure.legends[0].get_texts()) == 2
    png(figure)


def test_bad_arguments_are_refused(drawn) -> None:
    with pytest.raises(ValueError, match="above 0"):
        scale_by_temperature(drawn(), 0)
    with pytest.raises(ValueError, match="bins"):
        reliability_table(drawn(), 0)
    with pytest.raises(ValueError, match="no table"):
        plot_reliability({})
