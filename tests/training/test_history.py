import math

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.training.fit_function import fit
from pykeras_tl.training.history import History


@pytest.fixture
def history():
    return History(
        {"accuracy": [0.1, 1 / 3], "loss": [2.0, 1.5], "val_accuracy": [0.2, 0.25]}, [0, 1]
    )


def test_frame_is_tidy_and_counts_epochs_from_one(history):
    table = history.to_frame()
    assert list(table.columns) == ["epoch", "metric", "value", "data"]
    assert table.values.tolist() == [
        [1, "accuracy", 0.1, "training"],
        [2, "accuracy", 1 / 3, "training"],
        [1, "accuracy", 0.2, "validation"],
        [2, "accuracy", 0.25, "validation"],
        [1, "loss", 2.0, "training"],
        [2, "loss", 1.5, "training"],
    ]


def test_an_empty_history_has_an_empty_frame_and_no_figure():
    assert History().to_frame().empty
    with pytest.raises(ValueError, match="at least one epoch"):
        History().plot()


def test_joining_moves_the_later_epochs_behind(history):
    both = history + History({"loss": [1.0], "f1": [0.5]}, [0], phases={"fine tuning": 0})
    assert both.epoch == [0, 1, 2]
    assert both.history["loss"] == [2.0, 1.5, 1.0]
    assert math.isnan(both.history["val_accuracy"][2])
    assert [math.isnan(value) for value in both.history["f1"]] == [True, True, False]
    assert both.phases == {"fine tuning": 2}


def test_joining_leaves_epochs_that_already_follow(history):
    assert (history + History({"loss": [1.0]}, [2])).epoch == [0, 1, 2]


def test_saved_and_loaded_it_is_the_same(tmp_path, history):
    history.phases = {"head": 0, "fine tuning": 1}
    path = history.save(tmp_path / "run" / "history.csv")
    loaded = History.load(path)
    assert loaded.history == history.history
    assert loaded.epoch == history.epoch
    assert loaded.phases == history.phases


def test_loading_something_else_says_so(tmp_path):
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(ValueError, match=r"other.csv is not a saved history: column data"):
        History.load(tmp_path / "other.csv")


def test_plot_has_a_panel_a_metric_and_a_line_a_set(history):
    figure = history.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Accuracy", "Loss"]
    drawn = [line.get_ydata() for line in figure.axes[0].get_lines()]
    assert any(np.array_equal(values, [0.2, 0.25]) for values in drawn)


def test_epochs_without_validation_keep_their_place(make_flow, small_model):
    x, y = next(make_flow(8))
    for data in ({"data": make_flow(8)}, {"data": x, "y": y, "batch_size": 8}):
        history = fit(
            small_model(jit_compile=False),
            **data,
            epochs=4,
            validation_data=(x, y),
            validation_freq=[2.0, 4.0],
            verbose=0,
        )
        validated = history.history["val_loss"]
        assert [math.isnan(value) for value in validated] == [True, False, True, False]
        table = history.to_frame()
        shown = table[(table["data"] == "validation") & (table["metric"] == "loss")]
        assert shown["value"].notna().tolist() == [False, True, False, True]
