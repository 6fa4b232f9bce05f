"""Sessions made up at random: model, compilation, data, callbacks and `fit`, against Keras's own.

Each is trained twice on the same batches, by `pykeras_tl.fit` and by Keras's `fit` on arrays, and
must give the same history, weights, callback calls and files; then a third time, interrupted and
resumed. PYKERAS_TL_FUZZ=2000 tries that many sessions.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pykeras_tl import ImageDataGenerator, fit

_SESSIONS = int(os.environ.get("PYKERAS_TL_FUZZ", "1"))
_IMAGES, _SIDE, _CLASSES = 12, 6, 3
layers = keras.layers


@dataclass(frozen=True)
class Session:
    """One made-up session."""

    body: str
    frozen: bool
    head: str
    optimizer: str
    loss: str
    metrics: tuple[str, ...]
    weighted: bool
    batch_size: int
    epochs: int
    validation: bool
    class_weight: bool
    sample_weight: bool
    cache_frozen: bool | str
    steps_per_execution: int
    callbacks: tuple[str, ...]


SESSIONS = st.builds(
    Session,
    body=st.sampled_from(["conv", "conv and norm", "nested", "branched", "none"]),
    frozen=st.booleans(),
    head=st.sampled_from(["dense", "two dense"]),
    optimizer=st.sampled_from(["sgd", "adam", "rmsprop"]),
    loss=st.sampled_from(["categorical_crossentropy", "loss object", "mse"]),
    metrics=st.lists(
        st.sampled_from(["accuracy", "auc", "top", "mae"]), unique=True, max_size=3
    ).map(tuple),
    weighted=st.booleans(),
    batch_size=st.sampled_from([2, 4, 5, 12]),
    epochs=st.integers(1, 3),
    validation=st.booleans(),
    class_weight=st.booleans(),
    sample_weight=st.booleans(),
    cache_frozen=st.sampled_from([True, True, False]),
    steps_per_execution=st.sampled_from([1, 1, 1, 2]),
    callbacks=st.lists(
        st.sampled_from(
            [
                *("stop on metric", "stop on loss", "checkpoint best", "checkpoint weights"),
                *("plateau", "schedule", "csv", "lambda", "restore best", "no nan"),
            ]
        ),
        unique=True,
        max_size=3,
    ).map(tuple),
)


class Calls(keras.callbacks.Callback):
    """Notes every call, and what the model looks like then."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append(("train begin", self.params["epochs"], self.params["steps"]))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch begin", epoch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch end", batch, tuple(sorted(logs or {}))))

    def on_test_end(self, logs: Any = None) -> None:
        self.calls.append(("test end", tuple(sorted(logs or {}))))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        shape = (self.model.input_shape, self.model.output_shape, len(self.model.weights))
        self.calls.append(("epoch end", epoch, tuple(sorted(logs or {})), shape))

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append(("train end", self.model.stop_training))


class Interrupt(keras.callbacks.Callback):
    """Ends training after some epochs, as a kill would."""

    def __init__(self, after: int | None) -> None:
        super().__init__()
        # A function is no part of the state that a resumed run gives back to its callbacks.
        self._ends = lambda epoch: epoch == after

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._ends(epoch):
            raise SystemExit


def data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    images = random.normal(0, 1, (_IMAGES, _SIDE, _SIDE, 3)).astype("float32")
    return images, np.eye(_CLASSES, dtype="float32")[random.permutation(_IMAGES) % _CLASSES]


def make_model(session: Session) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((_SIDE, _SIDE, 3))
    conv = layers.Conv2D(3, 3, activation="relu")
    maps: Any = inputs
    if session.body == "conv":
        maps = conv(inputs)
    elif session.body == "conv and norm":
        norm = layers.BatchNormalization()
        maps = norm(conv(inputs))
        norm.trainable = not session.frozen
    elif session.body == "nested":
        inner = keras.Sequential([keras.Input((_SIDE, _SIDE, 3)), conv, layers.MaxPooling2D()])
        maps = inner(inputs)
    elif session.body == "branched":
        maps = layers.Concatenate()([conv(inputs), layers.Cropping2D(1)(inputs)])
    conv.trainable = not session.frozen
    outputs = layers.Flatten()(maps)
    if session.head == "two dense":
        outputs = layers.Dense(4, activation="relu")(outputs)
    outputs = layers.Dense(_CLASSES, activation="softmax")(outputs)
    model = keras.Model(inputs, outputs)
    metrics = [
        {
            "auc": lambda: keras.metrics.AUC(name="auc"),
            "top": lambda: keras.metrics.TopKCategoricalAccuracy(2, name="top"),
        }.get(name, lambda name=name: name)()
        for name in session.metrics
    ]
    loss = session.loss
    model.compile(
        session.optimizer,
        keras.losses.CategoricalCrossentropy() if loss == "loss object" else loss,
        metrics=metrics,
        weighted_metrics=["accuracy"] if session.weighted and not metrics else None,
        steps_per_execution=session.steps_per_execution,
    )
    return model


