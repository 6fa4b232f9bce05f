"""CNN + SVM: a support vector machine fitted on a layer's output, as one Keras model again.

The fitted SVM becomes layers, so the result saves, loads, predicts and trains as any model does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
from scipy.special import softmax

from ...evaluation.calibration import fit_temperature
from ...evaluation.prediction_table import prediction_table
from ...evaluation.predictions import true_classes
from ...models.graph.nodes import GraphTensor, inspectable_graph, nodes_between, output_of
from ...models.inference import run_flow
from ...models.layer_tree import LayerTree
from ...models.networks.cnn_svr import network as published_network
from .grid_search import check_grid, search_grid, tuning_subsample
from .keras_layers import FIXED, fit_scaling, scaling_layer, svm_layers

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

    from ...images.iterators.base import Iterator
    from ...training.history import History

_SCORES = "svm_scores"
# Memory for an SVM's kernel, in MB.
_CACHE = 500
# Half the width of the zone without loss in regression; scikit-learn's default.
_EPSILON = 0.1


@dataclass(frozen=True)
class Hybrid:
    """A model whose last layers are a support vector machine.

    Args:
        model: From images to probabilities, or to one number for regression; made of Keras's
            own layers only.
        scores: The same model up to the SVM's scores; it shares the weights.
        search: Results of the cross-validation, best first: `kernel`, `C`, `score` (mean over
            the folds: accuracy, or R² for regression) and `deviation` (standard deviation over
            the folds).
    """

    model: keras.Model
    scores: keras.Model
    search: pd.DataFrame

    @property
    def for_numbers(self) -> bool:
        """Whether the model is for regression: one number per image in place of classes."""
        return self.model is self.scores


def feature_network(
    input_shape: tuple[int, int, int] = (32, 32, 3), seed: int | None = None
) -> keras.Model:
    """Build the published feature extractor for CNN + SVM: three convolutions, one dense layer.

    Conv 5 (5×5), pool, conv 10 (5×5), pool, conv 10 (2×2), pool, dense 100; all ReLU.

    Args:
        input_shape: Height, width and channels.
        seed: Seed of the initial weights, or None.

    Returns:
        An uncompiled model from images to 100 features; its last layer is `features`.

    Example:
        >>> feature_network().output_shape
        (None, 100)
    """
    network = published_network(input_shape=input_shape, seed=seed)
    features = network.get_layer("features").output
    return keras.Model(network.inputs, features, name="feature_network")


def fit_svm(
    model: keras.Model,
    flow: Iterator,
    layer: str | int = -2,
    grid: Mapping[str, Sequence[Any]] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Hybrid:
    """Fit a support vector machine on a layer's output, tuned by cross-validation.

    The SVM is one-vs-rest. It becomes layers of a new model: the kernel with its support
    vectors, the scores, and a softmax whose temperature is fitted on scores of images that the
    SVM was not fitted to. Cross-validation uses 2,000 images at most, the final fit all of them.

    Args:
        model: A trained functional or sequential model; it is not changed.
        flow: The training images; they are used without augmentation.
        layer: The layer whose output is the features: its name or index, or its path into a
            nested model; for a nested model, its last layer is used.
        grid: Values to try for `kernel` ("linear", "rbf") and `C`; if None, both kernels with C
            of 0.1, 1 and 10.
        folds: Folds of the cross-validation.
        seed: Seed of the folds.

    Returns:
        The hybrid; its model returns the probability of each class, shape (images, classes).

    Raises:
        ValueError: If the model has no such layer, the flow's classes are unknown or fewer than
            two, or the grid has other settings.
        IndexError: If the index is out of range.

    Source:
        Tang, Deep Learning using Linear Support Vector Machines (2013).
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    check_grid(grid)
    extractor = _feature_extractor(model, layer)
    ordered = flow.in_file_order()
    names, true = _classes(ordered)
    labels = pd.Index(names).get_indexer(pd.Index(true))
    scaler, features = _scaled_features(extractor, ordered)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    rows = tuning_subsample(len(true), seed, labels)
    svm = OneVsRestClassifier(SVC(gamma="auto", cache_size=_CACHE))
    best, search = search_grid(svm, "estimator__", grid, splitter, features[rows], labels[rows])
    decided = cross_val_predict(
        best, features[rows], labels[rows], cv=splitter, method="decision_function"
    )
    best.fit(features, labels)
    scores = np.column_stack([-decided, decided]) if decided.ndim == 1 else decided
    temperature = fit_temperature(_as_predictions(scores, [true[row] for row in rows], names))

    outputs = svm_layers(best.estimators_, features, _SCORES)(
        scaling_layer(scaler)(extractor.output)
    )
    logits = keras.layers.Rescaling(1 / temperature, name="svm_certainty")(outputs)
    probabilities = keras.layers.Softmax(name="svm_probabilities")(logits)
    inputs = extractor.inputs
    return Hybrid(keras.Model(inputs, probabilities), keras.Model(inputs, outputs), search)


