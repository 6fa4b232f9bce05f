"""Fits what tells a classifier that an image is none of its classes."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from sklearn.covariance import LedoitWolf

from ..images.datasets.folders import list_images
from ..images.threads import default_workers, parallel_for
from ..models.saving.classifier import Classifier
from ..models.saving.image_predictor import check_one_class
from ..models.uncertainty.novelty import NoveltyDetector, normalized
from ..models.uncertainty.prediction_sets import group_quantile

# More images make the detector slower and its file larger, and hardly better.
_MOST = 1000


def fit_novelty(
    classifier: Classifier,
    training: pd.DataFrame | str | os.PathLike[str],
    validation: pd.DataFrame | str | os.PathLike[str],
    groups: Sequence[Hashable] | None = None,
    method: str = "knn",
    accepted: float = 0.95,
    most: int = _MOST,
    batch_size: int = 32,
    seed: int = 0,
) -> NoveltyDetector:
    """Give a classifier what `predict` needs for its column `none_of_these`.

    Args:
        classifier: The classifier, changed in place; save it again to keep it.
        training: The images that it learned from: a folder with one subfolder per class, or a
            table with the columns `filename` and `class`.
        validation: Images of the same kind that it did not learn from.
        groups: What belongs together among the validation images, one value per image; None if
            they are independent.
        method: `"knn"` or `"mahalanobis"`, as in `NoveltyDetector`.
        accepted: The share of validation images, or of their groups, that are taken for one of
            the classes, between 0 and 1.
        most: How many images of each of the two to use at most, drawn class by class.
        batch_size: Images read and computed at a time.
        seed: Seed of the draw.

    Returns:
        The detector, which is also `classifier.novelty`.

    Raises:
        ValueError: If an argument is out of range, or the model's layers are not known.
        BadImageError: If an image cannot be read.

    Example:
        >>> import keras
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.models import Classifier, PreprocessConfig
        >>> folder = generate_blood_cells("cells", 6, 2, 0, size=(32, 32))
        >>> layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(8, 3),
        ...           keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, "softmax")]
        >>> names = sorted(path.name for path in (folder / "TRAIN").iterdir())
        >>> classifier = Classifier(keras.Sequential(layers), names, PreprocessConfig((16, 16)))
        >>> detector = fit_novelty(classifier, folder / "TRAIN", folder / "TEST")
        >>> table = classifier.predict(folder / "TEST")
        >>> bool((table["none_of_these"] == (table["novelty"] > 1)).all())
        True
    """
    check_one_class(classifier)
    if not 0 < accepted < 1:
        raise ValueError(f"Expected accepted to be between 0 and 1. Received: {accepted}.")
    learned, others = _table(training), _table(validation)
    if groups is not None:
        others = others.assign(group=pd.Series(groups, index=others.index, dtype=object))
    learned, others = (draw_images(table, most, seed) for table in (learned, others))
    known = features_of(classifier, learned, batch_size)
    new = features_of(classifier, others, batch_size)
    classes = pd.Index(classifier.class_names).get_indexer(pd.Index(learned["class"]))
    together = others["group"].tolist() if groups is not None else None
    classifier.novelty = detector_of(known, classes, new, together, method, accepted)
    return classifier.novelty


def detector_of(
    training: np.ndarray,
    classes: np.ndarray,
    validation: np.ndarray,
    groups: Sequence[Hashable] | None = None,
    method: str = "knn",
    accepted: float = 0.95,
) -> NoveltyDetector:
    """Make a detector from features.

    Args:
        training: Features of training images, shape (images, features).
        classes: Their classes, as integers.
        validation: Features of validation images, shape (images, features).
        groups: The group of each validation image, or None.
        method: `"knn"` or `"mahalanobis"`.
        accepted: The share of the validation images, or groups, below the threshold.

    Returns:
        The detector.

    Example:
        >>> random = np.random.default_rng(0)
        >>> training, validation = random.normal(size=(2, 100, 3)) + [5, 0, 0]
        >>> detector = detector_of(training, np.zeros(100, int), validation)
        >>> float((detector.scores(validation) <= 1).mean())
        0.96
    """
    values = normalized(training)
    if method == "knn":
        arrays = {"bank": values.astype("float16")}
    else:
        numbers = np.unique(classes)
        means = np.stack([values[classes == number].mean(axis=0) for number in numbers])
        spread = values - means[np.searchsorted(numbers, classes)]
        precision = LedoitWolf(assume_centered=True).fit(spread).precision_
        whitening = np.linalg.cholesky(precision)
        arrays = {"means": means.astype("float32"), "whitening": whitening.astype("float32")}
    distances = NoveltyDetector(method, arrays, threshold=1.0).distances(validation)
    return NoveltyDetector(method, arrays, _threshold(distances, groups, accepted))


def _threshold(distances: np.ndarray, groups: Sequence[Hashable] | None, accepted: float) -> float:
    numbers = np.arange(len(distances))
    if groups is not None:
        numbers = pd.factorize(pd.Series(list(groups)))[0]
    threshold = group_quantile(distances, numbers, accepted)
    # Too few images for that share: none of them is too far.
    threshold = threshold if np.isfinite(threshold) else float(distances.max())
    return max(threshold, float(np.finfo("float32").eps))


def detector_by_folds(
    features: np.ndarray,
    classes: np.ndarray,
    folds: np.ndarray,
    groups: Sequence[Hashable] | None = None,
    accepted: float = 0.95,
) -> NoveltyDetector:
    """Make a detector where all images are learned from, by the nearest neighbours.

    The threshold is that of each image's distance from the images of the other folds.

    Args:
        features: Shape (images, features).
        classes: Their classes, as integers.
        folds: The fold of each image; images of one group are in one fold.
        groups: The group of each image, or None.
        accepted: The share of images, or groups, below the threshold.

    Returns:
        The detector.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(40, 3)) + [5, 0, 0]
        >>> detector = detector_by_folds(features, np.zeros(40, int), np.arange(40) % 5)
        >>> bool((detector.scores(-features) > 1).all())
        True
    """
    distances = np.empty(len(features))
    for fold in np.unique(folds):
        held = folds == fold
        detector = detector_of(features[~held], classes[~held], features[held])
        distances[held] = detector.distances(features[held])
    arrays = {"bank": normalized(features).astype("float16")}
    return NoveltyDetector("knn", arrays, _threshold(distances, groups, accepted))


def draw_images(table: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Draw up to `most` images, as many of each class as there are in proportion.

    Args:
        table: Images, with the column `class`.
        most: The number of images.
        seed: The seed.

    Returns:
        The rows drawn, in the table's order.

    Example:
        >>> table = pd.DataFrame({"filename": range(100), "class": ["x"] * 80 + ["y"] * 20})
        >>> draw_images(table, 10, 0)["class"].value_counts().to_dict()
        {'x': 8, 'y': 2}
    """
    if len(table) <= most:
        return table
    shuffled = table.reset_index(drop=True).sample(frac=1, random_state=seed)
    # The place of each image within its class, 0..1, so that classes are drawn from in turn.
    place = shuffled.groupby("class").cumcount() / shuffled.groupby("class")["class"].transform(
        "size"
    )
    kept = place.sort_values(kind="stable").index[:most]
    return table.iloc[np.sort(kept)]


def features_of(classifier: Classifier, table: pd.DataFrame, batch_size: int = 32) -> np.ndarray:
    """Compute the features of image files, as the classifier reads them.

    Args:
        classifier: The classifier.
        table: Images, with the column `filename`.
        batch_size: Images read and computed at a time.

    Returns:
        Shape (images, features).

    Raises:
        BadImageError: If an image cannot be read.
    """
    files, parts = table["filename"].tolist(), []
    for start in range(0, len(files), batch_size):
        names = files[start : start + batch_size]
        batch = np.zeros((len(names), *classifier.images.shape), "float32")

        def read(index: int, batch: np.ndarray = batch, names: list[str] = names) -> None:
            batch[index] = classifier.images.read(names[index])

        parallel_for(read, len(names), default_workers())
        parts.append(classifier.extractor(batch)[1])
    return np.concatenate(parts)


def _table(data: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    return data if isinstance(data, pd.DataFrame) else list_images(data)
