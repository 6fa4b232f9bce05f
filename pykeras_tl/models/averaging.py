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
    inputs = keras.Input(first.model.input_shape[1:], name="pixels")
    outputs = []
    for number, classifier in enumerate(classifiers, start=1):
        member = keras.Model(
            classifier.model.inputs, classifier.model.outputs[0], name=f"member_{number}"
        )
        outputs.append(member(inputs))
    mean = keras.layers.Average(name="probabilities")(outputs) if len(outputs) > 1 else outputs[0]
    model = keras.Model(inputs, mean, name="average")
    return Classifier(model, list(first.class_names), first.images)
