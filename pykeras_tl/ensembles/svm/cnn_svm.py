"""CNN + SVM: a support vector machine on a network's layer, as one network again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from ...evaluation.calibration import fit_temperature
from ...evaluation.prediction_table import prediction_table
from ...evaluation.predictions import run_flow, true_classes
from ...models.networks.cnn_svr import network as published_network
from .grid_search import check_grid, search_grid, tuning_subsample
from .keras_layers import FIXED, FeatureScaling, svm_layers

if TYPE_CHECKING:
    from ...images.iterators.base import Iterator
    from ...training.history import History

_SCORES = "svm_scores"
# Memory for a machine's kernel, in MB.
_CACHE = 500
# How far a number may be off at no cost in regression; scikit-learn's own choice.
_EPSILON = 0.1


@dataclass(frozen=True)
class Hybrid:
    """A network whose last layers are a support vector machine.

    Args:
        model: From images to probabilities, or to a number for regression: a Keras network
            like any other, made of Keras's own layers.
        scores: The same network up to the machine's scores; it shares its weights.
        search: What cross-validation found, the best first: `kernel`, `C`, `score` (mean over
            the folds: accuracy, or R² for regression) and `deviation`.
    """

    model: keras.Model
    scores: keras.Model
    search: pd.DataFrame

    @property
    def for_numbers(self) -> bool:
        """Whether it gives a number an image, and no classes."""
        return self.model is self.scores


def feature_network(
    input_shape: tuple[int, int, int] = (32, 32, 3), seed: int | None = None
) -> keras.Model:
    """Build the published network for CNN + SVM: three convolutions and a dense layer.

    Conv 5 (5×5), pool, conv 10 (5×5), pool, conv 10 (2×2), pool, dense 100; all relu.

    Args:
        input_shape: Height, width and channels.
        seed: Of the first weights, or None.

    Returns:
        An uncompiled network from images to 100 features; its last layer is `features`.

    Example:
        >>> feature_network().output_shape
        (None, 100)
    """
    whole = published_network(input_shape=input_shape, seed=seed)
    features = whole.get_layer("features").output
    return keras.Model(whole.inputs, features, name="feature_network")


def fit_svm(
    model: keras.Model,
    flow: Iterator,
    layer: str | int = -2,
    grid: Mapping[str, Sequence[Any]] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Hybrid:
    """Put a support vector machine on a network's layer, tuned by cross-validation.

    The machine is one-against-rest. It becomes layers of the network: the kernel and its
    support vectors, the scores, and a softmax whose temperature is fitted on scores of
    images that the machine did not see. So it saves, loads and predicts as any network.
    Cross-validation looks at 2,000 images at most, the last fit at all of them.

    Args:
        model: A trained network; it stays as it is.
        flow: The training images; they are used without augmentation.
        layer: The layer whose outputs are the features, among `model.layers`.
        grid: Values to try for `kernel` ("linear", "rbf") and `C`; both kernels with C of
            0.1, 1 and 10 when None.
        folds: Folds of the cross-validation.
        seed: Of the folds.

    Returns:
        The hybrid; its model gives the probability of each class.

    Raises:
        ValueError: When the layer is none of the model's, the flow's classes are unknown or
            fewer than two, or the grid has other settings.

    Source:
        Tang, Deep Learning using Linear Support Vector Machines (2013).
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    check_grid(grid)
    cut = _cut(model, layer)
    ordered = flow.in_file_order()
    names, true = _classes(ordered)
    numbers = pd.Index(names).get_indexer(pd.Index(true))
    scaling, features = _scaled_features(cut, ordered)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    rows = tuning_subsample(len(true), seed, numbers)
    machine = OneVsRestClassifier(SVC(gamma="auto", cache_size=_CACHE))
    best, search = search_grid(machine, "estimator__", grid, parts, features[rows], numbers[rows])
    decided = cross_val_predict(
        best, features[rows], numbers[rows], cv=parts, method="decision_function"
    )
    best.fit(features, numbers)
    scores = np.column_stack([-decided, decided]) if decided.ndim == 1 else decided
    temperature = fit_temperature(_as_predictions(scores, [true[row] for row in rows], names))

    outputs = svm_layers(best.estimators_, features, _SCORES)(scaling.layer()(cut.outputs[0]))
    certain = keras.layers.Rescaling(1 / temperature, name="svm_certainty")(outputs)
    chances = keras.layers.Softmax(name="svm_probabilities")(certain)
    return Hybrid(keras.Model(cut.inputs, chances), keras.Model(cut.inputs, outputs), search)


