"""Whether probabilities mean what they say, and the one number that mends them."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
_GOLDEN = (np.sqrt(5) - 1) / 2


def reliability_table(predictions: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Compare how certain the predictions were with how often they were right.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.
        bins: Into how many equal ranges the probability of the predicted class is cut.

    Returns:
        The columns `low`, `high` (the range, high included), `images`, `confidence` (mean
        probability of the predicted class) and `accuracy`; a row for each range that holds a
        image.

    Raises:
        ValueError: When the true classes are unknown or `bins` is below 1.

    Example:
        >>> chances = np.array([[0.9, 0.1], [0.95, 0.05], [0.45, 0.55]])
        >>> table = prediction_table(list("abc"), list("xyy"), chances, ["x", "y"])
        >>> reliability_table(table, 2)
           low  high  images  confidence  accuracy
        0  0.5   1.0         3         0.8  0.666667
    """
    if bins < 1:
        raise ValueError(f"bins is 1 or more; got {bins}.")
    confidence, right = _confidence(predictions)
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"bin": places, "confidence": confidence, "accuracy": right})
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
    """Return by how much certainty and accuracy differ, on average over the images.

    Args:
        predictions: A table as `predict_flow` gives it, with the true classes known.
        bins: Into how many equal ranges the probability of the predicted class is cut.

    Returns:
        The error, 0 (perfect) to 1.

    Raises:
        ValueError: When the true classes are unknown or `bins` is below 1.

    Example:
        >>> chances = np.array([[0.75, 0.25]] * 4)
        >>> table = prediction_table(list("abcd"), list("xxxy"), chances, ["x", "y"])
        >>> expected_calibration_error(table)
        0.0

    Source:
        Guo et al., On Calibration of Modern Neural Networks (2017), equation 3.
    """
    table = reliability_table(predictions, bins)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float((gaps * table["images"]).sum() / table["images"].sum())


def fit_temperature(predictions: pd.DataFrame) -> float:
    """Find the temperature that makes the probabilities fit the truth best.

    Fit it on validation data, then use it on other predictions of the same network. Above 1
    the network was too certain. The predicted classes stay the same.

    Args:
        predictions: Predictions for validation data, with the true classes known.

    Returns:
        The temperature, 0.05 to 20, at which the loss is smallest.

    Raises:
        ValueError: When the true classes are unknown.

    Example:
        >>> chances = np.array([[0.99, 0.01]] * 4)
        >>> table = prediction_table(list("abcd"), list("xxxy"), chances, ["x", "y"])
        >>> temperature = fit_temperature(table)
        >>> round(float(scale_by_temperature(table, temperature)["x"].iloc[0]), 3)
        0.75

    Source:
        Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
    """
    logits, true = _logits(predictions), true_indices(predictions)
    rows = np.arange(len(true))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, true]).mean())

    # The loss is convex in the inverse temperature, so it has one valley to close in on.
    low, high = np.log(0.05), np.log(20.0)
    while high - low > 1e-6:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def scale_by_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """Make probabilities less certain (temperature above 1) or more (below 1).

    Args:
        predictions: A table as `predict_flow` gives it.
        temperature: Above 0; `fit_temperature` finds it.

    Returns:
        A table of the same form, with the same predicted classes.

    Raises:
        ValueError: When the temperature is not above 0.

    Example:
        >>> table = prediction_table(["a"], None, np.array([[0.8, 0.2]]), ["x", "y"])
        >>> scale_by_temperature(table, 2.0)[["x", "y"]].round(4).values.tolist()
        [[0.666..., 0.333...]]
    """
    if not temperature > 0:
        raise ValueError(f"A temperature is above 0; got {temperature}.")
    powers = np.exp(_logits(predictions) / temperature)
    scaled = prediction_table(
        files_of(predictions),
        true_classes_of(predictions),
        powers / powers.sum(axis=1, keepdims=True),
        class_names_of(predictions),
    )
    return scaled.set_index(predictions.index)


def _logits(predictions: pd.DataFrame) -> np.ndarray:
    """Return logits that give these probabilities, the largest of each row 0."""
    logits = np.log(np.maximum(probabilities_of(predictions), _SMALLEST_PROBABILITY))
    return logits - logits.max(axis=1, keepdims=True)


def _confidence(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    predicted = predicted_indices(predictions)
    confidence = probabilities_of(predictions)[np.arange(len(predicted)), predicted]
    return confidence, predicted == true_indices(predictions)
