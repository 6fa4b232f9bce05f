"""Training on a frozen VGG16: plain Keras against frozen layers computed once.

Both train the same network from the same weights on the same files of TRAIN, 150×150,
rescaled, in batches of 50, with Keras's `fit` on Keras's own flow and with ours. First it is
checked that both give the same history.

A run of the study would take hours, so short runs stand for long ones. A few hundred
images are trained on. Measured are, each as the median of five rounds in turn, warm-up left
out: an epoch of plain Keras; an epoch on the stored output; the making of the store; and the
opening of a store that is there. Every one but the last is in proportion to the number of
images, so a run over all images of TRAIN is

    plain:      images x epochs x (plain epoch per image)
    cold cache: images x (making per image + epochs x (our epoch per image))
    warm cache: opening + images x epochs x (our epoch per image)

Last, the study's own network is trained on augmented images, and the time is taken that
Keras waits for a batch.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasGenerator

from benchmarks.measuring import Row, arguments, below, faster, report
from pykeras_tl.images import ImageDataGenerator, list_images
from pykeras_tl.models.networks.blood_cells import version_2
from pykeras_tl.storage.disk_cache import clear_cache
from pykeras_tl.training import data_adapter, fit

_SIZE = (150, 150)
_BATCH = 50
_STUDY: dict[str, Any] = {
    "rescale": 1 / 255,
    "rotation_range": 10,
    "width_shift_range": 0.3,
    "height_shift_range": 0.3,
    "shear_range": 0.3,
    "zoom_range": 0.2,
    "horizontal_flip": True,
}


class Clock(keras.callbacks.Callback):
    """Notes when training begins and how long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[float] = []
        self.created = perf_counter()
        self.setup = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Note what came before the first epoch."""
        self.setup = perf_counter() - self.created

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it."""
        self.epochs.append(perf_counter() - self._begin)


@dataclass
class Times:
    """Seconds, one entry a round."""

    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    making: list[float] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)


def network(unfrozen_from: str | None) -> keras.Model:
    keras.utils.set_random_seed(0)
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(*_SIZE, 3))
    names = [layer.name for layer in base.layers]
    first = len(names) if unfrozen_from is None else names.index(unfrozen_from)
    for place, layer in enumerate(base.layers):
        layer.trainable = place >= first
    head = [
        keras.layers.Flatten(),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dense(4, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((*_SIZE, 3)), base, *head])
    model.compile(
        keras.optimizers.RMSprop(1e-5), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def flow_over(table: pd.DataFrame, generator: Any) -> Any:
    return generator(rescale=1 / 255).flow_from_dataframe(
        table, target_size=_SIZE, batch_size=_BATCH, shuffle=False
    )


def check_same(table: pd.DataFrame, unfrozen_from: str | None) -> None:
    """Raise unless plain Keras and ours give the same history."""
    theirs = network(unfrozen_from).fit(
        flow_over(table, KerasGenerator), epochs=2, shuffle=False, verbose=0
    )
    ours = fit(network(unfrozen_from), flow_over(table, ImageDataGenerator), epochs=2, verbose=0)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=1e-4)


def measure(table: pd.DataFrame, unfrozen_from: str | None, rounds: int) -> Times:
    times = Times()
    plain_model, plain_flow = network(unfrozen_from), flow_over(table, KerasGenerator)
    our_model, our_flow = network(unfrozen_from), flow_over(table, ImageDataGenerator)
    # Each image often enough an epoch that the epoch's own beginning and end do not count.
    steps = len(our_flow) * (1 if unfrozen_from else 20)
    for number in range(rounds + 1):
        plain, cold, warm = Clock(), Clock(), Clock()
        plain_model.fit(plain_flow, epochs=1, shuffle=False, verbose=0, callbacks=[plain])
        clear_cache("features")
        for clock in (cold, warm):
            clock.created = perf_counter()
            fit(
                our_model,
                our_flow,
                epochs=3,
                steps_per_epoch=steps,
                verbose=0,
                callbacks=[clock],
            )
        if number == 0:  # warm-up
            continue
        times.plain.append(plain.epochs[0])
        # The first epoch in a run of ours compiles, which plain Keras did in the warm-up.
        per_pass = len(our_flow) / steps
        times.ours.append(statistics.median(cold.epochs[1:] + warm.epochs[1:]) * per_pass)
        times.making.append(cold.setup - warm.setup)
        times.opening.append(warm.setup)
    return times


def rows_for(
    times: Times, epochs: int, what: str, least: tuple[float, float], scale: float
) -> list[Row]:
    plain, ours, making, opening = (
        statistics.median(each) for each in (times.plain, times.ours, times.making, times.opening)
    )
    against = "plain Keras fit, same flow settings"
    peer = scale * epochs * plain
    cold = scale * (making + epochs * ours) + opening
    warm = scale * epochs * ours + opening
    return [
        faster(f"{what}, {epochs} epochs, cold cache", against, cold, peer, least[0]),
        faster(f"{what}, {epochs} epochs, cache warm", against, warm, peer, least[1]),
    ]


class _Timed:
    """Batches of a feed, with the time that asking for one takes."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.close = batches.close
        self.waited = 0.0

    def __next__(self) -> Any:
        begin = perf_counter()
        try:
            return next(self._batches)
        finally:
            self.waited += perf_counter() - begin


def waiting_row(table: pd.DataFrame, rounds: int) -> Row:
    """Time the waits for input in training the study's second network, augmented.

    Keras's own thread asks for batches ahead of the training step, so its waits are an upper
    bound to the step's.
    """
    model = version_2()
    model.compile("rmsprop", loss="categorical_crossentropy")
    generator = ImageDataGenerator(**_STUDY)
    flow = generator.flow_from_dataframe(table, target_size=_SIZE, batch_size=20, seed=0)
    made: list[_Timed] = []

    plain = data_adapter.batches

    def timed(*arguments: Any) -> Any:
        made.append(_Timed(plain(*arguments)))
        return made[-1]

    class Waits(Clock):
        def __init__(self) -> None:
            super().__init__()
            self.waits: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch, logs)
            self.waits.append(made[-1].waited)
            made[-1].waited = 0.0

    clock = Waits()
    with mock.patch.object(data_adapter, "batches", timed):
        fit(model, flow, epochs=rounds + 1, verbose=0, callbacks=[clock])
    # The first epoch compiles, and begins with nothing made ahead.
    shares = [100 * wait / seconds for wait, seconds in zip(clock.waits[1:], clock.epochs[1:])]
    return below(
        "share of a step waiting for input",
        "study CNN, augmented",
        statistics.median(shares),
        2,
        "%",
    )


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--images", type=int, default=200, help="images to measure with")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    everything = list_images(options.data / "TRAIN")
    step = len(everything) // options.images
    table = everything.iloc[::step][: options.images].reset_index(drop=True)
    scale = len(everything) / len(table)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYKERAS_TL_CACHE"] = str(Path(folder))
        for unfrozen_from, epochs, what, least in (
            ("block5_conv1", 6, "VGG16 from block5_conv1", (2.7, 4.3)),
            (None, 30, "VGG16 all frozen", (18, 70)),
        ):
            check_same(table[:: max(1, len(table) // 100)].reset_index(drop=True), unfrozen_from)
            times = measure(table, unfrozen_from, options.rounds)
            rows += rows_for(times, epochs, what, least, scale)
    rows.append(waiting_row(table, options.rounds))
    print(f"{len(table)} images measured, scaled to {len(everything)}:")
    report(rows, options.json)


if __name__ == "__main__":
    main()
