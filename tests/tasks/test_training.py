"""From a table to a report, for several labels and for a number, on the command line too."""

import html
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from pykeras_tl import load_predictor, train_multi_label_classifier, train_regressor
from pykeras_tl.cli.program import app
from pykeras_tl.evaluation import (
    MultiLabelEvaluation,
    RegressionEvaluation,
    evaluate_multi_label_classifier,
)
from pykeras_tl.images.decoding.content_hash import content_hashes
from pykeras_tl.tasks.probes import fit_labels, fit_number
from pykeras_tl.tasks.report import write_task_report
from pykeras_tl.training.history import History

# Small, and of random weights: what is tested is what happens, not how well.
_FAST = {"backbone": "squeezenet", "weights": None, "target_size": (48, 48), "quality": "fast"}
_OPTIONS = ["--backbone", "squeezenet", "--weights", "none", "--size", "48", "48"]
_OPTIONS += ["--quality", "fast", "--groups", "none"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images with red and green in them, and a table of which, how red, and what is one group."""
    folder = tmp_path_factory.mktemp("colors")
    random = np.random.default_rng(0)
    rows = []
    for number in range(60):
        red, green = (random.random(2) < 0.5).tolist()
        pixels = random.integers(0, 60, (48, 48, 3))
        pixels[:, :24, 0] += 150 * red
        pixels[:, 24:, 1] += 150 * green
        name = f"{number:02}.png"
        Image.fromarray(pixels.astype("uint8")).save(folder / name)
        labels = ";".join(["red"] * red + ["green"] * green)
        rows.append((name, labels, 100 + 5 * red + random.random(), number // 2))
    columns = ["filename", "labels", "redness", "patient"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "table.csv", index=False)
    return folder


@pytest.mark.slow
def test_several_labels(folder, tmp_path):
    out = tmp_path / "out"
    arguments = (folder / "table.csv", out)
    classifier = train_multi_label_classifier(*arguments, groups="patient", **_FAST)
    assert classifier.class_names == ["green", "red"]
    evaluation = MultiLabelEvaluation.load(out / "evaluation" / "test")
    assert classifier.metrics["test"] == dict([evaluation.headline])
    assert 10 <= len(evaluation.predictions) <= 14
    validation = MultiLabelEvaluation.load(out / "evaluation" / "validation")
    assert not set(evaluation.groups) & set(validation.groups)
    predicted = load_predictor(out / "classifier").predict(evaluation.predictions["filename"])
    assert predicted["predicted"].tolist() == evaluation.predictions["predicted"].tolist()
    files = [*evaluation.predictions["filename"], *validation.predictions["filename"]]
    trained_on = [file for file in map(str, folder.glob("*.png")) if file not in files]
    assert classifier.trained_on == frozenset(content_hashes(trained_on))
    with pytest.warns(UserWarning, match=f"trained on {len(trained_on)} of these 60 images"):
        evaluate_multi_label_classifier(classifier, folder / "table.csv", groups=None)
    page = (out / "report.html").read_text("utf-8")
    assert "By label, at its threshold" in page
    assert "Limits" in page
    assert (
        "labels" in json.loads((out / "plan.json").read_text())["plans"]["squeezenet"]["reasons"][0]
    )
    # It is done, and is not done again.
    written = (out / "report.html").stat().st_mtime_ns
    again = train_multi_label_classifier(*arguments, groups="patient", **_FAST)
    assert (out / "report.html").stat().st_mtime_ns == written
    assert again.thresholds == classifier.thresholds
    with pytest.raises(FileExistsError, match="Choose another folder"):
        train_regressor(folder / "table.csv", out, "redness", groups="patient", **_FAST)
    other = pd.read_csv(folder / "table.csv").assign(labels="red;blue")
    with pytest.raises(FileExistsError, match="other settings"):
        train_multi_label_classifier(other, out, directory=folder, groups="patient", **_FAST)


@pytest.mark.slow
def test_a_number_on_the_command_line(folder, tmp_path):
    def run(*arguments, code=0):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        assert result.exit_code == code, result.output
        return result

    out, table = tmp_path / "out", folder / "table.csv"
    ran = run("train", table, "--target", "redness", "--out", out, *_OPTIONS)
    assert "mae" in ran.output
    evaluation = RegressionEvaluation.load(out / "evaluation" / "test")
    # The numbers are in their own unit again.
    assert 90 < evaluation.predictions["predicted"].mean() < 115
    assert evaluation.predictions["true"].between(100, 106).all()
    run("predict", out / "regressor", folder / "00.png", "--csv", tmp_path / "p.csv",
        "--explain", tmp_path / "why")  # fmt: skip
    assert pd.read_csv(tmp_path / "p.csv").columns.tolist() == ["filename", "predicted"]
    assert len(list((tmp_path / "why").glob("*.png"))) == 1
    known = len(load_predictor(out / "regressor").trained_on)
    assert 30 <= known <= 40
    assert "The model was trained on" not in (out / "report.html").read_text("utf-8")
    said = f"The model was trained on {known} of these 60 images"
    with pytest.warns(UserWarning, match=said):
        ran = run("evaluate", out / "regressor", table, "--out", tmp_path / "e", "--groups", "none")
    assert "60 images" in ran.output
    assert f"table: {said}" in (tmp_path / "e" / "report.html").read_text("utf-8")
    assert "which has no prediction sets" in str(
        run("predict", out / "regressor", folder, "--by-class", code=1).exception
    )
    assert "whose training is planned" in str(
        run("train", table, "--labels", "labels", "--out", out, "--epochs", 3, code=1).exception
    )


def test_splits_of_the_table_are_used(folder, tmp_path, monkeypatch):
    seen = {}

    def stop(task, tables, *_):
        seen.update(tables)
        raise RuntimeError("stop")

    monkeypatch.setattr("pykeras_tl.tasks.regression.train_task", stop)
    table = pd.read_csv(folder / "table.csv").assign(split=["TRAIN"] * 40 + ["test"] * 20)
    with pytest.raises(RuntimeError, match="stop"):
        train_regressor(table, tmp_path, "redness", directory=folder, groups=None)
    assert [len(seen[name]) for name in ("train", "validation", "test")] == [32, 8, 20]
    with pytest.raises(ValueError, match="column split"):
        train_regressor(table.assign(split="x"), tmp_path, "redness", directory=folder)
    with pytest.raises(ValueError, match="at least 30 images"):
        train_regressor(table.head(29), tmp_path, "redness", directory=folder, groups=None)


def test_the_report_begins_with_the_error_its_plot_and_the_worst_images(folder, tmp_path):
    files = [str(folder / f"{number:02}.png") for number in range(8)]
    table = pd.DataFrame({"filename": files, "true": np.arange(8.0), "predicted": np.full(8, 9.25)})
    measured = RegressionEvaluation(table, "age")
    page = write_task_report(
        tmp_path, "A regressor", SimpleNamespace(versions={}, trained_on=frozenset()),
        {"validation": measured, "test": measured}, {"net": History()},
    ).read_text("utf-8")  # fmt: skip
    texts = re.findall(r">\s*([^<>]*[^<>\s])\s*<", html.unescape(page.split("<main>")[1]))
    low, high = measured.intervals.loc[0, ["low", "high"]]
    assert texts[texts.index("test") :][:5] == [
        "test", "MAE of age on 8 images (test)", "5.750",
        "95 % interval", f"{low:.3f} to {high:.3f}",
    ]  # fmt: skip
    assert "Trials" not in texts
    order = ["test", "The largest errors", "metric", "By age", "validation"]
    places = [texts.index(text) for text in order]
    assert places == sorted(places)
    # Whole numbers are written as such.
    begin = texts.index("By age")
    assert texts[begin + 6 : begin + 9] == ["0", "1", "2"]


def test_probes_compute_what_scikit_learn_computes():
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    features = random.normal(3, 2, (200, 6))
    labels = (features[:, :2] + random.normal(size=(200, 2)) > 3).astype(float)
    probe = fit_labels((features, labels), None)
    for label in range(2):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
        expected = model.fit(features, labels[:, label]).predict_proba(features)[:, 1]
        assert np.allclose(probe.predict(features)[:, label], expected, atol=1e-4)
    number = fit_number((features, features[:, :1]), None)
    model = make_pipeline(StandardScaler(), Ridge(1000.0)).fit(features, features[:, 0])
    assert np.allclose(number.predict(features)[:, 0], model.predict(features))


def test_several_networks_are_averaged_in_the_unit_of_the_number():
    import keras

    from pykeras_tl.models import PreprocessConfig
    from pykeras_tl.models.averaging import average_models
    from pykeras_tl.tasks.task import RegressionTask

    def constant(value):
        bias = keras.initializers.Constant(value)
        layers = [keras.Input((4, 4, 3)), keras.layers.Flatten()]
        dense = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer=bias)
        return keras.Sequential([*layers, dense])

    task = RegressionTask(["standardized"], "age", mean=40.0, deviation=10.0)
    average = average_models([constant(1.0), constant(2.0)], "mean")
    regressor = task.predictor(average, PreprocessConfig((4, 4)), pd.DataFrame())
    assert regressor.model.predict_on_batch(np.zeros((1, 4, 4, 3))).item() == 55


def test_rare_labels_count_in_how_right_a_probe_is():
    from pykeras_tl.tasks.task import MultiLabelTask, RegressionTask

    task = MultiLabelTask(list("abcd"), list("abcd"))
    labels = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    outputs = np.array([[0.4, 0.0, 0.1, 0.2], [0.2] * 4, [0.3] * 4])
    assert task.rightness(labels, outputs) == pytest.approx([(0.4 + 0.9) / 2, 0.8, 0.3])
    task = RegressionTask(["standardized"], "age", mean=40.0, deviation=10.0)
    found = task.rightness(np.array([[1.0], [0.0]]), np.array([[0.5], [0.25]]))
    assert found.tolist() == [0.5, 0.75]
