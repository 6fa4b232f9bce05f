"""Learning rate schedules by name: cosine with warm-up, and one-cycle."""

from __future__ import annotations

import math
from typing import Any

import keras

SCHEDULES = ("constant", "cosine", "one-cycle")


@keras.saving.register_keras_serializable(package="pykeras_tl")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """The one-cycle schedule: the learning rate rises to its peak, then falls far below its start.

    Both parts are halves of a cosine, as in fastai and in torch's `OneCycleLR`. After `steps`
    the rate stays at its lowest.

    Args:
        peak: The highest learning rate, above 0.
        steps: Number of batches in training, at least 1.
        warmup: The part of the steps in which the rate rises, above 0 and below 1.
        div_factor: The first rate is `peak / div_factor`; at least 1.
        final_div_factor: The last rate is the first one divided by this; at least 1.

    Raises:
        ValueError: When an argument is out of range.

    Example:
        >>> schedule = OneCycle(1.0, steps=100, warmup=0.3, div_factor=25, final_div_factor=1e4)
        >>> [round(float(schedule(step)), 6) for step in (0, 15, 30, 65, 100)]
        [0.04, 0.52, 1.0, 0.500002, 4e-06]

    Source:
        Smith and Topin, Super-Convergence, 2018; the shape and the defaults are those of torch's
        `torch.optim.lr_scheduler.OneCycleLR`. The momentum, which some vary against the rate,
        stays constant.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        super().__init__()
        _check(peak=peak, steps=steps, warmup=warmup)
        if not (div_factor >= 1 and final_div_factor >= 1):
            raise ValueError(
                "Expected div_factor and final_div_factor to be at least 1. "
                f"Received: {div_factor}, {final_div_factor}."
            )
        self.peak = float(peak)
        self.steps = int(steps)
        self.warmup = float(warmup)
        self.div_factor = float(div_factor)
        self.final_div_factor = float(final_div_factor)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, from 0.

        Args:
            step: Number of batches trained before, a number or a tensor.

        Returns:
            The rate, a scalar tensor.
        """
        first = self.peak / self.div_factor
        last = first / self.final_div_factor
        rise = self.warmup * self.steps
        done = keras.ops.cast(step, "float32")
        up = _half_cosine(first, self.peak, done / rise)
        down = _half_cosine(self.peak, last, (done - rise) / (self.steps - rise))
        return keras.ops.where(done < rise, up, down)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
            "div_factor": self.div_factor,
            "final_div_factor": self.final_div_factor,
        }


def make_schedule(
    name: str, learning_rate: float, steps: int, warmup: float | None = None
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Make a learning rate schedule from its name, for `make_optimizer`.

    Args:
        name: `"constant"`; `"cosine"`, which falls to 0 on half a cosine; or `"one-cycle"`, which
            rises on half a cosine and falls on another (`OneCycle`).
        learning_rate: The highest learning rate, above 0.
        steps: Number of batches in training: epochs times `len(flow)`.
        warmup: The part of the steps in which the rate rises to `learning_rate`, from 0 to below
            1: linearly from 0 for `"constant"` and `"cosine"`, where the default is 0; 0.3 by
            default for `"one-cycle"`.

    Returns:
        A schedule, or the plain learning rate for `"constant"` without warm-up.

    Raises:
        ValueError: When the name is unknown or a number is out of range.

    Example:
        >>> schedule = make_schedule("cosine", 0.1, steps=100, warmup=0.1)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 55, 100)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
        >>> optimizer = make_schedule("one-cycle", 0.1, steps=100)

    Source:
        `keras.optimizers.schedules.CosineDecay`, after Loshchilov and Hutter, SGDR, 2017; linear
        warm-up after Goyal et al., Accurate, Large Minibatch SGD, 2017.
    """
    if name not in SCHEDULES:
        raise ValueError(
            f"Unknown schedule {name!r}. Known schedules: {', '.join(map(repr, SCHEDULES))}."
        )
    if name == "one-cycle":
        return OneCycle(learning_rate, steps, 0.3 if warmup is None else warmup)
    _check(peak=learning_rate, steps=steps, warmup=warmup or 0.5)
    rising = round((warmup or 0) * steps)
    if name == "constant" and not rising:
        return float(learning_rate)
    if not rising:
        return keras.optimizers.schedules.CosineDecay(float(learning_rate), steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - rising,
        alpha=1.0 if name == "constant" else 0.0,
        warmup_target=float(learning_rate),
        warmup_steps=rising,
    )


def _half_cosine(start: float, end: float, done: Any) -> Any:
    done = keras.ops.clip(done, 0.0, 1.0)
    return end + (start - end) / 2 * (1 + keras.ops.cos(math.pi * done))


def _check(peak: float, steps: int, warmup: float) -> None:
    if not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"Expected a learning rate above 0. Received: {peak}.")
    if steps != int(steps) or steps < 1:
        raise ValueError(f"Expected a whole number of steps, at least 1. Received: {steps}.")
    if not 0 < warmup < 1:
        raise ValueError(f"Expected warmup to be a part of the steps below 1. Received: {warmup}.")
