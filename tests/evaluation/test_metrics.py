"""The metrics against counting by hand, scikit-learn's report and Keras's loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report

from pykeras_tl.evaluation import metrics, prediction_table


def test_by_class_is_scikit_learns_report(drawn) -> None:
    table = drawn()
    report = classification_report(
        table["class"].astype(str), table["predicted"].astype(str), output_dict=True
    )
    found = metrics.by_class(table).set_index("class")
    for theirs, ours in (
        *((name, name) for name in ("class 0", "class 3")),
        ("macro avg", "macro average"),
        ("weighted avg", "weighted average"),
    ):
        expected = [report[theirs][key] for key in ("precision", "recall", "f1-score", "support")]
        np.testing.assert_allclose(found.loc[ours].to_numpy(dtype=float), expected)
    assert metrics.accuracy(table) == pytest.approx(report["accuracy"])


def test_confusion_counts_every_pair(drawn) -> None:
    table = drawn(images=60, classes=3)
    found = metrics.confusion_matrix(table)
    for true in found.index:
        for predicted in found.columns:
            both = (table["class"] == true) & (table["predicted"] == predicted)
            assert found.loc[true, predicted] == both.sum()


def test_loss_is_keras_loss(drawn) -> None:
    import keras

    table = drawn()
    chances = table.iloc[:, 3:].to_numpy()
    true = pd.Index(table.columns[3:]).get_indexer(table["class"])
    loss = keras.losses.sparse_categorical_crossentropy(true, chances)
    assert metrics.log_loss(table) == pytest.approx(float(keras.ops.mean(loss)), rel=1e-5)


def test_loss_of_certain_mistakes_is_finite_and_keras_own() -> None:
    import keras

    chances = np.array([[1.0, 0.0], [0.0, 1.0]], dtype="float32")
    table = prediction_table(["a", "b"], ["no", "no"], chances, ["no", "yes"])
    loss = keras.losses.sparse_categorical_crossentropy(np.array([0, 0]), chances)
    assert metrics.log_loss(table) == pytest.approx(float(keras.ops.mean(loss)), rel=1e-3)


def test_a_class_without_images_counts_nothing() -> None:
    chances = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    table = prediction_table(["a", "b"], ["x", "y"], chances, ["x", "y", "z"])
    found = metrics.by_class(table).set_index("class")
    assert found.loc["z"].tolist() == [0, 0, 0, 0]
    assert found.loc["macro average", "f1"] == 1


def test_classes_may_be_called_like_columns() -> None:
    names = ["predicted", "class", "filename"]
    table = prediction_table(["a", "b", "c"], names, np.eye(3), names)
    assert metrics.accuracy(table) == 1
    assert metrics.by_class(table)["class"].tolist()[:3] == names


def test_most_frequent_confusions_come_first() -> None:
    matrix = pd.DataFrame([[5, 3, 0], [1, 7, 4], [0, 0, 9]], index=list("abc"), columns=list("abc"))
    found = metrics.confused_pairs(matrix)
    assert found.iloc[:, :3].to_numpy().tolist() == [["b", "c", 4], ["a", "b", 3], ["b", "a", 1]]
    assert metrics.confused_pairs(matrix * np.eye(3, dtype=int)).empty


def test_unknown_truth_is_refused() -> None:
    table = prediction_table(["a"], None, np.array([[0.5, 0.5]]), ["no", "yes"])
    with pytest.raises(ValueError, match="true classes are unknown"):
        metrics.accuracy(table)


def test_a_class_the_model_does_not_know_is_named() -> None:
    table = prediction_table(["a"], ["maybe"], np.array([[0.5, 0.5]]), ["no", "yes"])
    with pytest.raises(ValueError, match="maybe"):
        metrics.by_class(table)


def test_no_image_is_refused() -> None:
    table = prediction_table([], [], np.zeros((0, 2)), ["no", "yes"])
    with pytest.raises(ValueError, match="no image"):
        metrics.accuracy(table)
