"""Several classifiers as one: a single model whose probabilities are the mean of theirs."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from .saving.classifier import Classifier
from .saving.image_predictor import check_one_class


def average_classifiers(classifiers: Sequence[Classifier]) -> Classifier:
    """Combine classifiers in one that is saved, loaded and used like any other.

    Args:
        classifiers: One or more, with the same classes and the same preprocessing of images, and
            with softmax or one sigmoid unit alike.

    Returns:
        A classifier whose probabilities are the mean of those of the given ones. It shares their
        layers.

    Raises:
        ValueError: If there are none, or they differ in classes or preprocessing.

    Example:
        >>> from .saving.preprocess_config import PreprocessConfig
        >>> def make(seed):
        ...     dense = keras.layers.Dense(2, "softmax", kernel_initializer=(
        ...         keras.initializers.GlorotUniform(seed)))
        ...     model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
        ...     return Classifier(model, ["cat", "dog"], PreprocessConfig((8, 8)))
        >>> average_classifiers([make(0), make(1)]).model.output_shape
        (None, 2)
    """
    if not classifiers:
        raise ValueError("Expected one classifier or more. Received: none.")
    for each in classifiers:
        check_one_class(each)
    first = classifiers[0]
    for other in classifiers[1:]:
        for what, one, another in (
            ("classes", first.class_names, other.class_names),
            ("preprocessing", first.images, other.images),
            ("outputs", first.model.output_shape, other.model.output_shape),
        ):
            if one != another:
                raise ValueError(
                    f"Expected classifiers with the same {what}. Received: {one} and {another}."
                )
    model = average_models([each.model for each in classifiers], "probabilities")
    trained_on = frozenset[str]().union(*(each.trained_on for each in classifiers))
    return Classifier(model, list(first.class_names), first.images, trained_on=trained_on)


def average_models(models: Sequence[keras.Model], name: str) -> keras.Model:
    """Combine models in one whose output is the mean of theirs.

    Args:
        models: One or more, with one input and one output of the same shapes.
        name: The name of the layer that returns the mean of several.

    Returns:
        A model that is not compiled. It shares their layers.

    Example:
        >>> ones = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> average_models([ones, ones], "mean").layers[-1].name
        'mean'
    """
    inputs = keras.Input(models[0].input_shape[1:], name="pixels")
    outputs = []
    for number, model in enumerate(models, start=1):
        member = keras.Model(model.inputs, model.outputs[0], name=f"member_{number}")
        outputs.append(member(inputs))
    mean = keras.layers.Average(name=name)(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model(inputs, mean, name="average")
