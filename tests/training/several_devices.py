"""Trains on one and on two virtual CPU devices; prints JSON. Run with KERAS_BACKEND set."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
else:
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import keras

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.fit_function import fit

layers = keras.layers

_RANDOM = np.random.RandomState(0)
_IMAGES = _RANDOM.randint(0, 255, (30, 12, 12, 3)).astype("uint8")
_LABELS = np.eye(3)[np.arange(30) % 3]


class Interruption(keras.callbacks.Callback):
    """Ends the first training within an epoch, as a machine that is switched off."""

    switched_off = False
    epoch = -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == (1, 1) and not Interruption.switched_off:
            Interruption.switched_off = True
            raise SystemExit


class OnTwo(keras.callbacks.Callback):
    """Looks whether weights are on two devices while they are trained."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self.model.trainable_variables[-1].value
        on_jax = keras.backend.backend() == "jax"
        assert len(value.sharding.device_set if on_jax else value.values) == 2


def network(frozen: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 3, strides=2, use_bias=False, trainable=not frozen),
            layers.BatchNormalization(trainable=not frozen),
            layers.Flatten(),
            # TensorFlow's devices draw the same random numbers, where one device draws others.
            layers.Dropout(0.3 if keras.backend.backend() == "jax" else 0.0, seed=2),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01, clipnorm=0.1),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def train(
    devices: int | None, frozen: bool = False, callbacks: Any = (), **options: Any
) -> tuple[Any, list[Any]]:
    model = network(frozen)
    generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=not frozen)
    # The last batches, of 3 images, cannot be shared equally.
    flow = generator.flow(_IMAGES[:19], _LABELS[:19], batch_size=8, seed=1)
    validation = ImageDataGenerator(rescale=1 / 255).flow(
        _IMAGES[19:], _LABELS[19:], batch_size=4, shuffle=False
    )
    history = fit(
        model,
        flow,
        epochs=2,
        validation_data=validation,
        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
        callbacks=[*callbacks, *([OnTwo()] if devices else [])],
        devices=devices,
        verbose=0,
        **options,
    )
    # What training leaves is a model on one device.
    evaluated = model.evaluate(validation, verbose=0)
    return history.history, [*model.get_weights(), np.array(evaluated)]


def difference(one: tuple[Any, list[Any]], other: tuple[Any, list[Any]]) -> dict[str, float]:
    assert set(one[0]) == set(other[0])
    return {
        "history": max(float(np.abs(np.subtract(one[0][n], other[0][n])).max()) for n in one[0]),
        "weights": max(float(np.abs(a - b).max()) for a, b in zip(one[1], other[1])),
    }


def main(folder: Path) -> None:
    two = train(2)
    results = {"two": difference(train(None), two)}
    for _ in range(2):
        with suppress(SystemExit):
            run = train(2, callbacks=[Interruption()], run_dir=folder, save_minutes=1e-9)
            results["resumed"] = difference(run, two)
    assert Interruption.switched_off
    results["frozen"] = difference(train(None, frozen=True), train(2, frozen=True))
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
