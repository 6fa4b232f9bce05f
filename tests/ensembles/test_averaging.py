"""Averages and their weights against scikit-learn and a search over a grid."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier

from pykeras_tl.ensembles import (
    average_predictions,
    error_by_members,
    fit_weights,
    plot_error_by_members,
)
from pykeras_tl.evaluation import metrics, prediction_table
from pykeras_tl.visualization.style import png


@pytest.fixture
def members(draw, tree):
    """Trees of several depths, and what they say of validation and of test images."""
    train = draw(150, 0)
    trained = [tree(depth)(train, 0) for depth in (1, 2, 4, None)]
    return [member(draw(200, 1)) for member in trained], [m(draw(300, 2)) for m in trained]


def test_average_is_scikit_learns_soft_vote(members) -> None:
    _, test = members
    weights = [1.0, 2.0, 0.0, 3.0]
    arrays = np.stack([member.iloc[:, 3:].to_numpy() for member in test])

    class Said:
        def __init__(self, said):
            self.said = said

        def predict_proba(self, _):
            return self.said

    vote = VotingClassifier([("", None)] * 4, voting="soft", weights=weights)
    vote.estimators_ = [Said(array) for array in arrays]
    vote.estimators = [(str(i), "") for i in range(4)]
    found = average_predictions(test, weights)
    np.testing.assert_allclose(found.iloc[:, 3:], vote.predict_proba(None), atol=1e-6)
    assert found["class"].tolist() == test[0]["class"].tolist()


def test_fitted_weights_are_the_best_of_a_grid(members) -> None:
    validation, _ = members
    three = validation[1:]
    steps = np.linspace(0, 1, 21)
    losses = {
        (a, b): metrics.log_loss(average_predictions(three, [a, b, max(0, 1 - a - b)]))
        for a in steps
        for b in steps
        if a + b <= 1
    }
    weights = fit_weights(three)
    assert weights.sum() == pytest.approx(1)
    found = metrics.log_loss(average_predictions(three, weights))
    assert found <= min(losses.values()) + 1e-5
    assert found < metrics.log_loss(average_predictions(three)) - 1e-3


def test_a_member_that_is_always_wrong_weighs_nothing(members) -> None:
    validation, _ = members
    good = validation[2]
    wrong = prediction_table(
        good["filename"].tolist(),
        good["class"].tolist(),
        np.roll(good.iloc[:, 3:].to_numpy() * 0 + np.eye(3)[[0]], 1, axis=1),
        ["x", "y", "z"],
    )
    assert fit_weights([good, wrong]).round(2).argmax() == 0


def test_error_by_members_is_the_error_of_each_average(members) -> None:
    _, test = members
    weights = [1.0, 3.0, 2.0, 1.0]
    table = error_by_members(test, weights, orders=1)
    for number in (1, 2, 3, 4):
        average = average_predictions(test[:number], weights[:number])
        assert table["error"][number - 1] == pytest.approx(1 - metrics.accuracy(average))
    mixed = error_by_members(test, orders=30)
    errors = [1 - metrics.accuracy(member) for member in test]
    assert mixed["low"][0] == pytest.approx(min(errors))
    assert mixed["high"][0] == pytest.approx(max(errors))
    assert mixed["low"][3] == pytest.approx(mixed["high"][3])
    figure = plot_error_by_members({"trees": mixed, "$one$": table})
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), mixed["error"])
    png(figure)


def test_members_of_other_images_or_classes_are_refused(members) -> None:
    validation, test = members
    with pytest.raises(ValueError, match="member 2 with other images"):
        average_predictions([validation[0], test[0]])
    two = test[0].rename(columns={"x": "w"})
    with pytest.raises(ValueError, match="member 2 with other classes"):
        average_predictions([test[0], two])
    with pytest.raises(ValueError, match="at least one member"):
        average_predictions([])
    with pytest.raises(ValueError, match="Expected 4 weights"):
        average_predictions(test, [1, 2])
    with pytest.raises(ValueError, match="orders"):
        error_by_members(test, orders=0)


def test_predictions_without_truth_can_be_averaged() -> None:
    one = prediction_table(["a"], None, np.array([[0.2, 0.8]]), ["no", "yes"])
    assert average_predictions([one, one]).columns.tolist()[:2] == ["filename", "predicted"]
