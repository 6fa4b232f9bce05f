"""Batches of images: Keras's ImageDataGenerator against ours, and against decoding alone.

A thousand images of TRAIN, 320×240 JPEG, become batches of twenty at 150×150, with the
study's augmentation or only rescaled. Ours are made ahead by as many threads as there are
processors, as in training; Keras makes one batch after the other, as it does. First it is
checked that both give the same batches. Figures are medians of rounds in turn, after one
round that warms up; the files are in the system's memory for both.
"""

from __future__ import annotations

import io
import os
import statistics
from collections import defaultdict
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasGenerator

from benchmarks.measuring import Row, arguments, report
from pykeras_tl.images import ImageDataGenerator, list_images
from pykeras_tl.images.iterators.prefetch import Prefetcher
from pykeras_tl.images.threads import default_workers, parallel_for

_STUDY = {
    "rescale": 1 / 255,
    "rotation_range": 10,
    "width_shift_range": 0.3,
    "height_shift_range": 0.3,
    "shear_range": 0.3,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}
_PLAIN = {"rescale": 1 / 255}
_IMAGES = 1000
_BATCH = 20
_OF_255 = 0.01 / 255


def flow_of(generator: Any, table: pd.DataFrame, **how: Any) -> Any:
    with redirect_stdout(io.StringIO()):  # "Found 1000 non-validated image filenames…"
        return generator.flow_from_dataframe(
            table,
            target_size=(150, 150),
            batch_size=_BATCH,
            seed=1,
            validate_filenames=False,
            **how,
        )


def check_same(ours: Any, theirs: Any, batches: int = 5) -> None:
    for _ in range(batches):
        (x, y), (expected, labels) = next(ours), next(theirs)
        if not np.array_equal(y, labels) or np.abs(x - expected).max() > _OF_255:
            raise SystemExit("Ours and Keras's batches differ; timing them would mean nothing.")


def rate_ahead(flow: Any, images: int) -> float:
    begin = perf_counter()
    specs = (flow.next_batch_spec() for _ in range(images // _BATCH))
    batches = Prefetcher(specs.__next__, partial(flow.compute_batch, workers=1), flow.threads)
    count = sum(len(x) for x, _ in batches)
    return count / (perf_counter() - begin)


def rate_in_turn(flow: Any, images: int) -> float:
    begin = perf_counter()
    count = sum(len(next(flow)[0]) for _ in range(images // _BATCH))
    return count / (perf_counter() - begin)


def decoding_rate(paths: list[str]) -> float:
    def decode(number: int) -> None:
        cv2.imread(paths[number], cv2.IMREAD_COLOR_RGB)

    begin = perf_counter()
    parallel_for(decode, len(paths), default_workers())
    return len(paths) / (perf_counter() - begin)


def contenders(table: pd.DataFrame) -> dict[str, Callable[[], float]]:
    """Make what is timed; every call is one round and gives images a second."""

    def ours(options: dict[str, Any], cache: bool) -> Any:
        return flow_of(ImageDataGenerator(**options), table, cache=cache)

    for options in (_STUDY, _PLAIN):
        check_same(ours(options, False), flow_of(KerasGenerator(**options), table))
        cached = ours(options, True)
        rate_ahead(cached, _IMAGES)
        cached.reset()
        cached.total_batches_seen = 0
        check_same(cached, flow_of(KerasGenerator(**options), table))
    augmented, cached, plain = ours(_STUDY, False), ours(_STUDY, True), ours(_PLAIN, False)
    peer, plain_peer = (flow_of(KerasGenerator(**options), table) for options in (_STUDY, _PLAIN))
    paths = list(table["filename"])
    return {
        "augmented": lambda: rate_ahead(augmented, _IMAGES),
        "keras augmented": lambda: rate_in_turn(peer, _IMAGES // 5),
        "cached": lambda: rate_ahead(cached, 3 * _IMAGES),
        "rescaled": lambda: rate_ahead(plain, _IMAGES),
        "keras rescaled": lambda: rate_in_turn(plain_peer, _IMAGES // 2),
        "decoding": lambda: decoding_rate(paths),
        "augmented, next(flow)": lambda: rate_in_turn(augmented, _IMAGES),
    }


def measure(table: pd.DataFrame, rounds: int) -> dict[str, float]:
    work = contenders(table)
    rates: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, one in work.items():
            rate = one()
            if number:
                rates[name].append(rate)
    return {name: statistics.median(values) for name, values in rates.items()}


def row(what: str, against: str, ours: float, peer: float, least: float) -> Row:
    ratio = ours / peer
    return Row(what, against, ours, peer, ratio, f"at least {least:g}", ratio >= least, "images/s")


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=7, help="rounds to take the median of")
    options = parser.parse_args()
    if options.rounds < 5:
        parser.error("--rounds should be 5 or more: a median of fewer says little")
    folder = Path(options.data) / "TRAIN"
    table = list_images(folder)
    table = table.iloc[:: max(1, len(table) // _IMAGES)].head(_IMAGES)
    rate = measure(table, options.rounds)
    keras, decode = "Keras's ImageDataGenerator", "OpenCV decoding alone, all processors"
    peer = rate["keras augmented"]
    report(
        [
            row("augmented, decoded each time", keras, rate["augmented"], peer, 15),
            row("augmented, cache warm", keras, rate["cached"], peer, 35),
            row("rescaled, decoded each time", keras, rate["rescaled"], rate["keras rescaled"], 6),
            row("augmented, decoded each time", decode, rate["augmented"], rate["decoding"], 0.5),
            row("rescaled, decoded each time", decode, rate["rescaled"], rate["decoding"], 0.5),
            row("augmented, next(flow) alone", keras, rate["augmented, next(flow)"], peer, 15),
        ],
        options.json,
    )


if __name__ == "__main__":
    main()
