r"""Training on augmented images: augmentation on the CPU against on the device that trains.

The same network is trained on the same images with the same random transforms, once with
`augment_on="cpu"` and once with `"device"`, each in turn, and images per second are counted in
the epochs after the first, which compiles. Beside it stand the images per second that the CPU
augments with nothing else to do, and what `fit` decides by itself. On a machine with a GPU the
device is the GPU; on others both are the CPU.

    python -m benchmarks.device_augmentation --backbone ResNet50 --cores 4 16 \
        --precisions float32 mixed_bfloat16 --json FILE
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from benchmarks.measuring import save
from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training import fit
from pykeras_tl.training.devices.augmentation import augments_on_device
from pykeras_tl.training.devices.augmentation_layer import AugmentationLayer, transform_inputs
from pykeras_tl.training.devices.precision import computing_in
from pykeras_tl.training.feature_cache.caching import FitInputs

_SETTINGS: dict[str, Any] = {
    "rotation_range": 15,
    "width_shift_range": 0.08,
    "height_shift_range": 0.08,
    "zoom_range": 0.15,
    "channel_shift_range": 15.0,
    "horizontal_flip": True,
    "fill_mode": "reflect",
}


class _Epochs(keras.callbacks.Callback):
    """Times the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._begun = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it."""
        self.seconds.append(perf_counter() - self._begun)


def main() -> None:
    """Measure, print a table, and write it with `--json`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2048, help="how many images to train on")
    parser.add_argument("--size", type=int, default=224, help="their height and width in pixels")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--backbone", default="MobileNetV2", help="of keras.applications")
    parser.add_argument(
        "--precisions", nargs="+", default=["float32"], help="such as mixed_bfloat16"
    )
    parser.add_argument("--cores", nargs="+", type=int, help="that may augment; all by default")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()

    random = np.random.RandomState(0)
    shape = (options.size, options.size, 3)
    images = random.randint(0, 256, (options.images, *shape)).astype("uint8")
    labels = np.eye(10, dtype="float32")[np.arange(options.images) % 10]
    cores = sorted(os.sched_getaffinity(0))

    def make_flow() -> Any:
        generator = ImageDataGenerator(rescale=1 / 255, **_SETTINGS)
        # Keras's iterators keep arrays as floating-point numbers; files would be bytes.
        flow = generator.flow(images, labels, batch_size=options.batch_size, seed=1)
        flow.x = images
        return flow

    def make_model() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = getattr(keras.applications, options.backbone)(
            weights=None, classes=10, input_shape=shape
        )
        model.compile("sgd", "categorical_crossentropy")
        return model

    def images_per_second(place: str, policy: str | None) -> float:
        epochs = _Epochs()
        fit(
            make_model(), make_flow(), epochs=options.epochs, callbacks=epochs, verbose=0,
            augment_on=place, mixed_precision=policy,
        )  # fmt: skip
        return options.images / min(epochs.seconds[1:])

    print(f"largest difference in gray levels: {_difference(make_flow()):.2g}", flush=True)
    rows = []
    for precision in options.precisions:
        policy = None if precision == "float32" else precision
        for count in options.cores or [len(cores)]:
            os.sched_setaffinity(0, cores[:count])
            row = {
                "precision": precision,
                "cores": count,
                "augmented": _augmented_per_second(make_flow()),
                "on_cpu": images_per_second("cpu", policy),
                "on_device": images_per_second("device", policy),
                "decided": _decided(make_model(), make_flow(), policy),
            }
            os.sched_setaffinity(0, cores)
            rows.append(row)
            print(json.dumps(row), flush=True)
            save(options.json, rows=rows)


def _decided(model: keras.Model, flow: Any, policy: str | None) -> str:
    with computing_in(model, policy):
        chosen = augments_on_device(FitInputs(model, flow, None), "auto", None)
    return "device" if chosen else "CPU"


def _augmented_per_second(flow: Any) -> float:
    batches = min(8, len(flow))
    next(flow)
    begun = perf_counter()
    count = sum(len(next(flow)[0]) for _ in range(batches))
    return count / (perf_counter() - begun)


def _difference(flow: Any) -> float:
    spec = flow.next_batch_spec()
    pixels = flow.compute_pixels(spec.indices)
    inputs = transform_inputs(spec.transforms, pixels.shape[1:], constant=False)
    augmented = keras.ops.convert_to_numpy(AugmentationLayer("reflect")([pixels, *inputs]))
    return float(np.abs(augmented - 255 * flow.compute_batch(spec)[0]).max())


if __name__ == "__main__":
    main()
