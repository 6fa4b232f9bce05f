"""Freezing and unfreezing of layers, with the semantics of R's keras.

Keras has only the attribute `trainable`, which behaves differently for a layer, a model and a
nested model. These functions reach every layer by name, index or stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import keras
import numpy as np
import pandas as pd

from .layer_tree import LayerTree, flatten_layers

Target: TypeAlias = str | int | keras.Layer
Which: TypeAlias = Target | Iterable[Target | bool] | Callable[[keras.Layer], bool]


def freeze_weights(
    model: keras.Model,
    from_: Target | None = None,
    to: Target | None = None,
    which: Which | None = None,
) -> keras.Model:
    """Freeze a model, or some of its layers, so that training leaves their weights alone.

    With `from_`, `to` or `which`, **all other layers are unfrozen**: the call determines the state
    of every layer, whatever it was before. Without them, the entire model is frozen.

    Layers are ordered from input to output, with nested models expanded: in a transfer model,
    `from_="block5_conv1"` finds that layer inside the backbone, and the layers after the backbone
    count as after it.

    Compile the model again afterwards.

    Args:
        model: The model, changed in place.
        from_: The first layer to freeze: its name, the name of a stage (`"block5"` stands for its
            first layer), an index into `model.layers` from 0 (negative from the end), or the
            layer. None is the first layer.
        to: The last layer to freeze, inclusive, given in the same ways. None is the last layer.
        which: Single layers instead of a range: one or several names, stages, indices or layers;
            or one bool for each of `model.layers`; or a function that is called with every layer,
            nested ones too, and returns a bool.

    Returns:
        The same model.

    Raises:
        ValueError: When a name is unknown or ambiguous, when `from_` comes after `to`, or when
            `which` is combined with them.
        IndexError: When an index is out of range.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), *(keras.layers.Dense(4, name=name) for name in "abc")])
        >>> [layer.trainable for layer in freeze_weights(model, to="b").layers]
        [False, False, True]

    Source:
        `freeze_weights` of the R packages keras and keras3.
    """
    return _set_trainable(model, False, from_, to, which)


def unfreeze_weights(
    model: keras.Model,
    from_: Target | None = None,
    to: Target | None = None,
    which: Which | None = None,
) -> keras.Model:
    """Unfreeze a model, or some of its layers, so that training changes their weights.

    With `from_`, `to` or `which`, **all other layers are frozen**. Without them, the entire model
    is unfrozen. Layers are given as in `freeze_weights`.

    Args:
        model: The model, changed in place. Compile it again afterwards.
        from_: The first layer to unfreeze. None is the first layer.
        to: The last layer to unfreeze, inclusive. None is the last layer.
        which: Single layers instead of a range.

    Returns:
        The same model.

    Raises:
        ValueError: When a name is unknown or ambiguous, when `from_` comes after `to`, or when
            `which` is combined with them.
        IndexError: When an index is out of range.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), *(keras.layers.Dense(4, name=name) for name in "abc")])
        >>> [layer.trainable for layer in unfreeze_weights(model, from_=-1).layers]
        [False, False, True]

    Source:
        `unfreeze_weights` of the R packages keras and keras3.
    """
    return _set_trainable(model, True, from_, to, which)


def trainable_table(model: keras.Model) -> pd.DataFrame:
    """List a model's layers, with nested models expanded, and whether each is trainable.

    Args:
        model: Any Keras model.

    Returns:
        One row per layer, from input to output: `layer` (preceded by the nested model's name),
        `type`, `output_shape` (batch axis None; missing when the layer has not been called),
        `parameters` (missing before the layer is built) and `trainable`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
        >>> trainable_table(model).values.tolist()
        [['d', 'Dense', (None, 2), 10, True]]
    """
    rows = [
        (
            leaf.path,
            type(leaf.layer).__name__,
            _output_shape(leaf.layer),
            leaf.layer.count_params() if leaf.layer.built else None,
            all(layer.trainable for layer in (*leaf.containers, leaf.layer)),
        )
        for leaf in flatten_layers(model)
    ]
    table = pd.DataFrame(rows, columns=["layer", "type", "output_shape", "parameters", "trainable"])
    return table.astype({"parameters": "Int64", "trainable": bool})


def _set_trainable(
    model: keras.Model,
    trainable: bool,
    from_: Target | None,
    to: Target | None,
    which: Which | None,
) -> keras.Model:
    if which is not None and (from_ is not None or to is not None):
        raise ValueError(
            "Expected either `which` or `from_` and `to`. "
            f"Received: which={which!r}, from_={from_!r}, to={to!r}."
        )
    entire = from_ is None and to is None and which is None
    if not isinstance(model, keras.Model):
        if not entire:
            raise TypeError(
                "Expected a model with `from_`, `to` or `which`. Received: a "
                f"{type(model).__name__}; call without them for a single layer."
            )
        _set(model, trainable)
        return model
    tree = LayerTree(model)
    selected = _range(tree, from_, to) if which is None else _single_layers(tree, which)
    states = [trainable == (position in selected) for position in range(len(tree.leaves))]
    _set(model, trainable if entire else True)
    # Outermost models first and single layers last, because setting a model sets all its layers.
    containers = {id(nested): nested for leaf in tree.leaves for nested in leaf.containers}
    for nested in containers.values():
        _set(nested, any(states[position] for position in tree.find(nested)))
    for leaf, state in zip(tree.leaves, states):
        _set(leaf.layer, state)
    return model


def _set(layer: keras.Layer, trainable: bool) -> None:
    # With TensorFlow, setting the present value does not reach the layers inside.
    layer.trainable = not trainable
    layer.trainable = trainable


def _range(tree: LayerTree, from_: Target | None, to: Target | None) -> set[int]:
    first = 0 if from_ is None else tree.find(from_).start
    last = len(tree.leaves) - 1 if to is None else tree.find(to).stop - 1
    if first > last:
        raise ValueError(
            f"Expected `from_` before `to`. Received: from_={from_!r}, which comes after to={to!r} "
            f"in model {tree.model.name!r}."
        )
    return set(range(first, last + 1))


def _single_layers(tree: LayerTree, which: Which) -> set[int]:
    if callable(which) and not isinstance(which, keras.Layer):
        return {
            position
            for position, leaf in enumerate(tree.leaves)
            if any(which(layer) for layer in (*leaf.containers, leaf.layer))
        }
    targets: list[Any]
    if isinstance(which, (str, keras.Layer)) or not isinstance(which, Iterable):
        targets = [which]
    else:
        targets = list(which)
    if targets and all(isinstance(target, (bool, np.bool_)) for target in targets):
        targets = _true_indices(tree.model, targets)
    return {position for target in targets for position in tree.find(target)}


def _true_indices(model: keras.Model, mask: list[bool]) -> list[int]:
    if len(mask) != len(model.layers):
        raise ValueError(
            f"Expected one bool in `which` for each of the {len(model.layers)} layers of model "
            f"{model.name!r}. Received: {len(mask)}."
        )
    return [index for index, selected in enumerate(mask) if selected]


def _output_shape(layer: keras.Layer) -> Any:
    try:
        output = layer.output
    except (AttributeError, ValueError):
        return None
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape), output)
