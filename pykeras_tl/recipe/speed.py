"""How fast this machine runs and trains a network: a short measurement, and what follows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import keras
import numpy as np

from ..models.backbones.registry import get_backbone
from ..models.keras_internals import nested_layers

_BATCH = 32
_REPEATS = 3


@dataclass(frozen=True)
class Speed:
    """Seconds that one image takes.

    Attributes:
        forward: Running the network.
        training: A training step in which all layers learn.
        shares: By stage, the share of the multiplications in it and all later ones, 0..1.
    """

    forward: float
    training: float
    shares: dict[str, float]

    def training_from(self, stage: str) -> float:
        """Return the seconds of a training step for one image, with the layers before frozen."""
        return self.forward + (self.training - self.forward) * self.shares[stage]


def measure_speed(model: keras.Model, backbone: str, train: bool = True) -> Speed:
    """Measure how fast a model with a backbone runs and trains on this machine.

    Args:
        model: As `transfer_model` builds it, with one size of images. It is not changed.
        backbone: The name of its backbone.
        train: Whether to measure training, which takes some seconds more; without, it is taken
            to be three times as slow as running, its usual ratio.

    Returns:
        The seconds for one image, and the share of the work in each stage.

    Example:
        >>> from pykeras_tl.models import transfer_model
        >>> model = transfer_model("mobilenet", 2, input_shape=(32, 32, 3), weights=None)
        >>> speed = measure_speed(model, "mobilenet", train=False)
        >>> 0 < speed.forward < speed.training
        True
    """
    images = np.random.default_rng(0).uniform(0, 255, (_BATCH, *model.input_shape[1:]))
    images = images.astype("float32")
    forward = _seconds(lambda: model.predict_on_batch(images)) / _BATCH
    training = 3 * forward
    if train:
        training = max(_training_seconds(model, images), 1.2 * forward)
    return Speed(forward, training, _shares(model, backbone))


def _training_seconds(model: keras.Model, images: np.ndarray) -> float:
    copy = keras.models.clone_model(model)
    copy.trainable = True
    units = copy.output_shape[-1]
    loss = "categorical_crossentropy" if units > 1 else "binary_crossentropy"
    copy.compile("adam", loss=loss)
    labels = np.zeros((_BATCH, units), "float32")
    labels[:, 0] = 1
    return _seconds(lambda: copy.train_on_batch(images, labels)) / _BATCH


def _seconds(step: object) -> float:
    """Return the time of the fastest of some calls, after one that compiles."""
    assert callable(step)
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
