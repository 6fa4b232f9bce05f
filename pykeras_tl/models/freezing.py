"""Freezing and unfreezing layers, with the meaning that R's keras gives it."""

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

    With `from_`, `to` or `which`, **every other layer is unfrozen**: the call says what is frozen
    afterwards, whatever was before. Without them, the whole model is frozen.

    Layers are counted in flow order, and those of a nested model stand in its place: in a
    transfer model `from_="block5_conv1"` finds that layer inside the backbone, and all that
    comes after the backbone counts as after it.

    Compile the model again afterwards.

    Args:
        model: The model, changed in place.
        from_: The first layer to freeze: its name, that of a stage (`"block5"` begins at its
            first layer), an index into `model.layers` from 0 (negative from the end), or the
            layer. None is the first layer.
        to: The last layer to freeze, included, in the same ways. None is the last layer.
        which: Single layers instead of a stretch: names, stages, indices or layers, one or
            several; or one truth value for each of `model.layers`; or a function that is asked
            for each layer, nested ones too.

    Returns:
        The same model.

    Raises:
        ValueError: When a name is unknown or stands for several layers, when `from_` comes after
            `to`, or when `which` is given beside them.
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

    With `from_`, `to` or `which`, **every other layer is frozen**. Without them, the whole model
    is unfrozen. All else is as in `freeze_weights`.

    Args:
        model: The model, changed in place. Compile it again afterwards.
        from_: The first layer to unfreeze. None is the first layer.
        to: The last layer to unfreeze, included. None is the last layer.
        which: Single layers instead of a stretch.

    Returns:
        The same model.

    Raises:
        ValueError: When a name is unknown or stands for several layers, when `from_` comes after
            `to`, or when `which` is given beside them.
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
    """List a model's layers, nested ones in their place, and whether each trains.

    Args:
        model: Any Keras model.

    Returns:
        One row a layer in flow order: `layer` (with the nested model's name before it), `type`,
        `output_shape` (None for the batch, missing where the layer has not been called),
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
            all(each.trainable for each in (*leaf.containers, leaf.layer)),
        )
        for leaf in flatten_layers(model)
    ]
    table = pd.DataFrame(rows, columns=["layer", "type", "output_shape", "parameters", "trainable"])
    return table.astype({"parameters": "Int64", "trainable": bool})


def model_summary(model: keras.Model) -> str:
    """Describe a model in text: every layer, nested ones too, and how much of it trains.

    Args:
        model: Any Keras model.

    Returns:
        The table of `trainable_table` and a line of totals.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
        >>> print(model_summary(freeze_weights(model)))
        layer  type output_shape  parameters  trainable
            d Dense    (None, 2)          10      False
        0 of 10 parameters train.
    """
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    table = trainable_table(model).to_string(index=False)
    return f"{table}\n{trained:,} of {model.count_params():,} parameters train."


def _set_trainable(
    model: keras.Model,
    trainable: bool,
    from_: Target | None,
    to: Target | None,
    which: Which | None,
) -> keras.Model:
    if which is not None and (from_ is not None or to is not None):
        raise ValueError("give either `which` or `from_` and `to`, not both")
    whole = from_ is None and to is None and which is None
    if not isinstance(model, keras.Model):
        if not whole:
            raise TypeError(f"{model!r} is no model: a single layer is frozen whole")
        _set(model, trainable)
        return model
    tree = LayerTree(model)
    chosen = _stretch(tree, from_, to) if which is None else _single(tree, which)
    trains = [trainable == (place in chosen) for place in range(len(tree.leaves))]
    _set(model, trainable if whole else True)
    # Outermost first and single layers last, for setting a model sets all that is in it.
    for nested in {id(each): each for leaf in tree.leaves for each in leaf.containers}.values():
        _set(nested, any(trains[place] for place in tree.find(nested)))
    for leaf, state in zip(tree.leaves, trains):
        _set(leaf.layer, state)
    return model


def _set(layer: keras.Layer, trainable: bool) -> None:
    # With TensorFlow, setting the value that is there already does not reach the layers inside.
    layer.trainable = not trainable
    layer.trainable = trainable


def _stretch(tree: LayerTree, from_: Target | None, to: Target | None) -> set[int]:
    first = 0 if from_ is None else tree.find(from_).start
    last = len(tree.leaves) - 1 if to is None else tree.find(to).stop - 1
    if first > last:
        raise ValueError(f"`from_` ({from_!r}) comes after `to` ({to!r}) in the model")
    return set(range(first, last + 1))


def _single(tree: LayerTree, which: Which) -> set[int]:
    if callable(which) and not isinstance(which, keras.Layer):
        return {
            place
            for place, leaf in enumerate(tree.leaves)
            if any(which(each) for each in (*leaf.containers, leaf.layer))
        }
    targets: list[Any]
    if isinstance(which, (str, keras.Layer)) or not isinstance(which, Iterable):
        targets = [which]
    else:
        targets = list(which)
    if targets and all(isinstance(each, (bool, np.bool_)) for each in targets):
        targets = _positions(tree.model, targets)
    return {place for target in targets for place in tree.find(target)}


def _positions(model: keras.Model, chosen: list[bool]) -> list[int]:
    if len(chosen) != len(model.layers):
        raise ValueError(
            f"`which` has {len(chosen)} truth values for the {len(model.layers)} layers "
            f"of model {model.name!r}; give one for each"
        )
    return [position for position, choice in enumerate(chosen) if choice]


def _output_shape(layer: keras.Layer) -> Any:
    try:
        output = layer.output
    except (AttributeError, ValueError):
        return None
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape), output)
