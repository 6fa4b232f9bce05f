"""Fits a classifier's prediction sets."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence

import pandas as pd

from ..evaluation.coverage import fit_sets
from ..evaluation.evaluate import evaluate_classifier
from ..evaluation.evaluation import Evaluation
from ..models.saving.classifier import Classifier
from ..models.saving.image_predictor import check_one_class


def fit_prediction_sets(
    classifier: Classifier,
    data: Evaluation | pd.DataFrame | str | os.PathLike[str],
    groups: Sequence[Hashable] | str | None = "copies",
    method: str = "lac",
) -> Evaluation:
    """Give a classifier the prediction sets that `predict` returns.

    Args:
        classifier: The classifier, changed in place; save it again to keep them.
        data: Images that nothing of the classifier was learned or chosen from, nor the epoch at
            which its training ended: a folder with one subfolder per class, a table, or the
            classifier's evaluation on them.
        groups: What belongs together, as for `evaluate_classifier`; an evaluation has its own.
        method: `"lac"`, whose sets are the smallest on average, or `"aps"`, whose sets are larger
            for images that are hard.

    Returns:
        The evaluation on these images.

    Raises:
        ValueError: If the classes differ, or the method is unknown.

    Example:
        >>> import keras, numpy as np
        >>> from pykeras_tl.evaluation import prediction_table
        >>> from pykeras_tl.models import Classifier, PreprocessConfig
        >>> layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(),
        ...           keras.layers.Dense(2, "softmax")]
        >>> classifier = Classifier(keras.Sequential(layers), ["x", "y"], PreprocessConfig((8, 8)))
        >>> values = np.array([[1.0, 0.0], [0.25, 0.75]])
        >>> table = prediction_table(["a", "b"], ["x", "y"], values, ["x", "y"])
        >>> fitted = fit_prediction_sets(classifier, Evaluation(table))
        >>> classifier.prediction_sets.scores.tolist()
        [0.0, 0.25]
    """
    check_one_class(classifier)
    evaluation = data
    if not isinstance(evaluation, Evaluation):
        evaluation = evaluate_classifier(classifier, evaluation, groups=groups)
    if evaluation.class_names != classifier.class_names:
        raise ValueError(
            f"Expected an evaluation with the classes {classifier.class_names}. Received: "
            f"{evaluation.class_names}."
        )
    classifier.prediction_sets = fit_sets(evaluation, method)
    return evaluation
