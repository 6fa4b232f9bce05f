"""Evaluation of a classifier on one set of images whose classes are known."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..images.datasets.file_names import is_readable_name
from ..images.duplicates import find_originals
from ..storage.shards.reading import is_file
from .evaluation import Evaluation
from .prediction_table import files_of, prediction_table, probabilities_of
from .predictions import predict_flow, true_classes
from .results.folder import check_all_read
from .results.training_images import warn_of_training_images

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator
    from ..models.saving.classifier import Classifier

_COPIES = "copies"


def evaluate_classifier(
    model: keras.Model | Classifier,
    data: Iterator | pd.DataFrame | str | os.PathLike[str],
    batch_size: int = 32,
    groups: Sequence[Hashable] | str | None = "copies",
    test_time_augmentation: str | None = None,
    subgroup: Sequence[Hashable] | pd.Series | str | None = None,
) -> Evaluation:
    """Evaluate a model or a saved classifier on images whose classes are known.

    It warns if a `Classifier` was trained on some of the image files.

    Args:
        model: A Keras model (then `data` is a flow that prepares images as in training) or a
            `Classifier`, which prepares images by itself.
        data: A flow; for a `Classifier`, also a folder with one subfolder per class or a table
            with the columns `filename` and `class`.
        batch_size: Images per batch, for a `Classifier`.
        groups: What belongs together (patient, slide): one value per image, in the order of the
            data, so that confidence intervals take it into account. By default the column
            `group` of a table; without it, `"copies"` searches image files for copies of each
            other, and remembers what it found. `None` takes all images for independent.
        test_time_augmentation: None, or views of each image over which probabilities are
            averaged: `"hflip"`, `"flips"` or `"d4"`, as in `predict_flow`.
        subgroup: What to tell the results apart by, such as the hospital: a column of a table, or
            one value per image, in the order of the data.

    Returns:
        The evaluation, in file order.

    Raises:
        TypeError: If a Keras model is given files, which it does not know how to prepare, or a
            `Classifier` is given arrays.
        ValueError: If the data has classes that the classifier was not trained on.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
        ... )
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 1, 0]])
        >>> evaluate_classifier(model, flow).accuracy
        0.5
    """
    import keras

    from ..models.saving.image_predictor import check_one_class

    check_one_class(model)
    table: pd.DataFrame | None = data if isinstance(data, pd.DataFrame) else None
    if isinstance(subgroup, str):
        if table is None or subgroup not in table:
            columns = "no table" if table is None else f"a table with {list(table)}"
            raise ValueError(
                f"Expected a table of images with the column {subgroup!r}. Received: {columns}."
            )
        subgroup = pd.Series(table[subgroup].tolist(), name=subgroup)
    if groups == _COPIES and table is not None and "group" in table:
        groups = table["group"].tolist()
    if not isinstance(model, keras.Model):
        files, true = _files_and_classes(data)
        _check_classes(model, true)
        warn_of_training_images(model, files)
        predictions = _predict_files(model, files, true, batch_size, test_time_augmentation)
    elif isinstance(data, str | os.PathLike | pd.DataFrame):
        raise TypeError(
            "Expected a flow, because a Keras model does not know how its images are prepared. "
            f"Received: {type(data).__name__}. Pass a flow over the images, or a classifier that "
            "prepares them: Classifier.from_flow(model, flow)."
        )
    else:
        predictions = predict_flow(model, data, test_time_augmentation)
    if groups != _COPIES:
        return Evaluation(predictions, groups, subgroup=subgroup)
    originals = _originals(predictions)
    return Evaluation(predictions, originals, originals is not None, subgroup)


def _originals(predictions: pd.DataFrame) -> list[str] | None:
    """Search the image files of a table of predictions for copies; None if it has no files."""
    if not all(is_readable_name(file) and is_file(file) for file in files_of(predictions)):
        return None
    return find_originals(predictions)


def _check_classes(classifier: Classifier, true: list[str]) -> None:
    strange = sorted(set(true) - set(classifier.class_names))
    if strange:
        raise ValueError(
            f"Expected the classes that the classifier was trained on, {classifier.class_names}. "
            f"Received: {strange[:5]}."
        )


def _predict_files(
    classifier: Classifier,
    files: list[str],
    true: list[str],
    batch_size: int,
    test_time_augmentation: str | None,
) -> pd.DataFrame:
    names = classifier.class_names
    table = classifier.predict(files, batch_size, test_time_augmentation, coverage=None)
    check_all_read(table)
    return prediction_table(files, true, probabilities_of(table), names)


def _files_and_classes(
    data: Iterator | pd.DataFrame | str | os.PathLike[str],
) -> tuple[list[str], list[str]]:
    from ..images.datasets.folders import list_images
    from ..images.iterators.file_iterator import FileIterator

    source = list_images(data) if isinstance(data, str | os.PathLike) else data
    if isinstance(source, pd.DataFrame):
        return source.loc[:, "filename"].tolist(), source.loc[:, "class"].tolist()
    if not isinstance(source, FileIterator):
        raise TypeError(
            "Expected a folder, a table of files or a flow over files, which a Classifier reads by "
            f"itself. Received: {type(source).__name__}. For arrays, evaluate the model: "
            "classifier.model."
        )
    true = true_classes(source, source.class_names or [])
    if true is None:
        raise ValueError("Expected a flow with the classes of its files. Received: no labels.")
    return [str(path) for path in source.filepaths], true
