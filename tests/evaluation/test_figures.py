"""The images show the numbers they were given, for few classes and for many."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import (
    metrics,
    plot_confusion,
    plot_history,
    plot_images,
    plot_mistakes,
    plot_precision_recall,
    plot_roc,
    prediction_table,
    roc_points,
)
from pykeras_tl.evaluation.figures import worst_mistakes
from pykeras_tl.visualization.style import png, save_png, shorten

HOSTILE = ["\udcff", "$\\frac{1", "_hidden", "<b>bold</b>", "line\nbreak", "細胞", "", "x" * 300]


def _history(epochs: int, seed: int = 0, data=("training", "validation")) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"epoch": epoch, "metric": metric, "value": random.uniform(), "data": part}
            for part in data
            for metric in ("loss", "accuracy")
            for epoch in range(1, epochs + 1)
        ]
    )


def test_curves_are_the_histories_values() -> None:
    table = _history(12)
    figure = plot_history(table)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Accuracy", "Loss"]
    for axes, metric in zip(figure.axes, ["accuracy", "loss"]):
        for line, data in zip(axes.lines, ["training", "validation"]):
            chosen = table[(table["metric"] == metric) & (table["data"] == data)]
            np.testing.assert_array_equal(line.get_xydata(), chosen[["epoch", "value"]])


def test_the_best_epoch_is_marked() -> None:
    table = _history(12)
    accuracy, loss = plot_history(table).axes
    chosen = table[table["data"] == "validation"]
    best = chosen[chosen["metric"] == "accuracy"]["value"].max()
    assert accuracy.lines[2].get_ydata() == [best]
    assert loss.lines[2].get_ydata() == [chosen[chosen["metric"] == "loss"]["value"].min()]
    assert accuracy.texts[0].get_text() == f"best {best:.1%}"


def test_the_start_of_fine_tuning_is_marked() -> None:
    from pykeras_tl.training.history import History

    values = {"loss": [3.0, 2.0, 1.0], "accuracy": [0.1, 0.2, 0.3]}
    axes = plot_history(History(values, [0, 1, 2], phases={"head": 0, "fine": 2})).axes[0]
    assert [text.get_text() for text in axes.texts] == [" fine"]
    assert list(axes.lines[-1].get_xdata()) == [2.5, 2.5]


def test_several_histories_share_panels_and_a_legend() -> None:
    named = {f"trial {i}": _history(5 + i, seed=i) for i in range(9)}
    figure = plot_history(named)
    assert len(figure.axes) == 4
    assert all(len(axes.lines) == 9 for axes in figure.axes)
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 9
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(named)


def test_one_epoch_without_validation_can_be_drawn() -> None:
    png(plot_history(_history(1, data=("training",))))
    png(plot_history({"a": _history(1, data=("training",)), "b": _history(2)}))


def test_a_loss_that_is_not_finite_can_be_drawn() -> None:
    table = _history(3)
    table["value"] = np.nan
    png(plot_history(table))


def test_no_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        plot_history(_history(0).reindex(columns=["epoch", "metric", "value", "data"]))


@pytest.mark.parametrize("classes", [2, 4, 25, 150])
def test_confusion_of_any_size(drawn, classes) -> None:
    matrix = metrics.confusion_matrix(drawn(images=classes * 20, classes=classes))
    figure = plot_confusion(matrix)
    axes = figure.axes[0]
    shares = matrix.to_numpy() / matrix.to_numpy().sum(axis=1, keepdims=True)
    np.testing.assert_allclose(axes.images[0].get_array(), shares)
    written = [int(text.get_text().split()[0]) for text in axes.texts if text.get_text() != "0"]
    expected = [] if classes > 40 else [count for count in matrix.to_numpy().flat if count]
    assert written == expected
    assert max(figure.get_size_inches()) < 20


def test_a_matrix_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        plot_confusion(pd.DataFrame(np.zeros((2, 3))))


def test_the_most_certain_mistakes_come_first() -> None:
    chances = np.array([[0.7, 0.3], [0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    table = prediction_table(list("abcd"), ["no", "yes", "yes", "yes"], chances, ["no", "yes"])
    found = worst_mistakes(table)
    assert found["filename"].tolist() == ["b", "d"]
    assert found["predicted"].tolist() == ["no", "no"]
    np.testing.assert_allclose(found["probability_true"], [0.1, 0.4], rtol=1e-6)
    assert len(worst_mistakes(table, 1)) == 1


def test_mistakes_show_the_images_of_the_files(tmp_path) -> None:
    import cv2

    files = [str(tmp_path / f"{value}.png") for value in (50, 100, 150)]
    for file, value in zip(files, (50, 100, 150)):
        cv2.imwrite(file, np.full((40, 60, 3), (value, 0, 255), dtype="uint8"))
    chances = np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]])
    figure = plot_mistakes(prediction_table(files, ["no", "no", "yes"], chances, ["no", "yes"]))
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [image[0, 0].tolist() for image in shown] == [[255, 0, 100], [255, 0, 150]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["yes 90%", "is no 10%", "100.png"]


def test_no_mistake_is_said() -> None:
    table = prediction_table(["a"], ["no"], np.array([[0.9, 0.1]]), ["no", "yes"])
    assert plot_mistakes(table).texts[0].get_text() == "No mistakes."


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 255]), (0, 255, [0, 255]), (0, 100, [0, 100]), (-1, 1, [0, 255])],
)
def test_images_of_any_scale_are_shown_alike(low, high, expected) -> None:
    images = np.stack([np.full((4, 4, 3), low), np.full((4, 4, 3), high)]).astype("float32")
    shown = [axes.images[0].get_array()[0, 0, 0] for axes in plot_images(images).axes]
    assert shown == expected


def test_hostile_names_are_plain_text() -> None:
    with warnings.catch_warnings():
        # Not every machine has a font for every script.
        warnings.filterwarnings("ignore", message="Glyph")
        size = len(HOSTILE)
        chances = np.roll(np.eye(size), 1, axis=1)
        table = prediction_table(HOSTILE, HOSTILE, chances, HOSTILE)
        png(plot_confusion(metrics.confusion_matrix(table), "$x_$"))
        png(plot_mistakes(table, images=np.zeros((size, 4, 4, 3))))
        for plot in (plot_roc, plot_precision_recall):
            figure = plot(table)
            png(figure)
            # Seven are named, and one stands for the others.
            assert len(figure.legends[0].get_texts()) == 8
            assert figure.legends[0].get_texts()[-1].get_text() == "1 other class"
        figure = plot_history({name: _history(2, seed) for seed, name in enumerate(HOSTILE)})
        png(figure)
        assert len(figure.legends[0].get_texts()) == size


def test_the_area_under_the_drawn_curve_is_the_one_that_is_named(drawn) -> None:
    table = drawn(classes=3)
    figure = plot_roc(table)
    for line, text in zip(figure.axes[0].lines[1:], figure.legends[0].get_texts()):
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert f"(AUC {area:.3f})" in text.get_text()
    points = roc_points(table, "class 2")
    taken = table["class 2"].to_numpy("float64") >= points["threshold"][3] - 1e-6
    own = (table["class"] == "class 2").to_numpy()
    assert taken[own].mean() == points["sensitivity"][3]
    assert taken[~own].mean() == points["false_positive_rate"][3]


def test_pyplot_knows_nothing_of_our_figures() -> None:
    from matplotlib import pyplot

    png(plot_history(_history(2)))
    assert pyplot.get_fignums() == []


def test_a_saved_image_is_the_same_each_time(tmp_path) -> None:
    first, second = (
        save_png(plot_history(_history(4)), tmp_path / name).read_bytes() for name in "ab"
    )
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_long_names_keep_their_ends() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 10) == "abcde…hijk"
    assert len(shorten("x" * 50, 7)) == 7


def test_epochs_without_validation_do_not_interrupt_the_line():
    from pykeras_tl.training.history import History

    nan = float("nan")
    history = History({"loss": [4, 3, 2, 1], "val_loss": [nan, 3.5, nan, 2.5]}, [0, 1, 2, 3])
    (axes,) = plot_history(history).axes
    drawn = [line.get_xdata().tolist() for line in axes.lines]
    assert [1, 2, 3, 4] in drawn
    assert [2, 4] in drawn
