"""Training sessions made up from a number, trained by `pykeras_tl` and by Keras's own `fit`.

Keras's `fit` gets the batches that Keras's retired iterators draw, one epoch after another. Both
must give the same history, weights, optimizer, callback calls and files.
"""

from __future__ import annotations

import csv
import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasImageDataGenerator

from pykeras_tl import ImageDataGenerator, fine_tune, fit

IMAGES, SIDE, CLASSES = 8, 6, 3
layers = keras.layers
# Often enough to save after each batch.
_ALWAYS = 1e-9


@dataclass(frozen=True)
class Session:
    """One made-up session; `make_session` says what the words mean."""

    number: int
    graph: bool
    labels: str
    augmented: bool
    shuffle: bool
    batch_size: int
    body: str
    frozen: bool
    dropout: bool
    optimizer: str
    loss: int
    metrics: tuple[str, ...]
    weighted: bool
    class_weight: bool
    epochs: int
    initial_epoch: int
    steps_per_epoch: int | None
    steps_per_execution: int
    validation: str
    validation_steps: int | None
    validation_freq: int | tuple[int, ...]
    cache_frozen: bool
    cached_augmented_epochs: bool
    callbacks: tuple[str, ...]
    then: str
    interrupted: str

    @property
    def fine_tuning_metric(self) -> str:
        """The metric that `fine_tune` compiles with."""
        return "accuracy" if _KINDS[self.labels] == "sparse" else "mse"


_CALLBACKS = (
    *("stop on metric", "stop on loss", "restore best", "checkpoint best", "checkpoint weights"),
    *("checkpoint batches", "plateau", "schedule", "csv", "lambda", "no nan", "backup"),
    *("averages", "stop within"),
)
_METRICS = {
    "one-hot": ("accuracy", "auc", "top", "mae"),
    "binary": ("accuracy", "auc", "mae"),
    "sparse": ("accuracy", "sparse top"),
    "number": ("mae",),
}
_LOSSES: dict[str, tuple[Any, ...]] = {
    "one-hot": (
        "categorical_crossentropy",
        lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        "mse",
    ),
    "binary": ("binary_crossentropy", "mse", lambda: keras.losses.BinaryFocalCrossentropy()),
    "sparse": ("sparse_categorical_crossentropy",) * 3,
    "number": ("mse", "mae", lambda: keras.losses.Huber()),
}
# Where the labels come from, and what they look like.
_KINDS = {
    "array one-hot": "one-hot",
    "array sparse": "sparse",
    "array weighted": "one-hot",
    "array with vectors": "one-hot",
    "folder categorical": "one-hot",
    "folder sparse": "sparse",
    "folder binary": "binary",
    "folder input": "number",
    "table raw": "number",
    "table weighted": "sparse",
    "table multi_output": "both",
}