def fit_svr(
    model: keras.Model,
    flow: Iterator,
    layer: str | int = -2,
    grid: Mapping[str, Sequence[Any]] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Hybrid:
    """Fit support vector regression on a layer's output, tuned by cross-validation.

    Args:
        model: A trained functional or sequential model; it is not changed.
        flow: The training images, with one number each (`class_mode="raw"`).
        layer: The layer whose output is the features, as for `fit_svm`.
        grid: Values to try for `kernel` and `C`, as for `fit_svm`.
        folds: Folds of the cross-validation.
        seed: Seed of the folds.

    Returns:
        The hybrid; its model returns one number per image, shape (images, 1).

    Raises:
        ValueError: If the model has no such layer, the flow does not have one number per image,
            or the grid has other settings.
        IndexError: If the index is out of range.
    """
    from sklearn.model_selection import KFold
    from sklearn.svm import SVR

    check_grid(grid)
    extractor = _feature_extractor(model, layer)
    ordered = flow.in_file_order()
    targets = np.asarray(ordered.targets(np.arange(flow.n))[0], dtype="float64").reshape(-1)
    if len(targets) != flow.n:
        raise ValueError(
            f"Expected one number per image for {flow.n} images. Received: {len(targets)} "
            "numbers. Use class_mode='raw'."
        )
    scaler, features = _scaled_features(extractor, ordered)
    splitter = KFold(folds, shuffle=True, random_state=seed)
    rows = tuning_subsample(len(targets), seed)
    svm = SVR(gamma="auto", epsilon=_EPSILON, cache_size=_CACHE)
    best, search = search_grid(svm, "", grid, splitter, features[rows], targets[rows])
    best.fit(features, targets)
    outputs = svm_layers([best], features, _SCORES)(scaling_layer(scaler)(extractor.output))
    regressor = keras.Model(extractor.inputs, outputs)
    return Hybrid(regressor, regressor, search)


def fine_tune_svm(
    hybrid: Hybrid,
    flow: Iterator,
    epochs: int = 5,
    learning_rate: float = 1e-4,
    momentum: float = 0.9,
    **options: Any,
) -> History:
    """Train a hybrid further, end to end, with the SVM's own loss and SGD.

    The loss is the hinge loss of each class against the rest (for regression, the distance
    beyond ±0.1): the loss that the SVM was fitted with, so that training starts from its
    minimum. The layers below the SVM are trained too; support vectors and scaling stay frozen.
    `hybrid.model` shares the weights and so changes as well.

    Args:
        hybrid: From `fit_svm` or `fit_svr`.
        flow: The training images: with `class_mode="categorical"` for classes, and with one
            number each (`class_mode="raw"`) for regression.
        epochs: Number of epochs.
        learning_rate: Learning rate of SGD.
        momentum: Momentum of SGD, 0..1.
        **options: Other arguments of `training.fit`, such as `validation_data`.

    Returns:
        The history.

    Raises:
        ValueError: If the flow has another class mode.
    """
    from ...training import fit

    wanted = "raw" if hybrid.for_numbers else "categorical"
    if flow.class_mode not in (wanted, "array"):
        raise ValueError(
            f"Expected a flow with class_mode={wanted!r}. Received: {flow.class_mode!r}."
        )
    for layer in hybrid.scores.layers:
        layer.trainable = not layer.name.startswith(FIXED)
    # Scaling amplifies features of small variance, and their gradients too.
    hybrid.scores.compile(
        keras.optimizers.SGD(learning_rate, momentum=momentum, clipnorm=1.0),
        loss=_epsilon_insensitive_loss if hybrid.for_numbers else keras.losses.Hinge(),
        metrics=["mae" if hybrid.for_numbers else "accuracy"],
    )
    return fit(hybrid.scores, flow, epochs=epochs, **options)


def _epsilon_insensitive_loss(true: Any, predicted: Any) -> Any:
    """The loss of support vector regression: the distance beyond ±ε."""
    distance = keras.ops.abs(keras.ops.reshape(true, (-1, 1)) - predicted)
    return keras.ops.mean(keras.ops.relu(distance - _EPSILON), axis=-1)


def _feature_extractor(model: keras.Model, layer: str | int) -> keras.Model:
    """Return a copy of a model up to a layer, with the layer's output flattened.

    The copy is made of Keras's own layers, with those of nested models in their place, so that
    it can be saved; and training it leaves the model itself unchanged.
    """
    tree = LayerTree(model)
    graph = inspectable_graph(model)
    end = output_of(graph, tree.leaves[tree.find(layer)[-1]].layer)
    tensors = {tensor: keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in graph.inputs}

    def copied(leaf: Any) -> Any:
        return tensors[leaf] if isinstance(leaf, GraphTensor) else leaf

    copies: dict[Any, Any] = {}
    for node in nodes_between(graph.nodes, graph.inputs, [end]):
        if node.operation not in copies:
            copies[node.operation] = _renamed_copy(node.operation, copies.values())
        args, kwargs = keras.tree.map_structure(copied, (node.args, node.kwargs))
        outputs = keras.tree.flatten(copies[node.operation](*args, **kwargs))
        tensors.update(zip(node.outputs, outputs))
    for original, copy in copies.items():
        if isinstance(original, keras.Layer):
            copy.set_weights(original.get_weights())
    features = tensors[end]
    if len(features.shape) > 2:
        features = keras.layers.Flatten(name="svm_flatten")(features)
    return keras.Model([tensors[tensor] for tensor in graph.inputs], features)


def _renamed_copy(operation: Any, others: Iterable[Any]) -> Any:
    """Copy an operation, under another name where a layer of another nested model has its own."""
    config = operation.get_config()
    taken = {other.name for other in others}
    name, number = operation.name, 1
    while name in taken:
        name, number = f"{operation.name}_{number}", number + 1
    return type(operation).from_config(config | {"name": name} if "name" in config else config)


def _classes(ordered: Iterator) -> tuple[list[str], list[str]]:
    """Return the classes, and the class of each image."""
    targets = ordered.targets(np.arange(ordered.n))[0]
    names = list(ordered.class_names or ())
    if not names and targets is not None:
        # A flow over arrays has no names; its labels give the number of classes.
        count = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
        names = [str(number) for number in range(count)]
    true = true_classes(ordered, names) if names else None
    if true is None or len(names) < 2 or len(set(true)) < len(names):
        raise ValueError(
            "Expected a flow with images of each of two or more classes. Received: classes "
            f"{names}, with images of {sorted(set(true or []))}."
        )
    return names, true


def _scaled_features(
    extractor: keras.Model, ordered: Iterator
) -> tuple[StandardScaler, np.ndarray]:
    indices, features = run_flow(extractor, ordered)
    features = features[np.argsort(indices)].astype("float64")
    scaler = fit_scaling(features)
    return scaler, scaler.transform(features)


def _as_predictions(scores: np.ndarray, true: list[str], names: list[str]) -> pd.DataFrame:
    files = [str(number) for number in range(len(true))]
    return prediction_table(files, true, softmax(scores, axis=1), names)
