"""Evaluation of a regressor on images whose numbers are known."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...images.datasets.label_tables import read_label_table, read_target
from ..results.folder import check_all_read, group_images
from ..results.training_images import warn_of_training_images
from .evaluation import RegressionEvaluation

if TYPE_CHECKING:
    from ...models.saving.regressor import Regressor


def evaluate_regressor(
    regressor: Regressor,
    data: pd.DataFrame | str | os.PathLike[str],
    y_col: str | None = None,
    *,
    x_col: str = "filename",
    directory: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    groups: Sequence[Hashable] | str | None = "copies",
    test_time_augmentation: str | None = None,
) -> RegressionEvaluation:
    """Evaluate a regressor on images whose numbers are known.

    It warns if the regressor was trained on some of the image files.

    Args:
        regressor: The regressor.
        data: A data frame or a CSV file with a row for each image.
        y_col: The column with the numbers; by default, the one that it was trained on.
        x_col: The column with the file names.
        directory: The folder that they are relative to; that of the CSV file by default.
        batch_size: Images per batch.
        groups: What belongs together, so that intervals take it into account: one value per image,
            a column of the table, or `"copies"`, which takes the column `group` or searches for
            copies of one image. `None` takes all images for independent.
        test_time_augmentation: As in `Regressor.predict`.

    Returns:
        The evaluation.

    Raises:
        BadImageError: If an image cannot be read.
        FileNotFoundError: If a file does not exist.
        ValueError: If a column is missing, or a row has no number.

    Example:
        >>> evaluate_regressor(regressor, "test.csv").intervals  # doctest: +SKIP
    """
    table = read_label_table(data, directory, x_col)
    true = read_target(table, regressor.target if y_col is None else y_col)
    files = table["filename"].tolist()
    warn_of_training_images(regressor, files)
    found = evaluate_numbers(regressor, files, true, batch_size, test_time_augmentation)
    return replace(found, **group_images(table, groups))


def evaluate_numbers(
    regressor: Regressor,
    files: list[str],
    true: np.ndarray,
    batch_size: int = 32,
    test_time_augmentation: str | None = None,
) -> RegressionEvaluation:
    """Evaluate a regressor on files whose numbers are known.

    Args:
        regressor: The regressor.
        files: Image files.
        true: The number of each, shape (images,).
        batch_size: Images per batch.
        test_time_augmentation: As in `Regressor.predict`.

    Returns:
        The evaluation, without groups.

    Raises:
        BadImageError: If an image cannot be read.
    """
    predicted = regressor.predict(files, batch_size, test_time_augmentation)
    check_all_read(predicted)
    made = pd.DataFrame(
        {"filename": files, "true": true, "predicted": predicted["predicted"].to_numpy()}
    )
    return RegressionEvaluation(made, regressor.target)