def make_session(number: int) -> Session:
    """Make up a session; the same number gives the same one."""
    pick = random.Random(number)

    def maybe(chance: float) -> bool:
        return pick.random() < chance

    labels = pick.choice(list(_KINDS))
    kind = _KINDS[labels]
    metrics = _METRICS.get(kind, ())
    initial_epoch = int(maybe(0.2))
    epochs = initial_epoch + pick.choice([1, 2, 2, 3])
    augmented = labels != "folder input" and maybe(0.3)
    frozen = maybe(0.6)
    steps = pick.choice([None, None, None, 1, 2, 4])
    body = pick.choice(["conv", "conv and norm", "nested", "branched", "none", "subclass"])
    then = pick.choice(["nothing", "nothing", "again", "fine_tune"])
    if then == "fine_tune" and not (frozen and kind != "both" and body.startswith("conv")):
        then = "again"
    callbacks = tuple(pick.sample(_CALLBACKS, pick.randint(0, 3)))
    if "stop within" in callbacks:
        # We leave a flow just after the last batch that was used, Keras wherever it has read to.
        then = "nothing"
    return Session(
        number=number,
        graph=then != "fine_tune" and maybe(0.05),
        labels=labels,
        augmented=augmented,
        shuffle=maybe(0.5),
        batch_size=pick.choice([3, 4, 5, 8]),
        body=body,
        frozen=frozen,
        dropout=maybe(0.3),
        optimizer=pick.choice(["sgd", "adam", "rmsprop", "decayed", "averaged", "accumulated"]),
        loss=pick.randrange(3),
        metrics=tuple(pick.sample(metrics, pick.randint(0, len(metrics)))),
        weighted=maybe(0.2),
        class_weight=kind in _METRICS
        and kind != "number"
        and "weighted" not in labels
        and maybe(0.4),
        epochs=epochs,
        initial_epoch=initial_epoch,
        steps_per_epoch=steps,
        steps_per_execution=pick.choice([1, 1, 1, 2, 3]),
        validation=pick.choice(["none", "flow", "flow", "arrays"]),
        validation_steps=pick.choice([None, None, 1]),
        validation_freq=pick.choice([1, 1, 1, 2, (1,), (2, 3)]),
        cache_frozen=maybe(0.7),
        cached_augmented_epochs=augmented and steps is None and then == "nothing" and maybe(0.5),
        callbacks=callbacks,
        then=then,
        interrupted=pick.choice(["never", "between", "within"]) if then == "nothing" else "never",
    )


class Calls(keras.callbacks.Callback):
    """Records every call, its logs, and what the model looks like then."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.logs: list[list[float]] = []

    def _add(self, logs: Any, *call: Any) -> None:
        logs = logs or {}
        self.calls.append((*call, tuple(logs)))
        self.logs.append([float(value) for value in logs.values()])

    def on_train_begin(self, logs: Any = None) -> None:
        self._add(logs, "train begin", self.params["epochs"], self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._add(logs, "epoch begin", epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._add(logs, "train batch begin", batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._add(logs, "train batch end", batch)

    def on_test_begin(self, logs: Any = None) -> None:
        self._add(logs, "test begin")

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._add(logs, "test batch begin", batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._add(logs, "test batch end", batch)

    def on_test_end(self, logs: Any = None) -> None:
        self._add(logs, "test end")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seen = (len(self.model.weights), [metric.name for metric in self.model.metrics])
        self._add(logs, "epoch end", epoch, seen, int(self.model.optimizer.iterations))

    def on_train_end(self, logs: Any = None) -> None:
        self._add(logs, "train end", self.model.stop_training)


class Killed(BaseException):
    """Ends training as a kill does."""


class Kill(keras.callbacks.Callback):
    """Ends training before an epoch, or before its last batch."""

    def __init__(self, epoch: int | None = None, batch: int | None = None) -> None:
        super().__init__()
        # A function is no part of the state that a resumed run gives back to its callbacks.
        self._ends = lambda *place: place == (epoch, batch)
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self._ends(epoch, None):
            raise Killed

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._ends(self._epoch, batch):
            raise Killed


class StopWithin(keras.callbacks.Callback):
    """Ends training after the second batch of an epoch, as a callback may."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch >= 1:
            self.model.stop_training = True


def write_images(folder: Path) -> None:
    """Write the images that flows over folders and tables read."""
    pixels, numbers = _pixels(0)
    for number, image in enumerate(pixels):
        for name in ("three", "two"):
            place = folder / name / "abc"[numbers[number] % (3 if name == "three" else 2)]
            place.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(place / f"{number:02}.png", image, scale=False)


def _pixels(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (IMAGES, SIDE, SIDE, 3)).astype("float32")
    return images, rng.permutation(IMAGES) % CLASSES


