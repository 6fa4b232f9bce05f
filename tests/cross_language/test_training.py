"""Training gives equal histories, weights, predictions and tables in R and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import evaluate_classifier
from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training import fit, make_optimizer

MODEL_IN_R = """
set_random_seed(11)
model <- keras_model_sequential() %>%
  layer_conv_2d(filters = 6, kernel_size = c(3, 3), activation = "relu",
    input_shape = c(16, 16, 3), name = "conv") %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_flatten() %>%
  layer_dropout(rate = 0.2) %>%
  layer_dense(units = 2, activation = "softmax", name = "out")
model %>% compile(
  loss = "categorical_crossentropy",
  optimizer = optimizer_rmsprop(lr = 1e-3, decay = 1e-2),
  metrics = c("accuracy")
)
"""

TRAINING_IN_R = """
augmented <- image_data_generator(rescale = 1 / 255, rotation_range = 20,
  width_shift_range = 0.2, zoom_range = c(0.8, 1.1), horizontal_flip = TRUE)
train_flow <- flow_images_from_directory(folder, augmented, target_size = c(16, 16),
  batch_size = 5, seed = 3)
test_flow <- flow_images_from_directory(folder, image_data_generator(rescale = 1 / 255),
  target_size = c(16, 16), batch_size = 4, shuffle = FALSE)
