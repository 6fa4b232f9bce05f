"""Fitted support vector machines as Keras layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

# Layers whose names begin so hold what training end to end leaves as it is.
FIXED = "svm_fixed"


class FeatureScaling:
    """Features brought to mean 0 and deviation 1, as a machine needs them.

    Args:
        features: Those of the training images, shape (images, features).

    Example:
        >>> FeatureScaling(np.array([[1.0, 5.0], [3.0, 5.0]])).apply(np.array([[3.0, 6.0]]))
        array([[1., 1.]])
    """

    def __init__(self, features: np.ndarray) -> None:
        self.mean = features.mean(axis=0)
        deviation = features.std(axis=0)
        # A feature that never changes is only moved.
        self.deviation = np.where(deviation > 1e-6, deviation, 1.0)

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Scale features.

        Args:
            features: Shape (images, features).

        Returns:
            The same shape.
        """
        return (features - self.mean) / self.deviation

    def layer(self) -> keras.layers.Layer:
        """Return a layer that does the same."""
        return keras.layers.Normalization(
            mean=self.mean.tolist(),
            variance=np.square(self.deviation).tolist(),
            name=f"{FIXED}_scaling",
        )


def svm_layers(
    machines: Sequence[Any], features: np.ndarray, scores: str
) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """Turn scikit-learn machines that share kernel and data into layers.

    A linear machine is a dense layer. For the Gaussian kernel, exp(-γ|x-s|²) over all support
    vectors s is a dense layer too, from x and |x|², with an exponential as activation.

    Args:
        machines: Fitted `SVC`s of two classes or `SVR`s, with the kernel "linear", or "rbf"
            with gamma "auto".
        features: The scaled features that they were fitted to, shape (images, features).
        scores: Name of the layer that gives the scores, one a machine; for one `SVC`, of both
            classes.

    Returns:
        A function from the tensor of scaled features to the tensor of scores.
    """
    coefficients = np.zeros((len(features), len(machines)))
    for column, machine in enumerate(machines):
        coefficients[machine.support_, column] = machine.dual_coef_[0]
    intercepts = np.array([machine.intercept_[0] for machine in machines])
    if len(machines) == 1 and hasattr(machines[0], "classes_"):
        coefficients = np.hstack([-coefficients, coefficients])
        intercepts = np.append(-intercepts, intercepts)
    used = np.flatnonzero(coefficients.any(axis=1))
    vectors, coefficients = features[used], coefficients[used]
    if machines[0].kernel == "linear":
        weights = vectors.T @ coefficients
        return lambda x: _dense(x, weights, intercepts, name=scores)
    gamma = 1 / features.shape[1]

    def gaussian(x: keras.KerasTensor) -> keras.KerasTensor:
        square = keras.layers.Dot(axes=1, name=f"{FIXED}_square")([x, x])
        both = keras.layers.Concatenate(name=f"{FIXED}_both")([x, square])
        kernel = np.vstack([2 * gamma * vectors.T, np.full((1, len(vectors)), -gamma)])
        bias = -gamma * np.square(vectors).sum(axis=1)
        near = _dense(both, kernel, bias, name=f"{FIXED}_vectors", activation="exponential")
        return _dense(near, coefficients, intercepts, name=scores)

    return gaussian


def _dense(
    x: keras.KerasTensor, kernel: np.ndarray, bias: np.ndarray, **options: Any
) -> keras.KerasTensor:
    layer = keras.layers.Dense(len(bias), **options)
    outputs = layer(x)
    layer.set_weights([kernel, bias])
    return outputs
