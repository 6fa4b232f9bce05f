"""A small training that the tests kill and start again: FOLDER KIND, from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.fine_tuning import fine_tune
from pykeras_tl.training.fit_function import fit
from pykeras_tl.training.history import History

layers = keras.layers

EPOCHS = 6
STEPS = 10


class Steps(keras.callbacks.Callback):
    """Writes down each batch that is done, at once: its number in the whole training."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        with self._path.open("a") as file:
            file.write(f"{self._epoch * STEPS + batch + 1}\n")


def network(frozen: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(8, 3, activation="relu", trainable=not frozen, name="base"),
            layers.BatchNormalization(trainable=not frozen),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.001), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def flow(seed: int | None, **settings: Any) -> Any:
    random = np.random.RandomState(0)
    labels = np.arange(76) % 4
    x = random.randint(0, 200, (76, 24, 24, 3)).astype("uint8")
    x[np.arange(76), labels * 5] += 50
    made = ImageDataGenerator(rescale=1 / 255, **settings).flow(
        x, np.eye(4)[labels], batch_size=8, seed=seed
    )
    if seed is None:
        made._random.seed(11)
    return made


def run(folder: Path, kind: str) -> tuple[History, keras.Model]:
    """Train as `kind` says: augmented, frozen (cached), passes (cached too), fine tuning."""
    augmenting = {"rotation_range": 20, "horizontal_flip": True}
    settings = augmenting if kind in ("augmented", "passes") else {}
    training = flow(None if kind == "passes" else 5, **settings)
    model = network(frozen=kind != "augmented")
    options: dict[str, Any] = {
        "steps_per_epoch": STEPS,
        "validation_data": flow(6),
        "callbacks": [
            keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.05),
            keras.callbacks.EarlyStopping(patience=2, min_delta=0.01, restore_best_weights=True),
            keras.callbacks.CSVLogger(folder / "log.csv"),
            Steps(folder / "steps"),
        ],
        "run_dir": folder,
        "save_minutes": 0.1 / 60,
        "verbose": 0,
    }
    if kind == "fine tuning":
        options["callbacks"] = options["callbacks"][-1:]
        optimizers = {"optimizer_head": "adam", "learning_rate_fine": 1e-4}
        half = {"epochs_head": EPOCHS // 2, "epochs_fine": EPOCHS - EPOCHS // 2}
        history = fine_tune(
            model,
            training,
            unfreeze_from="base",
            loss="categorical_crossentropy",
            **half,
            **optimizers,
            **options,
        )
    else:
        options["cached_augmented_epochs"] = 2 if kind == "passes" else None
        history = fit(model, training, epochs=EPOCHS, **options)
    return history, model


def main(folder: Path, kind: str) -> None:
    os.environ["PYKERAS_TL_CACHE"] = str(folder.parent / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    history, model = run(folder, kind)
    values = [*model.variables, *model.optimizer.variables]
    np.savez(folder / "unfinished.npz", *[np.asarray(value) for value in values])
    history.save(folder / "history.csv")
    (folder / "unfinished.npz").rename(folder / "weights.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
