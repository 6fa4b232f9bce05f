"""Linear probes of several labels, one against the rest, and of a number.

They take one pass over the images and no learning rate: they judge frozen backbones, and are the
last layer that a training begins with.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.preprocessing import StandardScaler

from ..images.iterators.base import Iterator
from ..training.linear_probe import REGULARIZATION, Features, last_layer_inputs

# Strengths of the regularization, on standardized features: inverse, and as they are.
_LOGISTIC, _RIDGE = REGULARIZATION[::2], (10.0, 100.0, 1e3, 1e4, 1e5)
_ITERATIONS = 300


@dataclass(frozen=True)
class LinearProbe:
    """A dense layer.

    Attributes:
        kernel: Shape (features, units).
        bias: Shape (units,).
        sigmoid: Whether it returns probabilities.
    """

    kernel: np.ndarray
    bias: np.ndarray
    sigmoid: bool

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the outputs for features, shape (images, units)."""
        values = features @ self.kernel + self.bias
        return 1 / (1 + np.exp(-values)) if self.sigmoid else values


Fit = Callable[[Features, "Features | None"], LinearProbe]


def fit_labels(training: Features, validation: Features | None) -> LinearProbe:
    """Fit a logistic regression for each label.

    Args:
        training: Features of images, and their labels, 0 or 1, of shape (images, labels).
        validation: Others, by which the regularization is chosen; None takes the middle.

    Returns:
        The probe.

    Example:
        >>> features = np.array([[0.0], [1.0], [4.0], [5.0]])
        >>> labels = np.array([[0, 1], [0, 1], [1, 1], [1, 1]])
        >>> probe = fit_labels((features, labels), None)
        >>> (probe.predict(features) > 0.5).astype(int).tolist()
        [[0, 1], [0, 1], [1, 1], [1, 1]]
    """
    scaler = StandardScaler().fit(training[0])
    scaled = scaler.transform(training[0])

    def fit(C: float) -> LinearProbe:
        parts = [_logistic(scaled, labels, C) for labels in training[1].T]
        kernel, bias = np.array([each[0] for each in parts]), np.array([each[1] for each in parts])
        return _unscaled(scaler, kernel, bias, sigmoid=True)

    return _best(fit, _LOGISTIC, validation, binary_loss)


def fit_number(training: Features, validation: Features | None) -> LinearProbe:
    """Fit a ridge regression.

    Args:
        training: Features of images, and their standardized numbers, of shape (images, 1).
        validation: Others, by which the regularization is chosen; None takes the middle.

    Returns:
        The probe.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(4000, 1))
        >>> probe = fit_number((features, 2 * features), (features, 2 * features))
        >>> probe.predict(np.array([[1.0]])).round(1)
        array([[2.]])
    """
    scaler = StandardScaler().fit(training[0])
    scaled = scaler.transform(training[0])

    def fit(alpha: float) -> LinearProbe:
        ridge = Ridge(alpha=alpha).fit(scaled, training[1].ravel())
        bias = np.array([ridge.intercept_])
        return _unscaled(scaler, ridge.coef_.reshape(1, -1), bias, sigmoid=False)

    return _best(fit, _RIDGE, validation, mean_squared_error)


def binary_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean binary cross-entropy.

    Args:
        labels: 0 or 1, shape (images, labels).
        probabilities: Of the same shape.

    Returns:
        The mean over images and labels.

    Example:
        >>> round(binary_loss(np.array([[1, 0]]), np.array([[0.5, 0.5]])), 3)
        0.693
    """
    return float(log_loss(labels.ravel(), probabilities.ravel(), labels=[0, 1]))


def set_last_layer(
    fit: Fit, model: keras.Model, data: Iterator, validation_data: Iterator | None
) -> None:
    """Set a model's last layer by a linear probe on what comes into it.

    Args:
        fit: `fit_labels` or `fit_number`.
        model: A model that ends with a dense layer, changed in place.
        data: The images to learn from.
        validation_data: The images by which the regularization is chosen, or None.
    """
    probe = fit(*last_layer_inputs(model, data, validation_data))
    weights = [probe.kernel.astype("float32"), probe.bias.astype("float32")]
    model.layers[-1].set_weights(weights)


def _logistic(features: np.ndarray, labels: np.ndarray, C: float) -> tuple[np.ndarray, float]:
    """Return weights and bias; of a label that all images have, or none, a bias alone."""
    share = float(np.mean(labels))
    if share in (0.0, 1.0):
        edge = 1 / (len(labels) + 2)
        share = edge if share == 0 else 1 - edge
        return np.zeros(features.shape[1]), float(np.log(share / (1 - share)))
    regression = LogisticRegression(C=C, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        # A probe that stopped early is a good one all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(features, labels > 0)
    return regression.coef_[0], float(regression.intercept_[0])


def _unscaled(
    scaler: StandardScaler, kernel: np.ndarray, bias: np.ndarray, sigmoid: bool
) -> LinearProbe:
    # (x - mean) / scale · w + b  =  x · (w / scale) + (b - mean · w / scale)
    kernel = kernel / scaler.scale_
    return LinearProbe(kernel.T, bias - kernel @ scaler.mean_, sigmoid)


def _best(
    fit: Callable[[float], LinearProbe],
    strengths: tuple[float, ...],
    validation: Features | None,
    loss: Callable[[np.ndarray, np.ndarray], float],
) -> LinearProbe:
    if validation is None:
        return fit(strengths[len(strengths) // 2])
    features, labels = validation
    return min(map(fit, strengths), key=lambda probe: loss(labels, probe.predict(features)))
