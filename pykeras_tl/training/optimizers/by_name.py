"""Optimizers by name, with `lr` and `decay` in their Keras 2 meaning."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras

from ...models.saving.optimizers import NOT_DECAYED
from .layer_rates import LayerRates, with_layer_rates


def make_optimizer(
    optimizer: str | type[keras.optimizers.Optimizer] | keras.optimizers.Optimizer,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule | None = None,
    decay: float = 0.0,
    layer_rates: LayerRates | None = None,
    model: keras.Model | None = None,
    **options: Any,
) -> keras.optimizers.Optimizer:
    """Make an optimizer from its name, or return one unchanged.

    Keras 3 raises on `lr` and ignores `decay`. Here `lr` means `learning_rate`, and `decay`
    is the schedule that it was in Keras 2: `learning_rate / (1 + decay * iterations)`, where
    an iteration is one batch. Where weights decay (`"adamw"`, or `weight_decay`), biases and the
    scale and offset of normalization do not; those of an optimizer that is passed do as Keras
    does it.

    Args:
        optimizer: A name in any case (`"adam"`, `"RMSprop"`, `"SGD"`, ...), a class of
            `keras.optimizers`, or an optimizer. An optimizer is returned unchanged and takes
            no further argument but `layer_rates`.
        learning_rate: Above 0, or a Keras schedule (without `decay`); the class's default when
            None.
        decay: 0 or above; 0 keeps the learning rate constant.
        layer_rates: Discriminative learning rates: a number by which the rate falls from one
            stage to the one before it, or stages or layers to multipliers of the rate, as
            `layer_rate_table` describes.
        model: With `layer_rates`, the model, frozen as it will be trained.
        **options: Further arguments of the class, such as `momentum` or `clipnorm`. Those
            that are None keep the class's default.

    Returns:
        The optimizer.

    Raises:
        ValueError: For an unknown name, or a learning rate or decay out of range.
        TypeError: For an option that the optimizer does not have, an `optimizer` of
            another type, or `layer_rates` without `model`.

    Example:
        >>> optimizer = make_optimizer("Adam", lr=1e-4, decay=1e-6)
        >>> type(optimizer).__name__, round(float(optimizer.learning_rate), 7)
        ('Adam', 0.0001)
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="scores")])
        >>> type(make_optimizer("adamw", 1e-3, layer_rates=0.5, model=model)).__name__
        'LayerwiseAdamW'

    Source:
        `keras.optimizers`; the schedule is `keras.optimizers.schedules.InverseTimeDecay`.
    """
    made = _make_optimizer(optimizer, learning_rate, decay, options)
    if layer_rates is None:
        return made
    if model is None:
        raise TypeError("Expected `model` with `layer_rates`. Received: layer_rates alone.")
    return with_layer_rates(made, model, layer_rates)


def _make_optimizer(
    optimizer: Any, learning_rate: Any, decay: float, options: dict[str, Any]
) -> keras.optimizers.Optimizer:
    if "lr" in options:
        learning_rate = _one_rate(learning_rate, options.pop("lr"))
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate is not None or decay or options:
            raise TypeError(
                f"The optimizer is already a {type(optimizer).__name__} object: pass its settings "
                "where it is made, or pass its name here."
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
    made = kind(learning_rate=learning_rate_schedule(learning_rate, decay), **options)
    if made.weight_decay:
        made.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return made


def _one_rate(learning_rate: Any, lr: Any) -> Any:
    if learning_rate is not None and lr is not None:
        raise TypeError("Pass learning_rate or lr (its old name), not both.")
    return lr if learning_rate is None else learning_rate


def learning_rate_schedule(learning_rate: Any, decay: float) -> Any:
    """Return Keras 2's schedule of a learning rate with `decay`, or the plain rate.

    Args:
        learning_rate: A number above 0, or a Keras schedule (then without decay).
        decay: 0 or above.

    Returns:
        A number, or `InverseTimeDecay`: `learning_rate / (1 + decay * iterations)`.

    Raises:
        ValueError: When a number is out of range.

    Example:
        >>> schedule = learning_rate_schedule(1.0, 0.5)
        >>> float(schedule(2))
        0.5
    """
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        if decay:
            raise ValueError("With decay, learning_rate should be a number. Received: a schedule")
        return learning_rate
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate should be above 0. Received: {learning_rate}")
    if not (math.isfinite(decay) and decay >= 0):
        raise ValueError(f"decay should be 0 or above. Received: {decay}")
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
            "optimizer should be a name such as 'adam', a class of keras.optimizers or an "
            f"optimizer. Received: {type(optimizer).__name__}"
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
        raise ValueError(f"Unknown optimizer {optimizer!r}. Known optimizers: {names}.")
    return classes[wanted]
