"""Training steps and predictions with batch normalization folded into convolutions, and without.

EfficientNet-Lite 0 as `transfer_model` builds it, its batch normalization held, all layers trained.
Measured is processor time, in turn, which other work on the machine changes less than seconds.

    python -m benchmarks.folded_batch_norm --size 120 160 --json FILE
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from benchmarks.measuring import Row, faster, report
from pykeras_tl.models import freeze_batch_norm, transfer_model
from pykeras_tl.models.graph.nodes import flat_graph
from pykeras_tl.models.graph.subgraph import Subgraph
from pykeras_tl.models.layer_tree import flatten_layers

_BATCH, _ROUNDS = 32, 15


def _models(size: tuple[int, int]) -> tuple[keras.Model, keras.Model]:
    """Return a network and the same one with batch normalization folded; both share weights."""
    model = transfer_model("efficientnet_lite0", 4, input_shape=(*size, 3), weights=None, seed=0)
    for leaf in flatten_layers(model):
        leaf.layer.trainable = True
    freeze_batch_norm(model)
    graph = flat_graph(model)
    assert graph is not None
    folded = Subgraph(graph.nodes, graph.inputs, graph.outputs, model.trainable_variables)
    for each in (model, folded):
        each.compile(keras.optimizers.SGD(1e-6), "categorical_crossentropy")
    return model, folded


def _in_turn(plain: Callable[[], object], folded: Callable[[], object]) -> tuple[float, float]:
    """Return the median processor time of both for one image."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS + 2):
        for times, step in zip(seconds, (plain, folded)):
            begin = process_time()
            step()
            times.append(process_time() - begin)
    first, second = (statistics.median(times[2:]) / _BATCH for times in seconds)
    return first, second


def _products(model: keras.Model) -> float:
    """Return the processor time of a step's matrix products alone, for one image.

    The three products of each convolution of one pixel (forward, and the gradients of its kernel
    and its input) are most of the arithmetic; nothing that computes the same can leave them out.
    """
    import tensorflow as tf

    rng = np.random.default_rng(0)
    operands = []
    for leaf in flatten_layers(model):
        layer = leaf.layer
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1):
            rows = _BATCH * int(np.prod(layer.output.shape[1:3]))
            sizes = (rows, layer.kernel.shape[2]), layer.kernel.shape[2:], (rows, layer.filters)
            operands.append([tf.constant(rng.normal(size=each), tf.float32) for each in sizes])

    @tf.function
    def multiply(matrices: list[list[Any]]) -> list[Any]:
        return [
            product
            for x, kernel, gradient in matrices
            for product in (
                tf.matmul(x, kernel),
                tf.matmul(x, gradient, transpose_a=True),
                tf.matmul(gradient, kernel, transpose_b=True),
            )
        ]

    return _in_turn(lambda: multiply(operands), lambda: None)[0]


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", nargs=2, type=int, default=(120, 160), metavar="PIXELS")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    plain, folded = _models(tuple(given.size))
    x = np.random.default_rng(0).uniform(0, 255, (_BATCH, *given.size, 3)).astype("float32")
    y = np.eye(4, dtype="float32")[np.arange(_BATCH) % 4]
    assert np.allclose(plain.predict_on_batch(x), folded.predict_on_batch(x), atol=1e-5)
    peer, ours = _in_turn(lambda: plain.train_on_batch(x, y), lambda: folded.train_on_batch(x, y))
    rows = [faster("training step", "layer by layer", ours, peer, 1.3)]
    products = _products(plain)
    bound = Row(
        "training step", "its matrix products alone", ours, products, products / ours, "", True
    )
    peer, ours = _in_turn(lambda: plain.predict_on_batch(x), lambda: folded.predict_on_batch(x))
    rows += [faster("forward pass", "layer by layer", ours, peer, 1.3), bound]
    report(rows, given.json)


if __name__ == "__main__":
    main()
