"""Trains a regressor, which gives each image a number."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping

import pandas as pd

from ..images.datasets.label_tables import read_label_table, read_target
from ..images.datasets.splits import split_fractions
from ..images.decoding.value_range import DtypeRange
from ..models.saving.regressor import Regressor
from .tables import group_and_split, quantile_bins
from .task import RegressionTask
from .training import Settings, train_task

_STANDARDIZED = "standardized"


def train_regressor(
    data: pd.DataFrame | str | os.PathLike[str],
    out: str | os.PathLike[str],
    y_col: str,
    *,
    x_col: str = "filename",
    directory: str | os.PathLike[str] | None = None,
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
) -> Regressor:
    """Train a regressor, which gives each image a number, such as an age or a count.

    The training is planned as in `train_classifier`: frozen backbones are tried with a ridge
    regression, and what time allows is fine-tuned, with the Huber loss. The images are split at
    random into 60 % for training, 20 % for validation and 20 % for the test, each with numbers
    from the whole range. The model learns standardized numbers, and returns them in their own unit.

    Args:
        data: A data frame or a CSV file with a row for each image.
        out: The folder of results: the regressor, the evaluations and `report.html`. It is created
            if missing, and must not hold anything else.
        y_col: The column with the numbers.
        x_col: The column with the file names.
        directory: The folder that they are relative to; by default that of the CSV file, or the
            working directory for a data frame.
        quality: As in `train_multi_label_classifier`, and so are the others.
        minutes: The time to plan with instead.
        backbone: A name in `models.BACKBONES`; `None` tries those whose weights are at hand.
        weights: `"imagenet"`, the path of a weights file, or `None` for random weights.
        target_size: Height and width of the images in pixels; `None` chooses.
        batch_size: Images in a batch; `None` chooses.
        groups: Keeps images that belong together in one part, and computes confidence intervals
            by group.
        seed: The seed of the split, the weights, shuffling and augmentation.
        on_bad: What happens with files that cannot be read.
        dtype_range: The range of values in files of 16 bits or floating-point numbers.

    Returns:
        The trained regressor, as `load_predictor(out / "regressor")` loads it, with its mean
        absolute error on the validation and test images in `metrics`.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If a file is missing, or the weights are not available.
        FileExistsError: If `out` holds something else, or another regressor.
        ValueError: If a column is missing, a row has no number, all numbers are equal, there are
            fewer than thirty distinct images, or an argument is out of range.

    Example:
        >>> regressor = train_regressor("people.csv", "ages", "age")  # doctest: +SKIP
        >>> regressor.predict("new-people")  # doctest: +SKIP
    """
    started = time.monotonic()
    settings = Settings(
        quality, minutes, backbone, weights, target_size, batch_size, seed, dtype_range
    )
    given = read_label_table(data, directory, x_col)
    numbers = read_target(given, y_col)
    table = pd.DataFrame(
        {
            "filename": given["filename"],
            _STANDARDIZED: numbers,
            # What parts and samples of the images are balanced by.
            "class": quantile_bins(numbers),
        }
    )

    def split(
        rows: pd.DataFrame, fractions: Mapping[str, float], column: str | None
    ) -> pd.DataFrame:
        with warnings.catch_warnings():
            # Of ranges that some part has no group of.
            warnings.simplefilter("ignore")
            return split_fractions(rows, fractions, groups=column, seed=seed)

    tables = group_and_split(table, given, groups, on_bad, split)
    known = tables["train"][_STANDARDIZED]
    mean, deviation = float(known.mean()), float(known.std(ddof=0))
    if deviation == 0:
        raise ValueError(
            f"Expected different numbers in the column {y_col!r}. Received: {mean:g} only."
        )
    scaled = {
        name: part.assign(**{_STANDARDIZED: (part[_STANDARDIZED] - mean) / deviation})
        for name, part in tables.items()
    }
    task = RegressionTask([_STANDARDIZED], y_col, mean, deviation)
    trained = train_task(task, scaled, out, settings, started)
    assert isinstance(trained, Regressor)
    return trained
