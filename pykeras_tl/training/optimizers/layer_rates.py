"""Discriminative learning rates: a rate of its own for each stage or layer of a model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import keras
import pandas as pd

from ...models.layer_tree import FlatLayer, LayerTree

LayerRates: TypeAlias = float | Mapping[str, float]

# Biases, and the scale and offset of normalization, by Keras's names of weights.
NOT_DECAYED = ("bias", "gamma", "beta")
# They wrap other optimizers, or treat weights in groups of their own.
_WITHOUT_LAYER_RATES = {"LossScaleOptimizer", "Muon"}


def layer_rate_table(model: keras.Model, layer_rates: LayerRates) -> pd.DataFrame:
    """List the learning rate multipliers of a model's trainable layers.

    Args:
        model: A built model, frozen as it will be trained.
        layer_rates: Either a number above 0, usually below 1: each group of layers learns at
            this times the rate of the group after it, and the last group at the full rate.
            A group is a stage of a registered backbone, all layers outside the backbone
            together, or in other models a layer with a kernel and those up to the next.
            Or names of layers or stages to multipliers: each holds from the named layer up to
            the next one named, and the first one for the layers before it, too.

    Returns:
        One row for each layer with trainable weights, from input to output: `layer` (preceded
        by the nested model's name) and `multiplier`, by which the learning rate is multiplied.

    Raises:
        ValueError: When nothing is trainable, a name is unknown or ambiguous, or a multiplier is
            not above 0.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), *(keras.layers.Dense(4, name=name) for name in "abc")])
        >>> layer_rate_table(model, 0.5)
          layer  multiplier
        0     a        0.25
        1     b        0.50
        2     c        1.00
        >>> layer_rate_table(model, {"b": 0.1, "c": 1})["multiplier"].tolist()
        [0.1, 0.1, 1.0]

    Source:
        Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, 2018,
        section 3.2 (discriminative fine-tuning); the number is timm's `layer_decay`.
    """
    rows = [
        (leaf.path, multiplier)
        for leaf, multiplier in _multipliers(LayerTree(model), layer_rates)
        if leaf.layer.trainable_variables
    ]
    if not rows:
        raise ValueError(_nothing_trainable(model))
    return pd.DataFrame(rows, columns=["layer", "multiplier"])


def with_layer_rates(
    optimizer: keras.optimizers.Optimizer, model: keras.Model, layer_rates: LayerRates
) -> keras.optimizers.Optimizer:
    """Make an optimizer like another one, but with learning rates by layer.

    Everything that multiplies the learning rate is scaled, weight decay included; biases and
    the scale and offset of normalization are not decayed.

    Args:
        optimizer: An optimizer of Keras that has trained nothing yet.
        model: The model, built and frozen as it will be trained.
        layer_rates: As for `layer_rate_table`.

    Returns:
        A new optimizer; its `learning_rate` is the rate at multiplier 1. It can be saved, and
        trains no other weights than those that are trainable now.

    Raises:
        TypeError: When it is not one of Keras's optimizers, or one that has no learning rate by
            layer.
        ValueError: As for `layer_rate_table`, and when a trainable weight belongs to no layer.
    """
    by_weight = {
        id(variable): multiplier
        for leaf, multiplier in reversed(_multipliers(LayerTree(model), layer_rates))
        for variable in leaf.layer.trainable_variables
    }
    if not by_weight:
        raise ValueError(_nothing_trainable(model))
    variables = model.trainable_variables
    unknown = [variable.path for variable in variables if id(variable) not in by_weight]
    if unknown:
        raise ValueError(
            f"Expected a model whose weights all belong to layers. Received: {unknown[0]!r}, a "
            f"weight of model {model.name!r} itself."
        )
    multipliers = [by_weight[id(variable)] for variable in variables]
    config = optimizer.get_config()
    # Keras numbers the names, and this one is of another kind.
    config.pop("name")
    return _layerwise_class(optimizer).from_config({**config, "layer_rates": multipliers})


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


def _layerwise_class(optimizer: keras.optimizers.Optimizer) -> Any:
    # On torch, an Adam is of a class of its own, derived from the public one.
    public = [kind for kind in type(optimizer).__mro__ if kind in _LAYERWISE]
    if not public or not type(optimizer).__module__.startswith("keras."):
        raise TypeError(
            "Expected one of Keras's optimizers with `layer_rates`: "
            f"{', '.join(sorted(kind.__name__ for kind in _LAYERWISE))}. Received: "
            f"{type(optimizer).__name__}."
        )
    return _LAYERWISE[public[0]]


def _nothing_trainable(model: keras.Model) -> str:
    return (
        f"Expected a built model with trainable layers. Received: model {model.name!r}, in which "
        "nothing is trainable. Unfreeze layers first."
    )


def _multipliers(tree: LayerTree, layer_rates: LayerRates) -> list[tuple[FlatLayer, float]]:
    if isinstance(layer_rates, Mapping):
        multipliers = _named_multipliers(tree, layer_rates)
    else:
        multipliers = _decayed_multipliers(tree, _checked(layer_rates))
    return list(zip(tree.leaves, multipliers))


def _named_multipliers(tree: LayerTree, layer_rates: Mapping[str, float]) -> list[float]:
    if not layer_rates:
        raise ValueError("Expected a multiplier for one layer or more. Received: none.")
    starts = {tree.find(name).start: _checked(rate) for name, rate in layer_rates.items()}
    borders = [*sorted(starts), len(tree.leaves)]
    multipliers = [starts[borders[0]]] * borders[0]
    for start, end in pairwise(borders):
        multipliers += [starts[start]] * (end - start)
    return multipliers


def _decayed_multipliers(tree: LayerTree, decay: float) -> list[float]:
    groups = _groups(tree)
    trained = {group for group, leaf in zip(groups, tree.leaves) if leaf.layer.trainable_variables}
    return [decay ** sum(other > group for other in trained) for group in groups]


def _groups(tree: LayerTree) -> list[int]:
    """Number the layers' groups, in the order of the layers."""
    stages = [each for ranges in tree.stages().values() for each in ranges]
    first = {border for stage in stages for border in (stage.start, stage.stop)}
    if not stages:
        first = {
            position
            for position, leaf in enumerate(tree.leaves)
            if any(len(weight.shape) > 1 for weight in leaf.layer.weights)
        }
    return list(accumulate(position in first for position in range(len(tree.leaves))))


def _checked(rate: Any) -> float:
    number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not (number and math.isfinite(rate) and rate > 0):
        raise ValueError(f"Expected a multiplier of the learning rate above 0. Received: {rate!r}")
    return float(rate)