history <- suppressMessages(model %>% fit_generator(
  train_flow, steps_per_epoch = train_flow$n / train_flow$batch_size, epochs = 2,
  validation_data = test_flow, validation_steps = 4
))
"""


@pytest.fixture
def ours(images: Path) -> dict[str, Any]:
    """The results of `TRAINING_IN_R`, computed in Python."""
    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(6, (3, 3), activation="relu", name="conv"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2, activation="softmax", name="out"),
        ]
    )
    model.compile(
        loss="categorical_crossentropy",
        optimizer=make_optimizer("rmsprop", learning_rate=1e-3, decay=1e-2),
        metrics=["accuracy"],
    )
    augmented = ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=20,
        width_shift_range=0.2,
        zoom_range=[0.8, 1.1],
        horizontal_flip=True,
    )
    train = augmented.flow_from_directory(images, target_size=(16, 16), batch_size=5, seed=3)
    test = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        images, target_size=(16, 16), batch_size=4, shuffle=False
    )
    history = fit(
        model,
        train,
        epochs=2,
        steps_per_epoch=train.n / train.batch_size,
        validation_data=test,
        validation_steps=4,
        verbose=0,
    )
    return {"model": model, "history": history, "test": test}


@pytest.fixture
def theirs(r: Any, images: Path) -> Any:
    """A function that runs R code after `TRAINING_IN_R`."""

    def run(code: str, **objects: Any) -> Any:
        objects["folder"] = str(images)
        return r(f"folder <- py$folder\n{MODEL_IN_R}\n{TRAINING_IN_R}\n{code}", **objects)

    return run


def assert_same_table(from_r: Any, ours: pd.DataFrame) -> None:
    """Compare a table from R, which has become a pandas one, with ours, column by column."""
    assert list(from_r.columns) == list(ours.columns)
    for name in ours:
        left, right = from_r[name], ours[name]
        if pd.api.types.is_numeric_dtype(right):
            np.testing.assert_array_equal(left.to_numpy(float), right.to_numpy(float))
        else:
            assert left.astype(str).tolist() == right.astype(str).tolist()


def test_history_and_weights_are_equal(theirs: Any, ours: dict[str, Any]) -> None:
    result = theirs(
        """
        list(metrics = unclass(history$metrics), table = as.data.frame(history),
          weights = get_weights(model), same = history$metrics$acc)
        """
    )
    history = ours["history"]
    assert set(result["metrics"]) == set(history.history)
    for name, values in history.history.items():
        assert result["metrics"][name] == pytest.approx(values, rel=0, abs=0)
    assert result["same"] == history.history["accuracy"]
    for theirs_, mine in zip(result["weights"], ours["model"].get_weights()):
        np.testing.assert_array_equal(theirs_, mine.astype(float))
    columns = ["epoch", "metric", "value", "data"]
    tables = [
        table[columns].astype({"metric": str, "data": str}).sort_values(columns)
        for table in (result["table"], history.to_frame())
    ]
    np.testing.assert_array_equal(tables[0].to_numpy(), tables[1].to_numpy())


def test_predictions_and_metrics_are_equal(theirs: Any, ours: dict[str, Any]) -> None:
    model, test = ours["model"], ours["test"]
    result = theirs(
        """
        evaluation <- evaluate_classifier(model, test_flow)
        list(
          probabilities = predict(model, test_flow),
          metrics = as.list(unclass(evaluate(model, test_flow))),
          accuracy = evaluation$accuracy, loss = evaluation$loss,
          by_class = as.data.frame(evaluation$by_class),
          predictions = as.data.frame(evaluation$predictions),
          confusion = unclass(evaluation$confusion)
        )
        """
    )
    np.testing.assert_array_equal(result["probabilities"], model.predict(test, verbose=0))
    assert result["metrics"] == model.evaluate(test, verbose=0, return_dict=True)
    evaluation = evaluate_classifier(model, test)
    assert result["accuracy"] == evaluation.accuracy
    assert result["loss"] == evaluation.loss
    assert_same_table(result["by_class"], evaluation.by_class)
    assert_same_table(result["predictions"], evaluation.predictions)
    np.testing.assert_array_equal(result["confusion"], evaluation.confusion.to_numpy())


def test_r_trains_models_made_in_python(r: Any, ours: dict[str, Any], images: Path) -> None:
    model = ours["model"]
    before = model.get_weights()
    r(
        """
        flow <- flow_images_from_directory(py$folder, image_data_generator(rescale = 1 / 255),
          target_size = c(16, 16), batch_size = 4, seed = 1)
        freeze_weights(py$model, to = 1)
        py$model %>% compile(optimizer = "sgd", loss = "categorical_crossentropy")
        fit(py$model, flow, epochs = 1)
        """,
        model=model,
        folder=str(images),
    )
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


def test_freezing_counts_from_one(r: Any) -> None:
    def model() -> keras.Model:
        names = "abcd"
        return keras.Sequential(
            [keras.Input((4,)), *(keras.layers.Dense(4, name=name) for name in names)]
        )

    from pykeras_tl.models import freeze_weights, unfreeze_weights

    cases: list[tuple[str, Any, dict[str, Any]]] = [
        ("freeze_weights(py$model, to = 2)", freeze_weights, {"to": 1}),
        ("freeze_weights(py$model, from = -1)", freeze_weights, {"from_": -1}),
        ("unfreeze_weights(py$model, from = 'c')", unfreeze_weights, {"from_": "c"}),
        ("unfreeze_weights(py$model, which = c(1, 4))", unfreeze_weights, {"which": [0, 3]}),
    ]
    for code, function, arguments in cases:
        in_r, in_python = model(), model()
        r(code, model=in_r)
        function(in_python, **arguments)
        states = [[layer.trainable for layer in each.layers] for each in (in_r, in_python)]
        assert states[0] == states[1], code
    assert "must not be 0" in r.error("freeze_weights(py$model, from = 0)", model=model())


def test_saved_models_load_in_the_other_language(
    theirs: Any, r: Any, ours: dict[str, Any], tmp_path: Path
) -> None:
    x = np.random.RandomState(0).uniform(size=(3, 16, 16, 3))
    for ending in ("keras", "h5"):
        from_r, from_python = (str(tmp_path / f"{name}.{ending}") for name in ("r", "python"))
        theirs("save_model(model, py$path); NULL", path=from_r)
        ours["model"].save(from_python)
        loaded = keras.saving.load_model(from_r)
        expected = ours["model"].predict(x, verbose=0)
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
        in_r = r("predict(load_model(py$path), py$x)", path=from_python, x=x)
        np.testing.assert_array_equal(in_r, expected.astype(float))


def test_classifiers_predict_the_same(
    theirs: Any, r: Any, ours: dict[str, Any], images: Path, tmp_path: Path
) -> None:
    from pykeras_tl.models import Classifier, load_classifier

    folder = str(tmp_path / "classifier")
    theirs("save_classifier(as_trained_classifier(model, test_flow), py$path); NULL", path=folder)
    mine = load_classifier(folder)
    assert mine.class_names == ["cat", "dog"]
    table = mine.predict(images)
    same = Classifier.from_flow(ours["model"], ours["test"]).predict(images)
    pd.testing.assert_frame_equal(table, same)
    in_r = r("as.data.frame(predict(load_classifier(py$path), py$folder))",
             path=folder, folder=str(images))  # fmt: skip
    assert_same_table(in_r, table)


def test_errors_from_python_keep_their_message(r: Any, images: Path, tmp_path: Path) -> None:
    cases: list[tuple[str, Any]] = [
        (
            "flow_images_from_directory(py$folder, color_mode = 'purple')",
            lambda: ImageDataGenerator().flow_from_directory(images, color_mode="purple"),
        ),
        (
            "flow_images_from_directory(py$nowhere)",
            lambda: ImageDataGenerator().flow_from_directory(tmp_path / "nowhere"),
        ),
        ("image_data_generator(zoom_range = c(1, 2, 3))",
         lambda: ImageDataGenerator(zoom_range=[1.0, 2.0, 3.0])),
        ("optimizer_adam(lr = -1)", lambda: make_optimizer("Adam", learning_rate=-1)),
    ]  # fmt: skip
    for code, in_python in cases:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            in_python()
        error = r.error(code, folder=str(images), nowhere=str(tmp_path / "nowhere"))
        assert str(caught.value) in error
        assert f"python.builtin.{type(caught.value).__name__}" in error.splitlines()


def test_rscript_gives_the_same(
    rscript: Any, ours: dict[str, Any], images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "history.csv"
    printed = rscript(
        f"""
        stopifnot(!reticulate::py_available())
        folder <- {str(images)!r}
        {MODEL_IN_R}
        {TRAINING_IN_R}
        save_model_weights(model, {str(tmp_path / "r.weights.h5")!r})
        table <- as.data.frame(history)
        table$value <- sprintf("%.17g", table$value)
        write.csv(table, {str(out)!r}, row.names = FALSE)
        print(evaluate_classifier(model, test_flow)$confusion)
        """
    )
    assert "Confusion matrix" in printed
    history = ours["history"].history
    table = pd.read_csv(out, dtype={"value": str})
    for (metric, data), rows in table.groupby(["metric", "data"]):
        name = metric if data == "training" else f"val_{metric}"
        assert [float(value) for value in rows["value"]] == history[name]
    expected = ours["model"].get_weights()
    ours["model"].load_weights(tmp_path / "r.weights.h5")
    for after, before in zip(ours["model"].get_weights(), expected):
        np.testing.assert_array_equal(after, before)
