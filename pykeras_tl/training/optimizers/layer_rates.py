"""Discriminative learning rates: a rate of its own for each stage or layer of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import keras
import pandas as pd

from ...models.layer_tree import FlatLayer, LayerTree
from ...models.saving.optimizers import layerwise_class

LayerRates: TypeAlias = float | Mapping[str, float]


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
    return layerwise_class(optimizer).from_config({**config, "layer_rates": multipliers})


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
