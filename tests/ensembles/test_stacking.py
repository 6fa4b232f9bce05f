"""Stacking against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pykeras_tl.ensembles import Stack, cross_fit, fit_stack
from pykeras_tl.evaluation import metrics, prediction_table


def _logs(members) -> np.ndarray:
    return np.log(
        np.concatenate([np.maximum(m.iloc[:, 3:].to_numpy(float), 1e-6) for m in members], axis=1)
    )


def test_a_stack_is_scikit_learns_regression(draw, tree) -> None:
    table, test = draw(200, 0), draw(300, 1)
    trainers = [tree(depth) for depth in (1, 3, None)]
    fitted = [cross_fit(trainer, table) for trainer in trainers]
    inner, outer = [each.out_of_fold for each in fitted], [each.predict(test) for each in fitted]
    stack = fit_stack(inner)
    regression = LogisticRegression(max_iter=2000).fit(_logs(inner), table["class"])
    found = stack.predict(outer)
    np.testing.assert_allclose(found.iloc[:, 3:], regression.predict_proba(_logs(outer)), atol=1e-4)
    worst = min(metrics.accuracy(member) for member in outer)
    assert metrics.accuracy(found) > worst


def test_a_stack_of_two_classes_is_scikit_learns_too() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 2, 200)
    right = np.clip(0.5 + (true - 0.5) * 0.3 + random.normal(0, 0.2, 200), 0.01, 0.99)
    chances = np.column_stack([1 - right, right])
    files = [str(i) for i in range(200)]
    member = prediction_table(files, [["no", "yes"][k] for k in true], chances, ["no", "yes"])
    found = fit_stack([member]).predict([member])
    regression = LogisticRegression().fit(_logs([member]), true)
    np.testing.assert_allclose(
        found.iloc[:, 3:], regression.predict_proba(_logs([member])), atol=1e-4
    )


@pytest.fixture
def stack(draw, tree) -> Stack:
    return fit_stack([cross_fit(tree(2), draw(100, 0)).out_of_fold])


def test_saved_and_loaded_is_the_same(stack, draw, tree, tmp_path) -> None:
    loaded = Stack.load(stack.save(tmp_path / "stack.npz"))
    said = [tree(2)(draw(100, 0), 0)(draw(50, 1))]
    assert loaded.predict(said).equals(stack.predict(said))


def test_other_members_than_those_of_the_fit_are_refused(stack, draw, tree) -> None:
    said = tree(2)(draw(100, 0), 0)(draw(50, 1))
    with pytest.raises(ValueError, match="Expected predictions of 1 members"):
        stack.predict([said, said])
    with pytest.raises(ValueError, match=r"\['w', 'y', 'z'\]"):
        stack.predict([said.rename(columns={"x": "w"}).assign(**{"class": "w", "predicted": "w"})])


def test_files_that_are_no_stack_are_refused(tmp_path, stack) -> None:
    hostile = tmp_path / "hostile.npz"
    np.savez(hostile, class_names=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ValueError, match="Expected a saved stack"):
        Stack.load(hostile)
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, class_names=["a", "b"], coefficients=np.zeros((3, 2)), intercept=np.zeros(2))
    with pytest.raises(ValueError, match="shapes"):
        Stack.load(wrong)
    text = tmp_path / "text.npz"
    text.write_text("no archive")
    with pytest.raises(ValueError, match="Expected a saved stack"):
        Stack.load(text)
    with pytest.raises(ValueError, match="npz"):
        stack.save(tmp_path / "stack.pkl")


def test_a_class_without_images_is_named() -> None:
    chances = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    member = prediction_table(["a", "b"], ["x", "y"], chances, ["x", "y", "z"])
    with pytest.raises(ValueError, match=r"\['z'\]"):
        fit_stack([member])
