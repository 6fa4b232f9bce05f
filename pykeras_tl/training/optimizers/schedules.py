"""Learning rate schedules by name: cosine with warm-up, and one-cycle."""

from __future__ import annotations

import keras

from ...models.saving.optimizers import OneCycle as OneCycle
from ...models.saving.optimizers import check_schedule

SCHEDULES = ("constant", "cosine", "one-cycle")


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
    check_schedule(peak=learning_rate, steps=steps, warmup=warmup or 0.5)
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
