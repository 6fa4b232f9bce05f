"""What each augmentation and each way to resize costs an image, beside decoding its JPEG file.

Images of TRAIN, 320×240, become 120×160 and 224×224, on one thread: first resized in each way,
then transformed with one setting each. Ours and Keras's take turns on the same images and the
same random parameters; each figure is the smallest mean of the rounds, which other work on the
machine disturbs least. A setting that costs more than decoding is marked, unless reading memory
bounds it: whitening reads a matrix of the square of an image's values, so its images are 32×32.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

from benchmarks.measuring import Row, arguments, report
from pykeras_tl.images import ImageDataGenerator, list_images
from pykeras_tl.images.decoding.reading import read_image
from pykeras_tl.images.decoding.resizing import INTERPOLATIONS, crop_box, resize
from pykeras_tl.images.transforms.pipeline import ImagePipeline
from pykeras_tl.images.transforms.sampling import sample_batch_params

_SIZES = ((120, 160), (224, 224))
_WARPS: dict[str, dict[str, Any]] = {
    "rotation": {"rotation_range": 30},
    "shifts": {"width_shift_range": 0.2, "height_shift_range": 0.2},
    "shear": {"shear_range": 20},
    "zoom": {"zoom_range": 0.3},
}
_ALL_WARPS = {name: value for warp in _WARPS.values() for name, value in warp.items()}
_SETTINGS: dict[str, dict[str, Any]] = {
    **_WARPS,
    "all four": _ALL_WARPS,
    "all four, reflect": {**_ALL_WARPS, "fill_mode": "reflect"},
    "all four, constant": {**_ALL_WARPS, "fill_mode": "constant"},
    "all four, wrap": {**_ALL_WARPS, "fill_mode": "wrap"},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "channel shift": {"channel_shift_range": 30},
    "brightness": {"brightness_range": (0.5, 1.5)},
    "all four and brightness": {**_ALL_WARPS, "brightness_range": (0.5, 1.5)},
    "all four, channel shift, brightness": {
        **_ALL_WARPS,
        "channel_shift_range": 30,
        "brightness_range": (0.5, 1.5),
    },
    "rescale": {"rescale": 1 / 255},
    "feature-wise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "sample-wise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "sample-wise, all four": {**_ALL_WARPS, "samplewise_center": True},
}
_ZCA_SIZE = (32, 32)


def milliseconds(work: list[Callable[[], None]], images: int, rounds: int) -> list[float]:
    """Time pieces of work in turn; each goes through all images."""
    best = [float("inf")] * len(work)
    for _ in range(rounds):
        for number, one in enumerate(work):
            begin = process_time()
            one()
            best[number] = min(best[number], (process_time() - begin) * 1000 / images)
    return best


def resizing(
    decoded: list[np.ndarray], size: tuple[int, int], method: str, keep: bool
) -> list[Callable[[], None]]:
    target = (size[1], size[0])
    pillow = [Image.fromarray(image) for image in decoded]

    def ours() -> None:
        for image in decoded:
            resize(image, size, method, keep)

    def keras() -> None:  # What `load_img` and `img_to_array` do after decoding.
        for image in pillow:
            box = crop_box((image.height, image.width), size, keep)
            np.asarray(image.resize(target, INTERPOLATIONS[method], box), np.float32)

    for image, other in zip(decoded, pillow, strict=True):
        box = crop_box((other.height, other.width), size, keep)
        expected = np.asarray(other.resize(target, INTERPOLATIONS[method], box))
        if not np.array_equal(resize(image, size, method, keep), expected):
            raise SystemExit(f"Ours and Pillow's pixels differ ({method}).")
    return [ours, keras]


def transforming(images: list[np.ndarray], settings: dict[str, Any]) -> list[Callable[[], None]]:
    ours, theirs = ImageDataGenerator(**settings), KerasGenerator(**settings)
    height, width, channels = images[0].shape
    params = sample_batch_params(ours, height, width, len(images), np.random.RandomState(0))
    single = [params.one(number) for number in range(len(images))]
    for name in ("mean", "std"):
        value = np.full((1, 1, channels), 128, np.float32)
        setattr(ours, name, value)
        setattr(theirs, name, value)
    if ours.zca_whitening:
        values = height * width * channels
        matrix = np.random.default_rng(0).normal(size=(values, values)).astype(np.float32)
        ours.zca_whitening_matrix = theirs.zca_whitening_matrix = matrix
        ours.mean = theirs.mean = np.zeros((1, 1, channels), np.float32)
    pipeline = ImagePipeline(ours, "channels_last", np.dtype("float32"))
    batch = np.empty((len(images), *images[0].shape), np.float32)
    expected = np.empty_like(batch)

    def run_ours() -> None:
        for number, image in enumerate(images):
            pipeline.run(image, params, number, batch[number])

    def run_theirs() -> None:
        for number, image in enumerate(images):
            x = theirs.apply_transform(image.astype(np.float32), single[number])
            expected[number] = theirs.standardize(x)

    run_ours()
    run_theirs()
    if np.abs(batch - expected).max() > 0.01:
        raise SystemExit(f"Ours and Keras's pixels differ ({settings}).")
    return [run_ours, run_theirs]


def row(what: str, ours: float, peer: float, decoding: float, bounded: bool = True) -> Row:
    wanted = f"under {decoding:.3g} ms" if bounded else "read from memory"
    reached = ours < decoding or not bounded
    return Row(what, "Keras", ours, peer, peer / ours, wanted, reached, "ms")


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--images", type=int, default=60, help="images of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the best counts")
    options = parser.parse_args()
    table = list_images(Path(options.data) / "TRAIN")
    paths = table["filename"].iloc[:: max(1, len(table) // options.images)].head(options.images)
    files = [np.fromfile(path, np.uint8) for path in paths]
    decoded = [read_image(path) for path in paths]
    count = len(files)

    def decode() -> None:
        for file in files:
            cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)

    def decode_with_pillow() -> None:
        for path in paths:
            Image.open(path).load()

    cv2.setNumThreads(1)
    decoding, pillow = milliseconds([decode, decode_with_pillow], count, options.rounds)
    rows = [Row("decoding", "Keras", decoding, pillow, pillow / decoding, "-", True, "ms")]
    for size in _SIZES:
        suffix = f", {size[0]}×{size[1]}"
        for method in INTERPOLATIONS:
            for keep in (False, True):
                work = resizing(decoded, size, method, keep)
                ours, peer = milliseconds(work, count, options.rounds)
                name = method + (", keep_aspect_ratio" if keep else "")
                rows.append(row(name + suffix, ours, peer, decoding))
        images = [resize(image, size) for image in decoded]
        for name, settings in _SETTINGS.items():
            ours, peer = milliseconds(transforming(images, settings), count, options.rounds)
            rows.append(row(name + suffix, ours, peer, decoding))
    small = [resize(image, _ZCA_SIZE) for image in decoded]
    work = transforming(small, {"zca_whitening": True})
    ours, peer = milliseconds(work, count, options.rounds)
    rows.append(row("whitening, 32×32", ours, peer, decoding, bounded=False))
    report(rows, options.json)


if __name__ == "__main__":
    main()
