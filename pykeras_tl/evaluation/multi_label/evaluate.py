"""Evaluation of a multi-label classifier on images whose labels are known."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...images.datasets.label_tables import read_label_table, read_labels
from ..results.folder import check_all_read, group_images
from ..results.training_images import warn_of_training_images
from .evaluation import MultiLabelEvaluation
from .table import label_table

if TYPE_CHECKING:
    from ...models.saving.multi_label import MultiLabelClassifier


def evaluate_multi_label_classifier(
    classifier: MultiLabelClassifier,
    data: pd.DataFrame | str | os.PathLike[str],
    y_col: str | Sequence[str] = "labels",
    *,
    x_col: str = "filename",
    directory: str | os.PathLike[str] | None = None,
    separator: str = ";",
    batch_size: int = 32,
    groups: Sequence[Hashable] | str | None = "copies",
    test_time_augmentation: str | None = None,
) -> MultiLabelEvaluation:
    """Evaluate a multi-label classifier on images whose labels are known.

    It warns if the classifier was trained on some of the image files.

    Args:
        classifier: The classifier.
        data: A data frame or a CSV file with a row for each image.
        y_col: The column with the labels, or one column per label, as in
            `train_multi_label_classifier`.
        x_col: The column with the file names.
        directory: The folder that they are relative to; that of the CSV file by default.
        separator: What stands between the labels of an image.
        batch_size: Images per batch.
        groups: What belongs together, so that intervals take it into account: one value per image,
            a column of the table, or `"copies"`, which takes the column `group` or searches for
            copies of one image. `None` takes all images for independent.
        test_time_augmentation: As in `MultiLabelClassifier.predict`.

    Returns:
        The evaluation.

    Raises:
        BadImageError: If an image cannot be read.
        FileNotFoundError: If a file does not exist.
        ValueError: If a column is missing, or the images have labels that the classifier does not
            know.

    Example:
        >>> evaluation = evaluate_multi_label_classifier(
        ...     classifier, "test.csv")  # doctest: +SKIP
        >>> evaluation.by_label  # doctest: +SKIP
    """
    table = read_label_table(data, directory, x_col)
    matrix, names = read_labels(table, y_col, separator)
    strange = [name for name in names if name not in classifier.class_names]
    if strange:
        raise ValueError(
            f"Expected labels that the classifier was trained on, {classifier.class_names}. "
            f"Received: {strange[:5]}."
        )
    true = np.zeros((len(table), len(classifier.class_names)), bool)
    true[:, [classifier.class_names.index(name) for name in names]] = matrix
    files = table["filename"].tolist()
    warn_of_training_images(classifier, files)
    found = evaluate_labels(classifier, files, true, batch_size, test_time_augmentation)
    return replace(found, **group_images(table, groups))


def evaluate_labels(
    classifier: MultiLabelClassifier,
    files: list[str],
    true: np.ndarray,
    batch_size: int = 32,
    test_time_augmentation: str | None = None,
) -> MultiLabelEvaluation:
    """Evaluate a multi-label classifier on files whose labels are known.

    Args:
        classifier: The classifier.
        files: Image files.
        true: Which image has which of the classifier's labels, bool of shape (images, labels).
        batch_size: Images per batch.
        test_time_augmentation: As in `MultiLabelClassifier.predict`.

    Returns:
        The evaluation, without groups.

    Raises:
        BadImageError: If an image cannot be read.
    """
    predicted = classifier.predict(files, batch_size, test_time_augmentation)
    check_all_read(predicted)
    scores = predicted.iloc[:, 2 : 2 + true.shape[1]].to_numpy("float64")
    thresholds = list(classifier.thresholds or ())
    made = label_table(files, true, scores, classifier.class_names, thresholds)
    return MultiLabelEvaluation(made, thresholds)
