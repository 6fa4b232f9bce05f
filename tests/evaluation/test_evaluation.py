"""An evaluation saved and read back is the same; nothing else is overwritten."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import Evaluation, evaluate_classifier, prediction_table


def test_saved_and_loaded_is_the_same(drawn, tmp_path) -> None:
    made = Evaluation(drawn())
    folder = made.save(tmp_path / "TEST")
    assert sorted(path.name for path in folder.iterdir()) == [
        "by-class.csv",
        "confusion.csv",
        "confusion.png",
        "predictions.csv",
        "summary.csv",
    ]
    loaded = Evaluation.load(folder)
    pd.testing.assert_frame_equal(loaded.predictions, made.predictions)
    assert loaded.summary == made.summary
    saved = pd.read_csv(folder / "confusion.csv", index_col=0)
    assert saved.to_numpy().tolist() == made.confusion.to_numpy().tolist()


@pytest.mark.parametrize(
    "names", [["NA", "nan", ""], ["true", "true.1", "file"], ["001", "\udcff", ","]]
)
def test_strange_class_names_survive(names, tmp_path) -> None:
    table = prediction_table(["a\nb", 'c"d', "e,f"], names, np.eye(3), names)
    loaded = Evaluation.load(Evaluation(table).save(tmp_path / "made"))
    assert loaded.class_names == names
    assert loaded.accuracy == 1
    assert loaded.predictions.iloc[:, 0].tolist() == ["a\nb", 'c"d', "e,f"]


def test_saving_replaces_an_evaluation_but_nothing_else(drawn, tmp_path) -> None:
    folder = Evaluation(drawn(seed=1)).save(tmp_path / "made")
    again = Evaluation(drawn(seed=2))
    assert Evaluation.load(again.save(folder)).summary == again.summary
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="no evaluation"):
        again.save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter-1.txt").read_text() == "years of work"


def test_a_folder_without_an_evaluation_is_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no evaluation"):
        Evaluation.load(tmp_path)


def test_a_bare_network_refuses_a_folder(tmp_path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(TypeError, match="Give a flow"):
        evaluate_classifier(model, tmp_path)