def make_flow(generator: Any, session: Session, images: Path, training: bool) -> Any:
    """Make a flow by Keras's generator or by ours; both have the same methods."""
    source, kind = session.labels.split(" ", 1)
    options = {
        "batch_size": session.batch_size,
        "shuffle": session.shuffle and training,
        "seed": 5,
    }
    if source == "array":
        x, numbers = _pixels(0 if training else 1)
        y = np.eye(CLASSES, dtype="float32")[numbers]
        if kind == "with vectors":
            x = (x, [np.linspace(-1, 1, IMAGES * 2, dtype="float32").reshape(IMAGES, 2)])
        if kind == "weighted":
            options["sample_weight"] = np.linspace(0.5, 2, IMAGES, dtype="float32")
        return generator.flow(x, numbers if kind == "sparse" else y, **options)
    options["target_size"] = (SIDE, SIDE)
    if source == "folder":
        place = images / ("two" if kind == "binary" else "three")
        return generator.flow_from_directory(place, class_mode=kind, **options)
    paths = sorted((images / "three").rglob("*.png"))
    table = pd.DataFrame(
        {
            "filename": [str(path) for path in paths],
            "class": [path.parent.name for path in paths],
            "number": ["abc".index(path.parent.name) for path in paths],
            "size": np.linspace(-1, 1, len(paths)),
            "weight": np.linspace(0.5, 2, len(paths)),
        }
    )
    if kind == "raw":
        return generator.flow_from_dataframe(table, y_col="size", class_mode="raw", **options)
    if kind == "weighted":
        return generator.flow_from_dataframe(
            table, class_mode="sparse", weight_col="weight", **options
        )
    return generator.flow_from_dataframe(
        table, y_col=["size", "number"], class_mode="multi_output", **options
    )


def _flows(generator: type, session: Session, images: Path) -> tuple[Any, Any]:
    augmentation = {"horizontal_flip": True, "vertical_flip": True} if session.augmented else {}
    training = make_flow(generator(rescale=1 / 255, **augmentation), session, images, True)
    if session.validation == "none":
        return training, None
    validation = make_flow(generator(rescale=1 / 255), session, images, False)
    return training, validation