def fit_svr(
    model: keras.Model,
    flow: Iterator,
    layer: str | int = -2,
    grid: Mapping[str, Sequence[Any]] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Hybrid:
    """Put support vector regression on a network's layer, tuned by cross-validation.

    Args:
        model: A trained network; it stays as it is.
        flow: The training images, with one number each (`class_mode="raw"`).
        layer: The layer whose outputs are the features, among `model.layers`.
        grid: Values to try for `kernel` and `C`, as for `fit_svm`.
        folds: Folds of the cross-validation.
        seed: Of the folds.

    Returns:
        The hybrid; its model gives one number an image.

    Raises:
        ValueError: When the layer is none of the model's, the flow does not have one number a
            image, or the grid has other settings.
    """
    from sklearn.model_selection import KFold
    from sklearn.svm import SVR

    check_grid(grid)
    cut = _cut(model, layer)
    ordered = flow.in_file_order()
    targets = np.asarray(ordered.targets(np.arange(flow.n))[0], dtype="float64").reshape(-1)
    if len(targets) != flow.n:
        raise ValueError(
            f"Regression needs one number an image (class_mode='raw'); {flow.n} images came "
            f"with {len(targets)} numbers."
        )
    scaling, features = _scaled_features(cut, ordered)
    parts = KFold(folds, shuffle=True, random_state=seed)
    rows = tuning_subsample(len(targets), seed)
    machine = SVR(gamma="auto", epsilon=_EPSILON, cache_size=_CACHE)
    best, search = search_grid(machine, "", grid, parts, features[rows], targets[rows])
    best.fit(features, targets)
    outputs = svm_layers([best], features, _SCORES)(scaling.layer()(cut.outputs[0]))
    whole = keras.Model(cut.inputs, outputs)
    return Hybrid(whole, whole, search)


def fine_tune_svm(
    hybrid: Hybrid,
    flow: Iterator,
    epochs: int = 5,
    learning_rate: float = 1e-4,
    momentum: float = 0.9,
    **options: Any,
) -> History:
    """Train a hybrid on, end to end, with the machine's own loss and SGD.

    The loss is the hinge of each class against the rest, as the machine was fitted (for
    regression, the distance beyond ±0.1), so that what the machine knows is not lost first. The
    network below the machine learns too; support vectors and scaling stay. `hybrid.model` changes
    along, as it shares the weights.

    Args:
        hybrid: From `fit_svm` or `fit_svr`.
        flow: The training images: with `class_mode="categorical"` for classes, and with one
            number each (`class_mode="raw"`) for regression.
        epochs: How long.
        learning_rate: Of SGD.
        momentum: Of SGD, 0..1.
        **options: Others of `training.fit`, such as `validation_data`.

    Returns:
        The history.

    Raises:
        ValueError: When the flow's class mode is another.
    """
    from ...training import fit

    wanted = "raw" if hybrid.for_numbers else "categorical"
    if flow.class_mode not in (wanted, "array"):
        raise ValueError(f"Fine tuning needs class_mode={wanted!r}; got {flow.class_mode!r}.")
    for layer in hybrid.scores.layers:
        layer.trainable = not layer.name.startswith(FIXED)
    # Scaling magnifies features that hardly change, and their gradients with them.
    hybrid.scores.compile(
        keras.optimizers.SGD(learning_rate, momentum=momentum, clipnorm=1.0),
        loss=_beyond_the_tube if hybrid.for_numbers else keras.losses.Hinge(),
        metrics=["mae" if hybrid.for_numbers else "accuracy"],
    )
    return fit(hybrid.scores, flow, epochs=epochs, **options)


def _beyond_the_tube(true: Any, found: Any) -> Any:
    """The loss of support vector regression: how far a number lies outside of ±ε."""
    distance = keras.ops.abs(keras.ops.reshape(true, (-1, 1)) - found)
    return keras.ops.mean(keras.ops.relu(distance - _EPSILON), axis=-1)


def _cut(model: keras.Model, layer: str | int) -> keras.Model:
    """Return a copy of the network up to a layer, its outputs flattened."""
    outputs: dict[str, keras.KerasTensor] = {}

    def noting(copied: keras.Layer, *arguments: Any, **options: Any) -> keras.KerasTensor:
        outputs[copied.name] = copied(*arguments, **options)
        return outputs[copied.name]

    # A layer that is a model itself knows its output in its own graph only, not in this one.
    graph = keras.Model(model.inputs, model.outputs)
    copy = keras.models.clone_model(graph, call_function=noting)
    copy.set_weights(graph.get_weights())
    names = [each.name for each in model.layers]
    name = layer if isinstance(layer, str) else dict(_by_place(names)).get(layer)
    if name not in outputs:
        raise ValueError(f"The model has no layer {layer!r} with outputs; it has {names}.")
    end = outputs[name]
    if len(end.shape) > 2:
        end = keras.layers.Flatten(name="svm_flatten")(end)
    return keras.Model(copy.inputs, end)


def _classes(ordered: Iterator) -> tuple[list[str], list[str]]:
    """Return the classes, and the class of each image."""
    targets = ordered.targets(np.arange(ordered.n))[0]
    names = list(ordered.class_names or ())
    if not names and targets is not None:
        # Arrays have no names: one-hot rows or numbers tell the classes.
        count = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
        names = [str(number) for number in range(count)]
    true = true_classes(ordered, names) if names else None
    if true is None or len(names) < 2 or len(set(true)) < len(names):
        raise ValueError("A machine needs a flow with images of each of two or more classes.")
    return names, true


def _by_place(names: list[str]) -> list[tuple[int, str]]:
    return [(place - back, name) for back in (0, len(names)) for place, name in enumerate(names)]


def _scaled_features(cut: keras.Model, ordered: Iterator) -> tuple[FeatureScaling, np.ndarray]:
    numbers, features = run_flow(cut, ordered)
    features = features[np.argsort(numbers)].astype("float64")
    scaling = FeatureScaling(features)
    return scaling, scaling.apply(features)


def _as_predictions(scores: np.ndarray, true: list[str], names: list[str]) -> pd.DataFrame:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances = powers / powers.sum(axis=1, keepdims=True)
    return prediction_table([str(i) for i in range(len(true))], true, chances, names)
