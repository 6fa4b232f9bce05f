"""Bagging does what averaging promises; boosting is scikit-learn's AdaBoost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from pykeras_tl.ensembles import (
    Ensemble,
    average_predictions,
    bag,
    boost,
    bootstrap_sample,
    error_by_members,
    vote,
)
from pykeras_tl.evaluation import metrics, prediction_table


def test_a_bootstrap_sample_keeps_classes_and_repeats_images(draw) -> None:
    table = draw(300, 0)
    sample = bootstrap_sample(table, 5)
    assert sample["class"].value_counts().to_dict() == table["class"].value_counts().to_dict()
    assert 0.55 < sample["filename"].nunique() / 300 < 0.7
    assert set(sample["filename"]) <= set(table["filename"])
    assert sample.equals(bootstrap_sample(table, 5))
    assert not sample.equals(bootstrap_sample(table, 6))


def test_error_falls_as_bagged_trees_are_added(draw, tree) -> None:
    bagged = bag(tree(None), draw(300, 0), 25)
    test = draw(1000, 1)
    said = bagged.predict(test, each=True)
    assert len(said) == 25
    errors = error_by_members(said)["error"]
    assert errors.iloc[-1] < errors.iloc[0] - 0.03
    assert 1 - metrics.accuracy(average_predictions(said)) == pytest.approx(errors.iloc[-1])
    assert bagged.predict(test).equals(average_predictions(said))


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_boosting_is_scikit_learns(draw, tree, rate) -> None:
    train, test = draw(300, 0), draw(500, 1)
    boosted = boost(tree(1), train, 20, learning_rate=rate)
    stump = DecisionTreeClassifier(max_depth=1)
    theirs = AdaBoostClassifier(stump, n_estimators=20, learning_rate=rate)
    theirs.fit(train[["one", "two"]].to_numpy(), train["class"])
    np.testing.assert_allclose(boosted.weights, theirs.estimator_weights_)
    found = boosted.predict(test)
    assert found["predicted"].tolist() == theirs.predict(test[["one", "two"]].to_numpy()).tolist()
    one = metrics.accuracy(boosted.members[0](test))
    assert metrics.accuracy(found) > one + 0.05


def test_boosting_ends_with_a_member_that_makes_no_mistake(draw, tree) -> None:
    boosted = boost(tree(None), draw(100, 0), 5)
    assert boosted.weights == [1.0]


def test_boosting_refuses_members_that_learn_nothing(draw) -> None:
    def nothing(table, seed):
        return lambda rows: prediction_table(
            rows["filename"].tolist(),
            rows["class"].tolist(),
            np.eye(3)[[["y", "z", "x"].index(name) for name in rows["class"]]],
            ["x", "y", "z"],
        )

    with pytest.raises(ValueError, match="no better than chance"):
        boost(nothing, draw(50, 0), 3)


def test_votes_are_counted() -> None:
    def said(*chances):
        return prediction_table(["a"], ["x"], np.array([chances]), ["x", "y", "z"])

    found = vote([said(0.4, 0.3, 0.3), said(0, 0.4, 0.6), said(0.1, 0.2, 0.7)], [3.0, 1.0, 1.0])
    np.testing.assert_allclose(found.iloc[0, 3:].astype(float), [0.6, 0, 0.4], atol=1e-6)


def test_an_ensemble_votes_softly_or_hard() -> None:
    def member(*chances):
        return lambda table: prediction_table(
            table["filename"].tolist(), ["x"], np.array([chances]), ["x", "y", "z"]
        )

    members = [member(0.9, 0.1, 0), member(0.4, 0.6, 0), member(0.4, 0.6, 0)]
    table = pd.DataFrame({"filename": ["a"], "class": ["x"]})
    assert Ensemble(members).predict(table)["predicted"].tolist() == ["x"]
    assert Ensemble(members, voting="hard").predict(table)["predicted"].tolist() == ["y"]
    assert Ensemble(members, [3, 1, 1], "hard").predict(table)["predicted"].tolist() == ["x"]
    each = Ensemble(members).predict(table, each=True)
    assert [said["x"].item() for said in each] == pytest.approx([0.9, 0.4, 0.4])
    with pytest.raises(ValueError, match="'soft' or 'hard'"):
        Ensemble(members, voting="mean")


def test_bad_arguments_are_refused(draw, tree) -> None:
    with pytest.raises(ValueError, match="count"):
        bag(tree(1), draw(50, 0), 0)
    with pytest.raises(ValueError, match="count"):
        boost(tree(1), draw(50, 0), 0)
    with pytest.raises(ValueError, match=r"learning_rate to be above 0. Received: 0"):
        boost(tree(1), draw(50, 0), 2, learning_rate=0)
    with pytest.raises(ValueError, match="above 0"):
        vote([tree(1)(draw(50, 0), 0)(draw(50, 1))], [0.0])
