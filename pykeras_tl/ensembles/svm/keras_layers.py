"""Fitted support vector machines as Keras layers.

As layers, they save, load and run like the rest of the model, without pickle or scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

# Layers whose names begin with this stay frozen in end-to-end training.
FIXED = "svm_fixed"
_SMALLEST_DEVIATION = 1e-6


def fit_scaling(features: np.ndarray) -> StandardScaler:
    """Fit the scaling of features to mean 0 and standard deviation 1.

    A feature that is constant but for rounding is only centered: dividing by its deviation would
    turn the rounding errors into a signal.

    Args:
        features: Features of the training images, shape (images, features).

    Returns:
        The fitted scaler.

    Example:
        >>> fit_scaling(np.array([[1.0, 5.0], [3.0, 5.0]])).transform(np.array([[3.0, 6.0]]))
        array([[1., 1.]])
    """
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    scaler.scale_[np.sqrt(scaler.var_) <= _SMALLEST_DEVIATION] = 1.0
    return scaler


def scaling_layer(scaler: StandardScaler) -> keras.layers.Layer:
    """Return the layer that scales features as a fitted scaler does.

    Args:
        scaler: From `fit_scaling`.

    Returns:
        A `Normalization` layer.

    Example:
        >>> layer = scaling_layer(fit_scaling(np.array([[1.0, 5.0], [3.0, 5.0]])))
        >>> layer(np.array([[3.0, 6.0]])).numpy()
        array([[1., 1.]], dtype=float32)
    """
    return keras.layers.Normalization(
        mean=scaler.mean_.tolist(),
        variance=np.square(scaler.scale_).tolist(),
        name=f"{FIXED}_scaling",
    )


def svm_layers(
    svms: Sequence[Any], features: np.ndarray, scores: str
) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """Convert scikit-learn SVMs that share kernel and data to layers.

    A linear SVM is a dense layer. For the Gaussian kernel, exp(-γ|x-s|²) over all support
    vectors s is a dense layer too, from x and |x|², with an exponential activation.

    Args:
        svms: Fitted `SVC`s of two classes or `SVR`s, with the kernel "linear", or "rbf" with
            gamma "auto".
        features: The scaled features that they were fitted to, shape (images, features).
        scores: Name of the layer that returns the scores: one per SVM, or for a single `SVC`
            one for each of its two classes.

    Returns:
        A function from the tensor of scaled features to the tensor of scores.
    """
    coefficients = np.zeros((len(features), len(svms)))
    for column, svm in enumerate(svms):
        coefficients[svm.support_, column] = svm.dual_coef_[0]
    intercepts = np.array([svm.intercept_[0] for svm in svms])
    if len(svms) == 1 and hasattr(svms[0], "classes_"):
        coefficients = np.hstack([-coefficients, coefficients])
        intercepts = np.append(-intercepts, intercepts)
    used = np.flatnonzero(coefficients.any(axis=1))
    vectors, coefficients = features[used], coefficients[used]
    if svms[0].kernel == "linear":
        weights = vectors.T @ coefficients
        return lambda x: _dense(x, weights, intercepts, name=scores)
    gamma = 1 / features.shape[1]

    def gaussian(x: keras.KerasTensor) -> keras.KerasTensor:
        square = keras.layers.Dot(axes=1, name=f"{FIXED}_square")([x, x])
        both = keras.layers.Concatenate(name=f"{FIXED}_both")([x, square])
        kernel = np.vstack([2 * gamma * vectors.T, np.full((1, len(vectors)), -gamma)])
        bias = -gamma * np.square(vectors).sum(axis=1)
        similarities = _dense(both, kernel, bias, name=f"{FIXED}_vectors", activation="exponential")
        return _dense(similarities, coefficients, intercepts, name=scores)

    return gaussian


def _dense(
    x: keras.KerasTensor, kernel: np.ndarray, bias: np.ndarray, **options: Any
) -> keras.KerasTensor:
    layer = keras.layers.Dense(len(bias), **options)
    outputs = layer(x)
    layer.set_weights([kernel, bias])
    return outputs