def make_callbacks(session: Session, folder: Path) -> list[keras.callbacks.Callback]:
    kinds = keras.callbacks
    data_name = "val_" if session.validation else ""
    metric = f"{data_name}{session.metrics[0]}" if session.metrics else f"{data_name}loss"
    mode = {"mode": "min"} if metric.endswith("mae") else {}
    made = {
        "stop on metric": lambda: kinds.EarlyStopping(metric, patience=0, **mode),
        "stop on loss": lambda: kinds.EarlyStopping(f"{data_name}loss", patience=0),
        "restore best": lambda: kinds.EarlyStopping(metric, restore_best_weights=True, **mode),
        "checkpoint best": lambda: kinds.ModelCheckpoint(
            folder / "best.keras", monitor=metric, save_best_only=True, **mode
        ),
        "checkpoint weights": lambda: kinds.ModelCheckpoint(
            folder / "{epoch}.weights.h5", save_weights_only=True
        ),
        "plateau": lambda: kinds.ReduceLROnPlateau(metric, patience=1, factor=0.5, **mode),
        "schedule": lambda: kinds.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        "csv": lambda: kinds.CSVLogger(folder / "log.csv"),
        "lambda": lambda: kinds.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        "no nan": kinds.TerminateOnNaN,
    }
    return [made[name]() for name in session.callbacks]


def train(session: Session, folder: Path, ours: bool, **options: Any) -> tuple[Any, ...]:
    """Train a session; return history, weights, calls and files."""
    folder.mkdir(exist_ok=True)
    model, calls = make_model(session), Calls()
    (x, y), (validation_x, validation_y) = data(1), data(2)
    weights = np.linspace(0.5, 2, _IMAGES, dtype="float32") if session.sample_weight else None
    arguments: dict[str, Any] = {
        "epochs": session.epochs,
        "callbacks": [*make_callbacks(session, folder), calls, *options.pop("more", ())],
        "class_weight": (
            {0: 1.0, 1: 2.0, 2: 0.5} if session.class_weight and weights is None else None
        ),
        "verbose": 0,
    }
    batch_size = session.batch_size
    if ours:
        flow = ImageDataGenerator().flow(x, y, batch_size, False, weights)
        if session.validation:
            arguments["validation_data"] = ImageDataGenerator().flow(
                validation_x, validation_y, batch_size, False
            )
        arguments |= {"cache_frozen": session.cache_frozen, **options}
        history = fit(model, flow, **arguments)
    else:
        if session.validation:
            arguments["validation_data"] = (validation_x, validation_y)
            arguments["validation_batch_size"] = batch_size
        history = model.fit(
            x, y, batch_size=batch_size, shuffle=False, sample_weight=weights, **arguments
        )
    files = sorted(path.name for path in folder.iterdir())
    return history, model.get_weights(), calls.calls, files


def assert_same(session: Session, one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    (history, weights, calls, files), (history2, weights2, calls2, files2) = one, other
    assert sorted(history.history) == sorted(history2.history)
    assert history.epoch == history2.epoch
    for name, values in history2.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=2e-4, atol=2e-5)
    for first, second in zip(weights, weights2, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)
    assert calls == calls2
    assert files == files2


@pytest.mark.skipif(
    "PYKERAS_TL_FUZZ" not in os.environ,
    reason="a minute for each session: PYKERAS_TL_FUZZ=20 tries twenty",
)
@settings(
    max_examples=_SESSIONS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(session=SESSIONS)
def test_a_session_is_what_keras_makes_of_it(session: Session, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("session")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = train(session, folder / "keras", ours=False)
        assert_same(session, train(session, folder / "ours", ours=True), expected)
        if len(expected[0].epoch) > 1:
            options = {"run_dir": folder / "run"}
            with pytest.raises(SystemExit):
                train(session, folder / "killed", True, more=[Interrupt(1)], **options)
            history, weights, *_ = train(
                session, folder / "killed", True, more=[Interrupt(None)], **options
            )
            assert history.epoch == expected[0].epoch
            for name, values in expected[0].history.items():
                np.testing.assert_allclose(history.history[name], values, rtol=2e-4, atol=2e-5)
            for first, second in zip(weights, expected[1], strict=True):
                np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)
