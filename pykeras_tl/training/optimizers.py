"""Optimizers by name, with the old `lr` and `decay` in their old meaning."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras


def make_optimizer(
    optimizer: str | type[keras.optimizers.Optimizer] | keras.optimizers.Optimizer,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule | None = None,
    decay: float = 0.0,
    **options: Any,
) -> keras.optimizers.Optimizer:
    """Make an optimizer from its name, or take one as it is.

    Keras 3 raises on `lr` and ignores `decay`. Here `lr` means `learning_rate`, and `decay`
    is the schedule that it was in Keras 2: `learning_rate / (1 + decay * iterations)`, where
    an iteration is one batch.

    Args:
        optimizer: A name in any case (`"adam"`, `"RMSprop"`, `"SGD"`, ...), a class of
            `keras.optimizers`, or an optimizer. An optimizer is returned as it is and takes
            no further argument.
        learning_rate: Above 0; the class's own default when `None`. A schedule of Keras is
            taken too, without `decay`.
        decay: 0 or above; 0 keeps the rate constant.
        **options: Further arguments of the class, such as `momentum` or `clipnorm`. Those
            that are `None` keep the class's default.

    Returns:
        The optimizer.

    Raises:
        ValueError: For an unknown name or a rate or decay out of range.
        TypeError: For an option that the optimizer does not have, or `optimizer` of
            another kind.

    Example:
        >>> optimizer = make_optimizer("Adam", lr=1e-4, decay=1e-6)
        >>> type(optimizer).__name__, round(float(optimizer.learning_rate), 7)
        ('Adam', 0.0001)

    Source:
        `keras.optimizers`; the schedule is `keras.optimizers.schedules.InverseTimeDecay`.
    """
    if "lr" in options:
        learning_rate = _one_rate(learning_rate, options.pop("lr"))
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate is not None or decay or options:
            raise TypeError(
                f"The optimizer is a {type(optimizer).__name__} object already: give its "
                "settings where it is made, or give its name here."
            )
        return optimizer
    kind = _optimizer_class(optimizer)
    known = inspect.signature(kind.__init__).parameters
    unknown = sorted(set(options) - (set(known) - {"self", "kwargs"}))
    if unknown:
        raise TypeError(
            f"{kind.__name__} has no argument {', '.join(map(repr, unknown))}. It has "
            f"{', '.join(name for name in known if name not in ('self', 'kwargs'))} and decay."
        )
    if learning_rate is None:
        learning_rate = known["learning_rate"].default
    return kind(learning_rate=_schedule(learning_rate, decay), **options)


def _one_rate(learning_rate: Any, lr: Any) -> Any:
    if learning_rate is not None and lr is not None:
        raise TypeError("Give learning_rate or lr (its old name), not both.")
    return lr if learning_rate is None else learning_rate


def _schedule(learning_rate: Any, decay: float) -> Any:
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        if decay:
            raise ValueError("decay needs a plain number as learning_rate; received a schedule.")
        return learning_rate
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be above 0; received {learning_rate}.")
    if not (math.isfinite(decay) and decay >= 0):
        raise ValueError(f"decay must be 0 or above; received {decay}.")
    if decay == 0:
        return float(learning_rate)
    return keras.optimizers.schedules.InverseTimeDecay(
        float(learning_rate), decay_steps=1, decay_rate=float(decay)
    )


def _optimizer_class(optimizer: Any) -> type[keras.optimizers.Optimizer]:
    if inspect.isclass(optimizer) and issubclass(optimizer, keras.optimizers.Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(
            "optimizer must be a name such as 'adam', a keras.optimizers class or an "
            f"optimizer; received {type(optimizer).__name__}."
        )
    classes = {
        name.lower(): kind
        for name, kind in vars(keras.optimizers).items()
        if inspect.isclass(kind)
        and issubclass(kind, keras.optimizers.Optimizer)
        and kind is not keras.optimizers.Optimizer
        and name != "LossScaleOptimizer"
    }
    wanted = optimizer.lower().replace("_", "").replace("-", "")
    if wanted not in classes:
        names = ", ".join(sorted(kind.__name__ for kind in classes.values()))
        raise ValueError(f"There is no optimizer {optimizer!r}. There are {names}.")
    return classes[wanted]