@keras.saving.register_keras_serializable("fuzz")
class _Subclass(keras.Model):
    """A model whose graph is not known."""

    def __init__(self, frozen: bool, units: int, activation: str | None, **options: Any) -> None:
        super().__init__(**options)
        self.settings = {"frozen": frozen, "units": units, "activation": activation}
        self.conv = layers.Conv2D(2, 3, activation="relu", name="conv", trainable=not frozen)
        self.flat = layers.Flatten(name="flat")
        self.head = layers.Dense(units, activation=activation, name="classes")

    def call(self, inputs: Any) -> Any:
        return self.head(self.flat(self.conv(inputs)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.settings


def make_model(session: Session) -> keras.Model:
    """Make the session's model, compiled; the same each time."""
    # Names begin at 1 again; collecting garbage would take longer than training.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    kind = _KINDS[session.labels]
    inputs = keras.Input((SIDE, SIDE, 3), name="images")
    conv = layers.Conv2D(2, 3, activation="relu", name="conv")
    maps: Any = inputs
    model = None
    if session.body in ("conv", "subclass"):
        maps = conv(inputs)
    elif session.body == "conv and norm":
        norm = layers.BatchNormalization(name="norm")
        maps = norm(conv(inputs))
        norm.trainable = not session.frozen
    elif session.body == "nested":
        inner = [keras.Input((SIDE, SIDE, 3)), conv, layers.MaxPooling2D(name="pool")]
        maps = keras.Sequential(inner, name="inner")(inputs)
    elif session.body == "branched":
        cropped = layers.Cropping2D(1, name="crop")(inputs)
        maps = layers.Concatenate(name="join")([conv(inputs), cropped])
    if session.body != "none":
        conv.trainable = not session.frozen
    flat = layers.Flatten(name="flat")(maps)
    if session.dropout:
        flat = layers.Dropout(0.3, seed=1, name="dropout")(flat)
    all_inputs: Any = inputs
    if session.labels == "array with vectors":
        vector = keras.Input((2,), name="vector")
        flat = layers.Concatenate(name="with_vector")([flat, vector])
        all_inputs = [inputs, vector]
    flat = layers.Dense(4, activation="relu", name="hidden")(flat)
    if session.labels == "folder input":
        outputs = layers.Dense(SIDE * SIDE * 3, name="pixels")(flat)
        outputs = layers.Reshape((SIDE, SIDE, 3), name="image")(outputs)
    elif kind == "both":
        outputs = [
            layers.Dense(1, name="size")(flat),
            layers.Dense(CLASSES, activation="softmax", name="number")(flat),
        ]
    else:
        units, activation = {"binary": (1, "sigmoid"), "number": (1, None)}.get(
            kind, (CLASSES, "softmax")
        )
        outputs = layers.Dense(units, activation=activation, name="classes")(flat)
        if session.body == "subclass" and session.labels != "array with vectors":
            model = _Subclass(session.frozen, units, activation, name="subclass")
            model(np.zeros((1, SIDE, SIDE, 3), "float32"))
    if model is None:
        model = keras.Model(all_inputs, outputs, name="model")
    _compile(model, session)
    return model


def _compile(model: keras.Model, session: Session) -> None:
    kind = _KINDS[session.labels]
    optimizers = keras.optimizers
    optimizer = {
        "decayed": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
        "averaged": lambda: optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.5),
        "accumulated": lambda: optimizers.AdamW(0.01, gradient_accumulation_steps=2, clipnorm=1.0),
    }.get(session.optimizer, lambda: session.optimizer)()
    options: dict[str, Any] = {}
    if kind == "both":
        options["loss"] = ["mse", "sparse_categorical_crossentropy"]
        if session.loss:
            options["loss_weights"] = [0.5, 2.0]
        if session.weighted:
            options["metrics"] = [["mae"], ["accuracy"]]
    else:
        loss = _LOSSES[kind][session.loss]
        options["loss"] = loss() if callable(loss) else loss
        options["metrics"] = [_metric(name) for name in session.metrics]
        if session.weighted:
            options["weighted_metrics"] = ["mse"] if kind != "sparse" else ["accuracy"]
    model.compile(
        optimizer,
        steps_per_execution=session.steps_per_execution,
        jit_compile=False,
        **options,
    )


def _metric(name: str) -> Any:
    made: dict[str, Callable[[], Any]] = {
        "auc": lambda: keras.metrics.AUC(num_thresholds=20, name="auc"),
        "top": lambda: keras.metrics.TopKCategoricalAccuracy(2, name="top"),
        "sparse top": lambda: keras.metrics.SparseTopKCategoricalAccuracy(2, name="sparse_top"),
    }
    return made.get(name, lambda: name)()


def make_callbacks(session: Session, folder: Path) -> list[keras.callbacks.Callback]:
    """Make the session's callbacks, which write into a folder."""
    kinds = keras.callbacks
    # Where not every epoch is validated, only the training metrics are always there.
    validated = session.validation != "none" and session.validation_freq == 1
    prefix = "val_" if validated else ""
    name = session.metrics[0].replace(" ", "_") if session.metrics else "loss"
    metric = prefix + name
    mode = {"mode": "min" if name in ("mae", "loss") else "max"} if name == "mae" else {}
    made: dict[str, Callable[[], keras.callbacks.Callback]] = {
        "stop on metric": lambda: kinds.EarlyStopping(metric, patience=0, **mode),
        "stop on loss": lambda: kinds.EarlyStopping(f"{prefix}loss", patience=0),
        "restore best": lambda: kinds.EarlyStopping(
            metric, patience=0, restore_best_weights=True, start_from_epoch=1, **mode
        ),
        "checkpoint best": lambda: kinds.ModelCheckpoint(
            folder / "best.keras", monitor=metric, save_best_only=True, **mode
        ),
        "checkpoint weights": lambda: kinds.ModelCheckpoint(
            folder / "{epoch}-{loss:.2f}.weights.h5", save_weights_only=True
        ),
        "checkpoint batches": lambda: kinds.ModelCheckpoint(
            folder / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=2
        ),
        "plateau": lambda: kinds.ReduceLROnPlateau(metric, patience=1, factor=0.5, **mode),
        "schedule": lambda: kinds.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        "csv": lambda: kinds.CSVLogger(folder / "log.csv"),
        "lambda": lambda: kinds.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (folder / f"epoch {epoch}").touch()
        ),
        "no nan": kinds.TerminateOnNaN,
        "backup": lambda: kinds.BackupAndRestore(folder / "backup", delete_checkpoint=False),
        "averages": lambda: kinds.SwapEMAWeights(swap_on_epoch=True),
        "stop within": StopWithin,
    }
    if session.optimizer == "decayed":
        # Keras refuses to change the rate of a schedule.
        made["plateau"] = made["schedule"] = kinds.TerminateOnNaN
    if session.optimizer != "averaged" or session.then == "fine_tune":
        made["averages"] = kinds.TerminateOnNaN
    return [made[each]() for each in session.callbacks]


