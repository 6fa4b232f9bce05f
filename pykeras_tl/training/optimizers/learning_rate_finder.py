"""The learning rate range test: which learning rates a model can be trained at."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator as IteratorOf
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from ...images.iterators.base import Iterator
from ...models.keras_internals import compile_arguments, functional_graph
from ..batch_augmentation import AugmentedBatches, BatchAugmentation, make_batch_augmenter
from ..checkpoints.random_state import TorchRandomState
from ..checks import arguments as checks
from ..data_adapter import batches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_logger = logging.getLogger(__name__)

_SMOOTHING = 0.98
# The loss has diverged at this many times the lowest one.
_DIVERGED = 4


@dataclass(frozen=True)
class LearningRateTest:
    """The result of a learning rate range test.

    Attributes:
        table: One row for each batch: `learning_rate`, `loss`, and `smoothed_loss`, its moving
            average.
        suggestion: A tenth of the rate at which the smoothed loss is lowest: a good highest rate
            of a schedule.
        steepest: The rate at which the smoothed loss falls most.
    """

    table: pd.DataFrame
    suggestion: float
    steepest: float

    def plot(self) -> Figure:
        """Plot the loss against the learning rate.

        Returns:
            A matplotlib figure without a window; notebooks show it.
        """
        from ...visualization.learning_rate_curve import plot_learning_rates

        return plot_learning_rates(self.table, self.suggestion)


def lr_find(
    model: keras.Model,
    flow: Iterator,
    *,
    lowest: float = 1e-7,
    highest: float = 1.0,
    steps: int = 100,
    batch_augmentation: BatchAugmentation | None = None,
    workers: int | None = None,
) -> LearningRateTest:
    """Train at ever higher learning rates, and see how the loss changes.

    The rate rises by the same factor after each batch, from `lowest` to `highest`, until the loss
    has diverged. Afterwards model and flow are as they were: weights, the optimizer's state and
    the position in the data.

    Args:
        model: The compiled model, functional or sequential, frozen as it will be trained. The
            test uses an optimizer with the settings of its own one, learning rates by layer
            included, in which `highest` stands for the full rate.
        flow: The iterator to train on.
        lowest: The first learning rate, above 0.
        highest: The last one, above `lowest`.
        steps: Batches to train, at least 10.
        batch_augmentation: As in `fit`.
        workers: Number of threads that read images; the flow's own by default.

    Returns:
        The learning rates with their losses, a suggestion, and a plot.

    Raises:
        ValueError: When the model is not compiled, data and model do not fit, or an argument is
            out of range.

    Example:
        >>> from pykeras_tl.images.image_data_generator import ImageDataGenerator
        >>> keras.utils.set_random_seed(0)
        >>> layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> model = keras.Sequential(layers)
        >>> model.compile("sgd", loss="mse")
        >>> images, labels = np.random.RandomState(0).rand(16, 4, 4, 1), np.eye(2)[[0, 1] * 8]
        >>> flow = ImageDataGenerator().flow(images, labels, batch_size=8, seed=0)
        >>> test = lr_find(model, flow, lowest=1e-4, steps=50)
        >>> list(test.table), len(test.table)
        (['learning_rate', 'loss', 'smoothed_loss'], 50)
        >>> 1e-4 < test.suggestion < 0.1
        True

    Source:
        Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3. Smoothing,
        the end at four times the lowest loss and the suggestion are fastai's.
    """
    if not (0 < lowest < highest and math.isfinite(highest)):
        raise ValueError(
            f"Expected 0 < lowest < highest. Received: lowest={lowest}, highest={highest}."
        )
    if steps != int(steps) or steps < 10:
        raise ValueError(f"Expected a whole number of steps, at least 10. Received: {steps}.")
    checks.check_data(flow, "The data to train on")
    checks.check_model(model, flow)
    if functional_graph(model) is None:
        raise ValueError(
            "Expected a functional or sequential model. Received: a model of class "
            f"{type(model).__name__}."
        )
    augmenter = make_batch_augmenter(batch_augmentation, flow) if batch_augmentation else None
    source: Any = flow if augmenter is None else AugmentedBatches(flow, augmenter)
    rates = lowest * (highest / lowest) ** (np.arange(steps) / (steps - 1))
    with _unchanged(model, flow):
        probe = _probe(model, lowest, highest, steps)
        stream = batches(source.next_batch_spec, source, workers)
        try:
            losses, smoothed = _losses(probe, stream, steps)
        finally:
            stream.close()
    return _result(rates[: len(losses)], losses, smoothed)


@contextmanager
def _unchanged(model: keras.Model, flow: Iterator) -> IteratorOf[None]:
    """Restore a model's variables and an iterator's position."""
    state = flow.get_state()
    values = [np.array(keras.ops.convert_to_numpy(each)) for each in model.variables]
    random = TorchRandomState() if keras.backend.backend() == "torch" else None
    if random is not None:
        random.on_train_begin()
    try:
        yield
    finally:
        flow.set_state(state)
        for variable, value in zip(model.variables, values):
            variable.assign(value)
        if random is not None:
            random.on_train_end()


def _probe(model: keras.Model, lowest: float, highest: float, steps: int) -> keras.Model:
    """Return a model with the same weights, and an optimizer of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rising = keras.optimizers.schedules.ExponentialDecay(lowest, steps - 1, highest / lowest)
    config = {**optimizer.get_config(), "learning_rate": rising}
    arguments = compile_arguments(model)
    inputs, outputs = (
        each[0] if len(each) == 1 else each for each in (model.inputs, model.outputs)
    )
    probe = keras.Model(inputs, outputs)
    probe.compile(
        type(optimizer).from_config(config),
        loss=arguments["loss"],
        loss_weights=arguments["loss_weights"],
        jit_compile=model.jit_compile,
    )
    return probe


def _losses(probe: keras.Model, stream: Any, steps: int) -> tuple[list[float], list[float]]:
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for step in range(1, steps + 1):
        x, y, *weights = next(stream)
        probe.reset_metrics()
        loss = float(probe.train_on_batch(x, y, *(weights[:1] or [None]), return_dict=True)["loss"])
        if not math.isfinite(loss):
            break
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(average / (1 - _SMOOTHING**step))
        if smoothed[-1] > _DIVERGED * min(smoothed):
            break
    if not losses:
        raise ValueError(
            "Expected a finite loss at the first batch. Received: one that is not. Look for "
            "images, labels and weights that are not finite."
        )
    return losses, smoothed


def _result(rates: np.ndarray, losses: list[float], smoothed: list[float]) -> LearningRateTest:
    table = pd.DataFrame({"learning_rate": rates, "loss": losses, "smoothed_loss": smoothed})
    best = int(np.argmin(smoothed))
    if best == 0:
        _logger.warning(
            "The loss never fell: lower rates than %.1e, or another network or scaling of the "
            "images, may be needed.",
            rates[0],
        )
    slopes = np.gradient(smoothed, np.log(rates)) if len(losses) > 1 else np.zeros(1)
    # Past the lowest point the loss rises, and single steps down mean nothing.
    steepest = int(np.argmin(slopes[: best + 1]))
    return LearningRateTest(table, float(rates[best] / 10), float(rates[steepest]))
