"""Linear probing: the last layer as a logistic regression on the output of the frozen layers.

It takes one pass over the images and no learning rate. A fine tuning that starts from it does not
distort the pretrained features while a random last layer settles.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from ..images.iterators.base import Iterator
from ..models.graph.inference_model import inference_model
from ..models.graph.subgraph import Subgraph
from .class_weights import class_counts
from .data_adapter import BatchSource, batches
from .feature_cache.caching import CachePolicy, FitInputs, cache_frozen_layers

# Inverse strengths of the regularization, on standardized features.
REGULARIZATION = (0.001, 0.003, 0.01, 0.03, 0.1)
_ITERATIONS = 400


@dataclass(frozen=True)
class ProbeData:
    """Features of images and their classes.

    Args:
        features: Shape (images, features), float.
        classes: Shape (images,), the index of each image's class.
    """

    features: np.ndarray
    classes: np.ndarray


def fit_linear_probe(
    model: keras.Model,
    data: Iterator,
    validation_data: Iterator | None = None,
    C: Sequence[float] = REGULARIZATION,
) -> pd.DataFrame:
    """Set a model's last layer by logistic regression on what comes into it.

    Args:
        model: A classifier that ends with a dense layer, softmax or one sigmoid unit, such as
            `transfer_model` returns. Its last layer is changed in place.
        data: The images to learn from. Their augmentation is not applied.
        validation_data: The images by which `C` is chosen; the middle value where None.
        C: Inverse strengths of the regularization to try, above 0, on standardized features.

    Returns:
        One row for each value of `C`: `C`, `loss` (cross-entropy) and `accuracy`, both on the
        validation images, and `chosen`.

    Raises:
        ValueError: If the model does not end with a dense layer, or the iterators have no classes.

    Example:
        >>> from pykeras_tl.images.image_data_generator import ImageDataGenerator
        >>> images = np.random.default_rng(0).random((20, 4, 4, 3))
        >>> images[:10] += 1
        >>> layers = [keras.Input((4, 4, 3)), keras.layers.Flatten(),
        ...           keras.layers.Dense(2, "softmax")]
        >>> model = keras.Sequential(layers)
        >>> flow = ImageDataGenerator().flow(images, np.eye(2)[[0] * 10 + [1] * 10])
        >>> float(fit_linear_probe(model, flow, flow)["accuracy"].max())
        1.0

    Source:
        Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform
        Out-of-Distribution, 2022.
    """
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.activation not in (
        keras.activations.softmax,
        keras.activations.sigmoid,
    ):
        raise ValueError(
            "Expected a model that ends with a dense layer with softmax or sigmoid. Received: "
            f"{model.name!r}, which ends with {type(last).__name__} {last.name!r}."
        )
    training, validation = _probe_data(model, data, validation_data)
    table, probe = choose_probe(training, validation, C, last.units)
    kernel, bias = probe.weights(last.units)
    last.set_weights([kernel, bias] if last.use_bias else [kernel])
    return table


def _probe_data(
    model: keras.Model, data: Iterator, validation_data: Iterator | None
) -> tuple[ProbeData, ProbeData | None]:
    for flow in (data, validation_data):
        if flow is not None and not class_counts(flow):
            raise ValueError(
                f"Expected images with classes. Received: class_mode={flow.class_mode!r}."
            )
    training, validation = last_layer_inputs(model, data, validation_data)
    return _with_classes(*training), validation and _with_classes(*validation)


Features = tuple[np.ndarray, np.ndarray]


def last_layer_inputs(
    model: keras.Model, data: Iterator, validation_data: Iterator | None
) -> tuple[Features, Features | None]:
    """Compute what comes into the last layer, from the cache of frozen layers where there is one.

    A training of the head that follows finds the output of the frozen layers there.

    Args:
        model: A model that ends with a dense layer.
        data: Images with labels. Their augmentation is not applied.
        validation_data: Others, or None.

    Returns:
        For both, the features, float64 of shape (images, features), and the labels as the
        iterator yields them.
    """
    if not model.compiled:
        # The cache hands the compilation on to the layers that are not frozen.
        model.compile("sgd", loss="mse")
    validation = None if validation_data is None else validation_data.in_file_order()
    policy = CachePolicy(math.inf, math.inf, None, "float32", None, "auto", None)
    inputs = cache_frozen_layers(FitInputs(model, data.in_file_order(), validation), policy)
    last = model.layers[-1]
    if isinstance(inputs.model, Subgraph):
        extractor = inputs.model.before(last)
    else:
        extractor = keras.Model(model.inputs, last.input)
    try:
        training = features_and_labels(extractor, inputs.source)
        return training, inputs.validation and features_and_labels(extractor, inputs.validation)
    finally:
        inputs.close()


def features_and_labels(extractor: keras.Model, source: BatchSource) -> Features:
    """Compute features of all images of an iterator, or of cached features.

    Args:
        extractor: Returns one vector per image.
        source: Yields batches with labels, at the start of an epoch.

    Returns:
        Features, float64 of shape (images, features), and labels, in the iterator's order.
    """
    features, labels = [], []
    extractor = inference_model(extractor)
    specs = [source.next_batch_spec() for _ in range(len(source))]
    with closing(batches(iter(specs).__next__, source)) as stream:
        for _ in specs:
            x, y, *_ = next(stream)
            features.append(extractor.predict_on_batch(x))
            labels.append(np.asarray(y))
    return np.concatenate(features).astype("float64"), np.concatenate(labels)


def probe_data(extractor: keras.Model, source: BatchSource) -> ProbeData:
    """Compute features and classes of all images of an iterator, or of cached features.

    Args:
        extractor: Returns one vector per image.
        source: Yields batches with labels that are classes, at the start of an epoch.

    Returns:
        Features and classes, in the iterator's order.
    """
    return _with_classes(*features_and_labels(extractor, source))


def _with_classes(features: np.ndarray, labels: np.ndarray) -> ProbeData:
    classes = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels
    return ProbeData(features, classes.reshape(len(labels)).astype("int64"))


class Probe:
    """A logistic regression on standardized features.

    Args:
        data: What to learn from.
        C: Inverse strength of the regularization.
        classes: Number of classes; those without an image get the lowest score.
    """

    def __init__(self, data: ProbeData, C: float, classes: int) -> None:
        self._scaler = StandardScaler().fit(data.features)
        self._regression = LogisticRegression(C=C, max_iter=_ITERATIONS)
        self._classes = classes
        with warnings.catch_warnings():
            # A probe that stopped early is a good one all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._regression.fit(self._scaler.transform(data.features), data.classes)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities, shape (images, classes)."""
        known = self._regression.predict_proba(self._scaler.transform(features))
        probabilities = np.zeros((len(features), self._classes))
        probabilities[:, self._regression.classes_] = known
        return probabilities

    def weights(self, units: int) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel and bias of a dense layer that computes the same.

        Args:
            units: Units of the layer; 1 is a sigmoid for the second of two classes.

        Returns:
            Shapes (features, units) and (units,), float32.
        """
        # (x - mean) / scale · w + b  =  x · (w / scale) + (b - mean · w / scale)
        kernel = self._regression.coef_ / self._scaler.scale_
        bias = self._regression.intercept_ - kernel @ self._scaler.mean_
        present = self._regression.classes_
        if units > 1:
            if len(present) == 2:
                kernel = np.concatenate([-kernel / 2, kernel / 2])
                bias = np.concatenate([-bias / 2, bias / 2])
            full = np.zeros((units, kernel.shape[1]))
            full_bias = np.full(units, bias.min() - 10.0)
            full[present], full_bias[present] = kernel, bias
            kernel, bias = full, full_bias
        return kernel.T.astype("float32"), bias.astype("float32")


def choose_probe(
    training: ProbeData, validation: ProbeData | None, C: Sequence[float], units: int
) -> tuple[pd.DataFrame, Probe]:
    """Fit a probe for each strength of regularization and choose by the validation loss.

    Args:
        training: What to learn from.
        validation: What to choose by; None chooses the middle strength.
        C: Inverse strengths.
        units: Units of the last layer.

    Returns:
        The table as `fit_linear_probe` returns it, and the chosen probe.
    """
    classes = max(units, 2)
    strengths = sorted(C)
    if validation is None:
        strengths = [strengths[len(strengths) // 2]]
    probes = [Probe(training, value, classes) for value in strengths]
    rows = []
    for value, probe in zip(strengths, probes):
        row = {"C": value, "loss": np.nan, "accuracy": np.nan}
        if validation is not None:
            predicted = probe.predict(validation.features)
            row["loss"] = log_loss(validation.classes, predicted, labels=range(classes))
            row["accuracy"] = float(np.mean(predicted.argmax(axis=1) == validation.classes))
        rows.append(row)
    table = pd.DataFrame(rows)
    best = 0 if validation is None else int(table["loss"].to_numpy().argmin())
    return table.assign(chosen=table.index == best), probes[best]