class _Epochs(keras.utils.PyDataset):
    """Batches drawn from Keras's retired flow, one epoch after another."""

    def __init__(self, flow: Any, steps: int, restarts: bool) -> None:
        super().__init__()
        self._flow, self._steps, self._restarts = flow, steps, restarts
        self._batches: list[Any] = []
        self._fresh = False

    @property
    def num_batches(self) -> int:
        return self._steps

    def on_epoch_begin(self) -> None:
        if not self._fresh:
            self._draw()
        self._fresh = False

    def __getitem__(self, index: int) -> Any:
        if not self._batches:
            # Keras looks at the first batches before the first epoch.
            self._draw()
            self._fresh = True
        return self._batches[index]

    def _draw(self) -> None:
        if self._restarts:
            self._flow.reset()
        self._batches = [_tuples(next(self._flow)) for _ in range(self._steps)]


def _tuples(batch: Any) -> Any:
    """Keras takes tuples where its retired flows return lists."""
    return tuple(tuple(part) if isinstance(part, list) else part for part in batch)


def _arrays(flow: Any) -> tuple[Any, Any]:
    flow.reset()
    batches = [_tuples(next(flow)) for _ in range(len(flow))]
    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return joined[:2]


@dataclass
class Result:
    """What came of a session."""

    history: dict[str, list[float]]
    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    calls: Calls
    folder: Path


