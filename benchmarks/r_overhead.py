"""What it costs to train and to fetch batches from R rather than from Python.

The study's first network is trained on an augmented flow of TRAIN (150×150, batches of 20),
from R through kerastl and from Python, in turn, in one process and from the same seeds.
First it is checked that both give the same history. R's share is the part of R's `fit()` that
is not spent inside Python's. `generator_next()` hands a batch over as R arrays, which are
doubles; its overhead is its time less that of Python's `next()` on the same flow.

Needs R, kerastl and rpy2: tools/test_r.sh installs all of it.
"""

from __future__ import annotations

import os
import statistics
import sys
import types
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from benchmarks.measuring import Row, arguments, below, report
from pykeras_tl import training
from pykeras_tl.images import ImageDataGenerator, Iterator
from pykeras_tl.models.networks import blood_cells

_ROUNDS = 5
_STEPS = 15
_BATCH = 20
_AUGMENTATION: dict[str, Any] = {
    "rescale": 1 / 255,
    "rotation_range": 10,
    "width_shift_range": 0.3,
    "height_shift_range": 0.3,
    "shear_range": 0.3,
    "zoom_range": 0.2,
    "horizontal_flip": True,
}

_IN_R = """
train_in_r <- function() {
  set_random_seed(3)
  history <- fit(as_kerastl(py$model), py$flow, epochs = 1, steps_per_epoch = py$steps,
    verbose = 0)
  history$metrics$loss
}
"""


class InR:
    """R in this process, which sees what is put into `given` as `py$name`."""

    def __init__(self) -> None:
        library = Path(__file__).resolve().parents[1] / ".venv" / "r-library"
        os.environ.setdefault("R_LIBS", str(library))
        os.environ["RETICULATE_PYTHON"] = sys.executable
        try:
            import rpy2.robjects as robjects

            robjects.r("library(kerastl)")
        except Exception as error:
            raise SystemExit(
                "R cannot be started with kerastl; run tools/test_r.sh .venv/bin/python "
                f".venv/r-library first. {type(error).__name__}: {error}"
            ) from error
        self.run = robjects.r
        self.given: Any = types.ModuleType("r_overhead_given")
        sys.modules["r_overhead_given"] = self.given
        self.run('py <- reticulate::import("r_overhead_given")')
        self.run(_IN_R)

    def number(self, code: str) -> float:
        """Run code and return its value, one number."""
        return float(self.run(code)[0])


def new_model() -> keras.Model:
    keras.utils.set_random_seed(3)
    model = blood_cells.version_1(seed=3)
    optimizer = training.make_optimizer("rmsprop", learning_rate=1e-4)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def new_flow(folder: Path) -> Iterator:
    return ImageDataGenerator(**_AUGMENTATION).flow_from_directory(
        folder, target_size=(150, 150), batch_size=_BATCH, seed=1
    )


def train_in_python(model: keras.Model, flow: Iterator) -> float:
    keras.utils.set_random_seed(3)
    history = training.fit(model, flow, epochs=1, steps_per_epoch=_STEPS, verbose=0)
    return history.history["loss"][0]


def seconds(work: Any) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


def training_rows(r: InR, folder: Path) -> list[Row]:
    inside: list[float] = []
    plain_fit = training.fit

    def timed_fit(*args: Any, **options: Any) -> Any:
        begin = perf_counter()
        try:
            return plain_fit(*args, **options)
        finally:
            inside.append(perf_counter() - begin)

    python_model, r_model = new_model(), new_model()
    python_flow, r_flow = new_flow(folder), new_flow(folder)
    r.given.model, r.given.flow, r.given.steps = r_model, r_flow, float(_STEPS)
    if r.number("train_in_r()") != train_in_python(python_model, python_flow):
        raise SystemExit("R and Python do not give the same training; nothing is measured.")
    from_r, from_python, shares = [], [], []
    for _ in range(_ROUNDS):
        from_python.append(seconds(lambda: train_in_python(python_model, python_flow)))
        training.fit = timed_fit
        from_r.append(seconds(lambda: r.run("train_in_r()")))
        training.fit = plain_fit
        shares.append(100 * (1 - inside[-1] / from_r[-1]))
    ours, peer = statistics.median(from_r), statistics.median(from_python)
    against = "the same from Python"
    return [
        below("R's share of training the CNN", against, statistics.median(shares), 3, "%"),
        Row("training from R", against, ours, peer, ours / peer, "within 10 %", ours < 1.1 * peer),
    ]


def batch_row(r: InR, folder: Path) -> Row:
    flow = new_flow(folder)
    r.given.flow = flow
    overheads = []
    for number in range(3 * _ROUNDS):
        plain = seconds(lambda: next(flow))
        through_r = seconds(lambda: r.run("batch <- generator_next(py$flow)"))
        if number >= _ROUNDS:  # the first ones fill the cache of decoded images
            overheads.append(1000 * (through_r - plain))
    return below(
        "generator_next() of 20 images, above next()",
        "next(flow)",
        statistics.median(overheads),
        100,
        "ms",
    )


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    folder = options.data.resolve() / "TRAIN"
    r = InR()
    r.given.folder = str(folder)
    report([*training_rows(r, folder), batch_row(r, folder)], options.json)


if __name__ == "__main__":
    main()
