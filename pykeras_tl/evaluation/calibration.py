"""Calibration: reliability, expected calibration error and temperature scaling.

A network's probabilities are often too extreme: of the predictions made with 99 %, fewer than 99 %
are correct. One number, the temperature, corrects most of that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from .prediction_table import (
    class_names_of,
    files_of,
    predicted_indices,
    prediction_table,
    probabilities_of,
    true_classes_of,
    true_indices,
)

_SMALLEST_PROBABILITY = 1e-7
# The range of temperatures that are tried.
_TEMPERATURES = (0.05, 20.0)


def reliability_table(predictions: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Compare the confidence of predictions with their accuracy.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        bins: The number of equal ranges of the probability of the predicted class.

    Returns:
        The columns `low`, `high` (the range, `high` included), `images`, `confidence` (mean
        probability of the predicted class) and `accuracy`; one row per range that holds an
        image.

    Raises:
        ValueError: If the true classes are unknown or `bins` is below 1.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.45, 0.55]])
        >>> table = prediction_table(list("abc"), list("xyy"), probabilities, ["x", "y"])
        >>> reliability_table(table, 2)
           low  high  images  confidence  accuracy
        0  0.5   1.0         3         0.8  0.666667
    """
    if bins < 1:
        raise ValueError(f"Expected bins to be 1 or more. Received: {bins}.")
    confidence, correct = _confidence(predictions)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"bin": bin_of, "confidence": confidence, "accuracy": correct})
    means = table.groupby("bin").mean()
    return pd.DataFrame(
        {
            "low": means.index.to_numpy() / bins,
            "high": (means.index.to_numpy() + 1) / bins,
            "images": table["bin"].value_counts().sort_index().to_numpy(),
            "confidence": means["confidence"].to_numpy().round(7),
            "accuracy": means["accuracy"].to_numpy(),
        }
    )


def expected_calibration_error(predictions: pd.DataFrame, bins: int = 10) -> float:
    """Compute the mean difference between confidence and accuracy over the images.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        bins: The number of equal ranges of the probability of the predicted class.

    Returns:
        The error, 0 (perfect) to 1.

    Raises:
        ValueError: If the true classes are unknown or `bins` is below 1.

    Example:
        >>> probabilities = np.array([[0.75, 0.25]] * 4)
        >>> table = prediction_table(list("abcd"), list("xxxy"), probabilities, ["x", "y"])
        >>> expected_calibration_error(table)
        0.0

    Source:
        Guo et al., On Calibration of Modern Neural Networks (2017), equation 3.
    """
    table = reliability_table(predictions, bins)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float((gaps * table["images"]).sum() / table["images"].sum())


def fit_temperature(predictions: pd.DataFrame) -> float:
    """Find the temperature at which the cross-entropy is smallest.

    Fit it on validation data, then use it on other predictions of the same model. A value above
    1 means that the model was overconfident. The predicted classes stay the same. As among n
    images no mistake rarer than one in n can be seen, each of them counts as its class by
    (n + 1) / (n + 2), and the rest as the other classes: a model that is right about all of a
    few images does not become certain.

    Args:
        predictions: Predictions for validation data, with the true classes.

    Returns:
        The temperature, 0.05 to 20.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> probabilities = np.array([[0.99, 0.01]] * 4)
        >>> table = prediction_table(list("abcd"), list("xxxy"), probabilities, ["x", "y"])
        >>> temperature = fit_temperature(table)
        >>> round(float(scale_by_temperature(table, temperature)["x"].iloc[0]), 3)
        0.667

    Source:
        Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2; the share of the
        class: Platt, Probabilistic Outputs for Support Vector Machines (1999), section 2.2.
    """
    logits, true = _logits(predictions), true_indices(predictions)
    images, classes = logits.shape
    targets = np.full(logits.shape, 1 / (images + 2) / max(1, classes - 1))
    targets[np.arange(images), true] = (images + 1) / (images + 2)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - (targets * scaled).sum(axis=1)).mean())

    # The loss is convex in the inverse temperature, so it has a single minimum.
    bounds = np.log(_TEMPERATURES)
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(best.x))


def scale_by_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """Make probabilities less confident (temperature above 1) or more (below 1).

    Args:
        predictions: A table as returned by `predict_flow`.
        temperature: Above 0, such as from `fit_temperature`.

    Returns:
        A table of the same form, with the same predicted classes.

    Raises:
        ValueError: If the temperature is not above 0.

    Example:
        >>> table = prediction_table(["a"], None, np.array([[0.8, 0.2]]), ["x", "y"])
        >>> scale_by_temperature(table, 2.0)[["x", "y"]].round(4).values.tolist()
        [[0.666..., 0.333...]]
    """
    if not temperature > 0:
        raise ValueError(f"Expected a temperature above 0. Received: {temperature}.")
    scaled = prediction_table(
        files_of(predictions),
        true_classes_of(predictions),
        softmax(_logits(predictions) / temperature, axis=1),
        class_names_of(predictions),
    )
    return scaled.set_index(predictions.index)


def _logits(predictions: pd.DataFrame) -> np.ndarray:
    """Return logits of these probabilities; the largest of each row is 0."""
    logits = np.log(np.maximum(probabilities_of(predictions), _SMALLEST_PROBABILITY))
    return logits - logits.max(axis=1, keepdims=True)


def _confidence(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    predicted = predicted_indices(predictions)
    confidence = probabilities_of(predictions)[np.arange(len(predicted)), predicted]
    return confidence, predicted == true_indices(predictions)
