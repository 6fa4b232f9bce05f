"""How fast this machine runs and trains a network: a short measurement, and what follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np

from ..images.iterators.base import Iterator
from ..models.backbones.registry import get_backbone
from ..models.graph.inference_model import inference_model
from ..models.keras_internals import nested_layers

_REPEATS = 3


# A training step runs the network once forward and once backward, at so many times the cost:
# measured with EfficientNet-Lite 0 (`benchmarks/folded_batch_norm.py`).
_BACKWARD = 2.8


@dataclass(frozen=True)
class Speed:
    """Seconds that one image takes.

    Attributes:
        forward: Running the network.
        reading: Reading the image.
        shares: By stage, the share of the multiplications in it and all later ones, 0..1.
    """

    forward: float
    reading: float
    shares: dict[str, float]

    def training_from(self, stage: str) -> float:
        """Return the seconds of a training step for one image, with the layers before frozen."""
        return self.reading + self.forward * (1 + _BACKWARD * self.shares[stage])

    def scaled(self, factor: float) -> Speed:
        """Return what it would be if the network had so many times the work."""
        return replace(self, forward=factor * self.forward)


def measure_speed(model: keras.Model, backbone: str, flow: Iterator) -> Speed:
    """Measure how fast a model with a backbone runs on this machine.

    Args:
        model: As `transfer_model` builds it, with one size of images. It is not changed.
        backbone: The name of its backbone.
        flow: Images of that size, in batches.

    Returns:
        The seconds for one image, and the share of the work in each stage.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> from pykeras_tl.models import transfer_model
        >>> model = transfer_model("mobilenet", 2, input_shape=(32, 32, 3), weights=None)
        >>> flow = ImageDataGenerator().flow(np.zeros((8, 32, 32, 3)), batch_size=8)
        >>> speed = measure_speed(model, "mobilenet", flow)
        >>> 0 < speed.training_from("block13") < speed.training_from("block1")
        True
    """
    spec = flow.next_batch_spec()
    flow.reset()
    batch = flow.compute_batch(spec)
    images = batch[0] if isinstance(batch, tuple) else batch
    predicting = inference_model(model)
    forward = _seconds(lambda: predicting.predict_on_batch(images)) / len(images)
    reading = _seconds(lambda: flow.compute_batch(spec)) / len(images)
    return Speed(forward, reading, _shares(model, backbone))


def _seconds(step: Callable[[], object]) -> float:
    """Return the median time of some calls, after one that compiles."""
    step()
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def _shares(model: keras.Model, backbone: str) -> dict[str, float]:
    base = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    counts = {layer.name: multiplications(layer) for layer in nested_layers(base)}
    names = [layer.name for layer in base.layers]
    total = sum(counts.values()) or 1
    shares = {}
    for stage, (first, _) in get_backbone(backbone).stage_layers(base).items():
        start = names.index(first)
        shares[stage] = sum(counts.get(name, 0) for name in names[start:]) / total
    return shares


def multiplications(layer: keras.Layer) -> int:
    """Return how many multiplications a convolution or dense layer does for one image.

    Args:
        layer: A built layer with one input and one output.

    Returns:
        The number; 0 for all other layers.

    Example:
        >>> layers = keras.layers
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, padding="same")])
        >>> multiplications(model.layers[0])
        6912
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None or not isinstance(
        layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense
    ):
        return 0
    shape = layer.output.shape[1:-1]
    places = int(np.prod([side or 1 for side in shape])) if shape else 1
    return places * int(np.prod(kernel.shape))
