"""Optimizers and schedules of this package, which a saved model may name.

They stand here, so that a model that was trained with them can be loaded without `training`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import keras

# Biases, and the scale and offset of normalization, by Keras's names of weights.
NOT_DECAYED = ("bias", "gamma", "beta")
# They wrap other optimizers, or treat weights in groups of their own.
_WITHOUT_LAYER_RATES = {"LossScaleOptimizer", "Muon"}


class _LayerwiseOptimizer(keras.optimizers.Optimizer):
    """Adds learning rates by layer to an optimizer class; goes before it among the bases.

    Args:
        layer_rates: The multiplier of each trainable weight, in the model's order; no names,
            since Keras numbers them by what was built before in the session.
        **options: The arguments of the optimizer class.
    """

    def __init__(self, *, layer_rates: Sequence[float], **options: Any) -> None:
        self.weight_decay: float | None
        super().__init__(**options)
        self._layer_rates = tuple(layer_rates)
        # Applied in `update_step`, since Keras's own decay knows only one learning rate.
        self._scaled_weight_decay: float | None = self.weight_decay
        self.weight_decay = None

    def build(self, variables: list[Any]) -> None:
        """Look up the multipliers of the variables.

        Args:
            variables: The model's trainable variables.

        Raises:
            ValueError: When there are more or fewer than when the optimizer was made.
        """
        if len(variables) != len(self._layer_rates):
            raise ValueError(
                f"Expected the {len(self._layer_rates)} weights that were trainable when the "
                f"optimizer was made. Received: {len(variables)}. Freeze or unfreeze layers "
                "first, then make the optimizer."
            )
        self._decayed = tuple(
            self._scaled_weight_decay is not None and _is_decayed(variable)
            for variable in variables
        )
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable at its own learning rate.

        Args:
            gradient: Its gradient.
            variable: The variable.
            learning_rate: The rate at multiplier 1.
        """
        index = self._get_variable_index(variable)
        rate = keras.ops.cast(learning_rate, variable.dtype) * self._layer_rates[index]
        if self._decayed[index]:
            self.assign_sub(variable, variable * rate * self._scaled_weight_decay)
        super().update_step(gradient, variable, rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config: dict[str, Any] = super().get_config()
        decay = {"weight_decay": self._scaled_weight_decay}
        return {**config, **decay, "layer_rates": list(self._layer_rates)}


def _is_decayed(variable: Any) -> bool:
    return re.search("|".join(NOT_DECAYED), variable.name) is None


def _public_optimizers() -> dict[str, type[keras.optimizers.Optimizer]]:
    return {
        name: kind
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type)
        and issubclass(kind, keras.optimizers.Optimizer)
        and kind is not keras.optimizers.Optimizer
        and name not in _WITHOUT_LAYER_RATES
    }


# Made here, and not when first used, so that saved models find them by name.
_LAYERWISE = {
    kind: keras.saving.register_keras_serializable(package="pykeras_tl")(
        type(f"Layerwise{name}", (_LayerwiseOptimizer, kind), {"__module__": __name__})
    )
    for name, kind in _public_optimizers().items()
}


def layerwise_class(optimizer: keras.optimizers.Optimizer) -> Any:
    """Return the class with learning rates by layer that goes with an optimizer's class.

    Args:
        optimizer: An optimizer of Keras.

    Raises:
        TypeError: When there is none.

    Example:
        >>> layerwise_class(keras.optimizers.SGD()).__name__
        'LayerwiseSGD'
    """
    # On torch, an Adam is of a class of its own, derived from the public one.
    public = [kind for kind in type(optimizer).__mro__ if kind in _LAYERWISE]
    if not public or not type(optimizer).__module__.startswith("keras."):
        raise TypeError(
            "Expected one of Keras's optimizers with `layer_rates`: "
            f"{', '.join(sorted(kind.__name__ for kind in _LAYERWISE))}. Received: "
            f"{type(optimizer).__name__}."
        )
    return _LAYERWISE[public[0]]


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
        check_schedule(peak=peak, steps=steps, warmup=warmup)
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


def _half_cosine(start: float, end: float, done: Any) -> Any:
    done = keras.ops.clip(done, 0.0, 1.0)
    return end + (start - end) / 2 * (1 + keras.ops.cos(math.pi * done))


def check_schedule(peak: float, steps: int, warmup: float) -> None:
    """Check the numbers of a schedule.

    Args:
        peak: The highest learning rate.
        steps: Number of batches in training.
        warmup: The part of them in which the rate rises.

    Raises:
        ValueError: When one is out of range.
    """
    if not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"Expected a learning rate above 0. Received: {peak}.")
    if steps != int(steps) or steps < 1:
        raise ValueError(f"Expected a whole number of steps, at least 1. Received: {steps}.")
    if not 0 < warmup < 1:
        raise ValueError(f"Expected warmup to be a part of the steps below 1. Received: {warmup}.")


# The classes by the names under which Keras registers them.
OPTIMIZER_CLASSES = {
    keras.saving.get_registered_name(kind): kind for kind in (*_LAYERWISE.values(), OneCycle)
}