def train(
    session: Session,
    folder: Path,
    images: Path,
    ours: bool,
    kill: Kill | None = None,
    make: Callable[[Session, Path], list[keras.callbacks.Callback]] | None = None,
    **options: Any,
) -> Result:
    """Train a session by Keras or by us.

    Args:
        session: The session.
        folder: Where its callbacks write.
        images: What `write_images` wrote.
        ours: Whether by us.
        kill: Ends it, for runs to resume.
        make: Makes the callbacks, in place of `make_callbacks`.
        **options: Further arguments of our `fit`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, calls = make_model(session), Calls()
    flow, validation = _flows(
        ImageDataGenerator if ours else KerasImageDataGenerator, session, images
    )
    steps = session.steps_per_epoch or len(flow)
    arguments: dict[str, Any] = {
        "callbacks": [*(make or make_callbacks)(session, folder), calls, *([kill] if kill else [])],
        "verbose": options.pop("verbose", 0),
    }
    if session.class_weight:
        classes = 2 if session.labels == "folder binary" else CLASSES
        arguments["class_weight"] = dict(zip(range(classes), (1.0, 2.0, 0.5)))
    if validation is not None:
        frequency = session.validation_freq
        arguments["validation_freq"] = (
            frequency if frequency == 2 or frequency == 1 else [*frequency]
        )
        if session.validation == "arrays":
            arguments["validation_data"] = _arrays(validation)
        elif ours:
            arguments["validation_data"] = validation
            arguments["validation_steps"] = session.validation_steps
        else:
            arguments["validation_data"] = _Epochs(
                validation, session.validation_steps or len(validation), restarts=True
            )
    if ours:
        arguments |= {"cache_frozen": session.cache_frozen, **options}
        arguments["steps_per_epoch"] = session.steps_per_epoch
        if session.cached_augmented_epochs:
            arguments["cached_augmented_epochs"] = session.epochs - session.initial_epoch
        data = flow
        train_once: Callable[..., Any] = fit
    else:
        data = _Epochs(flow, steps, restarts=False)

        def train_once(model: keras.Model, data: Any, **arguments: Any) -> Any:
            return model.fit(data, shuffle=False, **arguments)

    epochs = {"epochs": session.epochs, "initial_epoch": session.initial_epoch}
    histories = [train_once(model, data, **epochs, **arguments)]
    if session.then == "again":
        histories.append(train_once(model, data, **epochs, **arguments))
    elif session.then == "fine_tune" and ours:
        both_phases = fine_tune(
            *(model, flow),
            **{"unfreeze_from": "conv", "epochs_head": 1, "epochs_fine": 1},
            **{"optimizer_head": "sgd", "optimizer_fine": "adam", "learning_rate_fine": 0.01},
            **{"loss": model.loss, "metrics": [session.fine_tuning_metric]},
            **arguments,
        )
        histories.append(both_phases)
    elif session.then == "fine_tune":
        loss = model.loss
        for begun, optimizer in enumerate(["sgd", keras.optimizers.Adam(0.01)]):
            if begun:
                for name in ("conv", "norm"):
                    for layer in model.layers:
                        layer.trainable |= layer.name == name
            model.compile(optimizer, loss=loss, metrics=[session.fine_tuning_metric])
            histories.append(
                train_once(model, data, epochs=begun + 1, initial_epoch=begun, **arguments)
            )
    return Result(
        _values(histories),
        [np.asarray(keras.ops.convert_to_numpy(each)) for each in model.variables],
        [np.asarray(keras.ops.convert_to_numpy(each)) for each in model.optimizer.variables],
        calls,
        folder,
    )


def _values(histories: list[Any]) -> dict[str, list[float]]:
    """Join histories; in ours, an epoch without validation has NaN, which Keras leaves out."""
    joined: dict[str, list[float]] = {}
    for history in histories:
        for name, values in {"epoch": history.epoch, **history.history}.items():
            joined.setdefault(name, []).extend(x for x in values if not np.isnan(x))
    return {name: joined[name] for name in sorted(joined)}


def differences(one: Result, other: Result, resumed: bool = False) -> list[str]:
    """Name what differs between the results of one session.

    Args:
        one: Ours.
        other: Keras's.
        resumed: Whether ours is a resumed run, whose calls and files are those of its parts.
    """
    found = []
    if list(one.history) != list(other.history) or not all(
        map(_close, one.history.values(), other.history.values())
    ):
        found.append(f"history: {one.history} for {other.history}")
    for name in ("weights", "optimizer"):
        if not _same_arrays(getattr(one, name), getattr(other, name)):
            found.append(name)
    if not resumed:
        if one.calls.calls != other.calls.calls:
            pairs = zip(one.calls.calls, other.calls.calls)
            first = next((pair for pair in pairs if pair[0] != pair[1]), "their number")
            found.append(f"calls: {first}")
        elif not all(map(_close, one.calls.logs, other.calls.logs)):
            found.append("logs")
        found += _different_files(one.folder, other.folder)
    elif (other.folder / "log.csv").exists() and not _same_csv(
        one.folder / "log.csv", other.folder / "log.csv"
    ):
        found.append("log.csv")
    return found


def _close(one: Any, other: Any) -> bool:
    same_length = np.shape(one) == np.shape(other)
    return same_length and bool(np.allclose(one, other, rtol=5e-4, atol=5e-5, equal_nan=True))


def _same_arrays(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=2e-3, atol=2e-4) for a, b in zip(one, other)
    )


def _different_files(one: Path, other: Path) -> list[str]:
    ours, theirs = _files(one), _files(other)
    if sorted(ours) != sorted(theirs):
        return [f"files: {sorted(ours)} for {sorted(theirs)}"]
    return [name for name in ours if not _same_file(ours[name], theirs[name])]


def _files(folder: Path) -> dict[str, Path]:
    """Return a folder's files by name; those of TensorBoard are named after time and machine."""
    return {
        re.sub(r"tfevents.*", "tfevents", path.relative_to(folder).as_posix()): path
        for path in folder.rglob("*")
        if path.is_file()
    }


