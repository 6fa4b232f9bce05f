"""Trains a classifier that gives each image any number of labels."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..images.datasets.label_tables import read_label_table, read_labels
from ..images.datasets.splits import split_by_labels
from ..images.decoding.value_range import DtypeRange
from ..models.saving.multi_label import MultiLabelClassifier
from .tables import group_and_split, rarest_label
from .task import MultiLabelTask
from .training import Settings, train_task

_logger = logging.getLogger(__name__)
# Fewer training images with a label than this can hardly be learned from.
_FEW = 10


def train_multi_label_classifier(
    data: pd.DataFrame | str | os.PathLike[str],
    out: str | os.PathLike[str],
    y_col: str | Sequence[str] = "labels",
    *,
    x_col: str = "filename",
    directory: str | os.PathLike[str] | None = None,
    separator: str = ";",
    quality: str = "good",
    minutes: float | None = None,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    target_size: tuple[int, int] | None = None,
    batch_size: int | None = None,
    groups: str | None = "copies",
    seed: int = 0,
    on_bad: str | None = "raise",
    dtype_range: DtypeRange = None,
) -> MultiLabelClassifier:
    """Train a classifier for images that have several labels each, or none.

    The training is planned as in `train_classifier`: frozen backbones are tried with a logistic
    regression for each label, and what time allows is fine-tuned, with a sigmoid for each label
    and binary cross-entropy. The images are split at random into 60 % for training, 20 % for
    validation and 20 % for the test, so that each part gets its share of each label. The
    probability from which on an image has a label is the one with the highest F1 on the
    validation images.

    Args:
        data: A data frame or a CSV file with a row for each image.
        out: The folder of results: the classifier, the evaluations and `report.html`. It is
            created if missing, and must not hold anything else.
        y_col: The column with the labels of an image: text with a separator between them, such as
            `"cat;dog"`, or a list; empty for none. Or several columns, one for each label, with 0
            and 1.
        x_col: The column with the file names.
        directory: The folder that they are relative to; by default that of the CSV file, or the
            working directory for a data frame.
        separator: What stands between the labels of an image.
        quality: How much time to plan with: `"fast"` (2 minutes, the head only), `"good"` (10
            minutes) or `"best"` (an hour, several networks, averaged).
        minutes: The time to plan with instead.
        backbone: A name in `models.BACKBONES`; `None` tries those whose weights are at hand.
        weights: `"imagenet"`, the path of a weights file, or `None` for random weights.
        target_size: Height and width of the images in pixels; `None` chooses.
        batch_size: Images in a batch; `None` chooses.
        groups: Keeps images that belong together in one part, and computes confidence intervals
            by group: the name of a column, such as `"patient"`; `"copies"`, which takes the column
            `group` or searches for copies of one image; a regular expression for the file names;
            or `None`. A column `split` of the table, with `train`, `validation` and `test`, is used
            as it is.
        seed: The seed of the split, the weights, shuffling and augmentation.
        on_bad: What happens with files that cannot be read, as in `train_classifier`.
        dtype_range: The range of values in files of 16 bits or floating-point numbers, as in
            `train_classifier`.

    Returns:
        The trained classifier, as `load_predictor(out / "classifier")` loads it, with its mean
        average precision on the validation and test images in `metrics`.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If a file is missing, or the weights are not available.
        FileExistsError: If `out` holds something else, or another classifier.
        ValueError: If a column is missing, there are fewer than two labels or thirty distinct
            images, or an argument is out of range.

    Example:
        >>> classifier = train_multi_label_classifier(
        ...     "photographs.csv", "tags", "animals")  # doctest: +SKIP
        >>> classifier.predict("new-photographs")  # doctest: +SKIP
    """
    started = time.monotonic()
    settings = Settings(
        quality, minutes, backbone, weights, target_size, batch_size, seed, dtype_range
    )
    given = read_label_table(data, directory, x_col)
    labels, names = read_labels(given, y_col, separator)
    columns = [f"label {number}" for number in range(len(names))]
    table = pd.DataFrame(labels.astype("float32"), columns=columns)
    table.insert(0, "filename", given["filename"].to_numpy())
    # What samples of the images are balanced by.
    table["class"] = rarest_label(labels)

    def split(
        rows: pd.DataFrame, fractions: Mapping[str, float], column: str | None
    ) -> pd.DataFrame:
        return split_by_labels(rows, rows[columns].to_numpy() > 0, fractions, column, seed)

    tables = group_and_split(table, given, groups, on_bad, split)
    counts = tables["train"][columns].sum().to_numpy()
    few = [f"{names[number]} ({counts[number]:.0f})" for number in np.flatnonzero(counts < _FEW)]
    if few:
        _logger.warning(
            "Fewer than %d training images have these labels, which can hardly be learned: %s.",
            _FEW, ", ".join(few),
        )  # fmt: skip
    trained = train_task(MultiLabelTask(columns, names), tables, out, settings, started)
    assert isinstance(trained, MultiLabelClassifier)
    return trained
