"""The names of a model's inputs and outputs, which only some models of Keras 3 know."""

from __future__ import annotations

import keras


def input_names(model: keras.Model) -> list[str]:
    """Return the names of a model's inputs, as Keras 2 gave them.

    Args:
        model: A functional or sequential model.

    Returns:
        The names of its input layers. That of a sequential model which was given only the shape
        of its input is the first layer's name and `_input`. Empty where it was never built.

    Example:
        >>> layers = [keras.Input((3,)), keras.layers.Dense(2, name="scores")]
        >>> input_names(keras.Sequential(layers))
        ['scores_input']
    """
    if isinstance(model, keras.Sequential):
        unnamed = f"{model.layers[0].name}_input" if model.layers else ""
        tensors = model.inputs if model.built else []
        # Keras names a tensor after its layer, or numbers it where that has no name of its own.
        return [unnamed if x.name.startswith("keras_tensor") else x.name for x in tensors]
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)]
    return [layer.name for x in model.inputs or [] for layer in found if layer.output is x]


def output_names(model: keras.Model) -> list[str]:
    """Return the names of a model's outputs, as Keras 2 gave them.

    Args:
        model: A functional or sequential model.

    Returns:
        The names of the layers that return them.

    Example:
        >>> output_names(keras.Sequential([keras.layers.Dense(2, name="scores")]))
        ['scores']
    """
    if isinstance(model, keras.Sequential):
        return [layer.name for layer in model.layers[-1:]]
    return list(getattr(model, "output_names", []))