def _same_file(one: Path, other: Path) -> bool:
    if one.name.endswith(".csv"):
        return _same_csv(one, other)
    if one.name.endswith(".h5"):
        return _same_arrays(_stored(one), _stored(other))
    if one.name.endswith(".keras"):
        with zipfile.ZipFile(one) as ours, zipfile.ZipFile(other) as theirs:
            name = "model.weights.h5"
            return _config(ours) == _config(theirs) and _same_arrays(
                _stored(BytesIO(ours.read(name))), _stored(BytesIO(theirs.read(name)))
            )
    if "tfevents" in one.name:
        return _events(one) == _events(other)
    return one.name.endswith(".json") or one.read_bytes() == other.read_bytes()


def _config(archive: zipfile.ZipFile) -> str:
    """Return a saved model's architecture without the addresses of objects in it."""
    return re.sub(r'"shared_object_id": \d+', "", archive.read("config.json").decode())


def _same_csv(one: Path, other: Path) -> bool:
    ours, theirs = (list(csv.reader(path.open())) for path in (one, other))
    if [row[:1] for row in ours] != [row[:1] for row in theirs] or ours[:1] != theirs[:1]:
        return False
    return all(
        _close([_number(text) for text in row], [_number(text) for text in expected])
        for row, expected in zip(ours[1:], theirs[1:])
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _stored(file: Any) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    with h5py.File(file) as content:
        content.visititems(
            lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None
        )
    return found


def _events(path: Path) -> list[tuple[int, list[str]]]:
    """Return the steps and names that TensorBoard has in a file."""
    import tensorflow as tf

    return [
        (event.step, [value.tag for value in event.summary.value])
        for event in tf.compat.v1.train.summary_iterator(str(path))
    ]


def compare(session: Session, folder: Path, images: Path) -> list[str]:
    """Train a session by Keras, by us, and by us with an interruption; name the differences."""
    expected = train(session, folder / "keras", images, ours=False)
    found = differences(train(session, folder / "ours", images, ours=True), expected)
    kill = _kill(session, expected)
    if kill is not None:
        options: dict[str, Any] = {"run_dir": folder / "run", "save_minutes": _ALWAYS}
        with suppress(Killed):
            train(session, folder / "resumed", images, True, kill, **options)
        resumed = train(session, folder / "resumed", images, True, Kill(), **options)
        found += [f"resumed: {each}" for each in differences(resumed, expected, True)]
    return found


def _kill(session: Session, expected: Result) -> Kill | None:
    """Return what interrupts the last epoch; None where it has no beginning to resume from."""
    last = expected.history["epoch"][-1]
    if session.interrupted == "between" and last > session.initial_epoch:
        return Kill(last)
    batches = [call[1] for call in expected.calls.calls if call[0] == "train batch begin"]
    if session.interrupted == "within" and batches[-1] > 0:
        return Kill(last, batches[-1])
    return None
