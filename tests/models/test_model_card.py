"""The model card of a classifier, as people and the Hugging Face Hub read it."""

import re

import keras
import numpy as np
import pytest
import yaml

from pykeras_tl.evaluation import Evaluation, prediction_table
from pykeras_tl.models import Classifier, PreprocessConfig, load_classifier

NAMES = ["mast|cell", "<b>odd</b>"]


@pytest.fixture(scope="module")
def evaluation():
    """Forty images, two copies each; three in four of the first class are found."""
    shares = np.array([[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.3, 0.7]] * 5 + [[0.2, 0.8]] * 20)
    true = [NAMES[0]] * 20 + [NAMES[1]] * 20
    table = prediction_table([f"{n}.png" for n in range(40)], true, shares, NAMES)
    return Evaluation(table, [n // 2 for n in range(40)], groups_are_copies=True)


@pytest.fixture
def classifier():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    return Classifier(model, NAMES, PreprocessConfig((4, 4)))


def test_saving_with_an_evaluation_writes_the_card(classifier, evaluation, tmp_path):
    folder = classifier.save(tmp_path / "cells", evaluation)
    card = (folder / "README.md").read_text("utf-8")
    front, body = re.fullmatch(r"---\n(.*?)---\n(.*)", card, re.DOTALL).groups()

    told = yaml.safe_load(front)
    assert told["library_name"] == "keras"
    metric = told["model-index"][0]["results"][0]["metrics"][0]
    assert metric == {"type": "accuracy", "value": 0.875}

    assert "### test: 40 images, 20 distinct" in body
    low, high = evaluation.intervals.iloc[0][["low", "high"]]
    assert f"| accuracy | 0.875 | {low:.3f} to {high:.3f} |" in body
    assert "rest on 20 independent groups" in body
    assert r"found least is mast\|cell: 75% of its test images" in body
    # Names come from strangers: none is read as a cell's border or a tag.
    assert "<b>" not in body
    assert r"| mast\|cell |" in body


def test_the_card_stays_when_a_classifier_is_saved_again(classifier, evaluation, tmp_path):
    classifier.describe({"validation": evaluation}, made={"weights": "/home/me/secret/w.h5"})
    first = load_classifier(classifier.save(tmp_path / "a"))
    assert first.card == classifier.card
    second = first.save(tmp_path / "b")
    assert (second / "README.md").read_text("utf-8") == classifier.card
    assert "w.h5" in classifier.card
    assert "secret" not in classifier.card


def test_a_card_that_leads_out_of_the_folder_is_refused(classifier, tmp_path):
    folder = classifier.save(tmp_path / "a")
    assert not (folder / "README.md").exists()
    (tmp_path / "secret").write_text("password")
    (folder / "README.md").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="leads out of the folder"):
        load_classifier(folder)
