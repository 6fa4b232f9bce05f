"""A small training in a process of its own, which the tests kill: FOLDER NETWORK EPOCHS."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from pykeras_tl.images.generator import ImageDataGenerator
from pykeras_tl.training.fitting import fit

layers = keras.layers


def network(frozen: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", trainable=not frozen),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def flow(seed: int | None, **settings: object):
    random = np.random.RandomState(0)
    x, y = random.randint(0, 256, (30, 16, 16, 3)).astype("uint8"), np.eye(4)[np.arange(30) % 4]
    return ImageDataGenerator(rescale=1 / 255, **settings).flow(x, y, batch_size=8, seed=seed)


def run(folder: Path | None, kind: str, epochs: int):
    frozen = kind == "frozen"
    model = network(frozen)
    settings = {} if frozen else {"rotation_range": 20, "horizontal_flip": True}
    history = fit(
        model,
        flow(5, **settings),
        epochs=epochs,
        steps_per_epoch=3,
        validation_data=flow(6),
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, monitor="val_loss"),
            keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True),
        ],
        run_dir=folder,
        verbose=0,
    )
    return history, model


if __name__ == "__main__":
    folder, kind, epochs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    history, model = run(folder, kind, epochs)
    history.save(folder / "history.csv")
    np.savez(
        folder / "weights.npz",
        *model.get_weights(),
        *[np.asarray(v) for v in model.optimizer.variables],
    )
