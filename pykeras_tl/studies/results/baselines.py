"""The accuracy that a study's data allow without a network, for comparison with its trials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...evaluation.baselines import majority_baseline, nearest_neighbour_baseline
from ...evaluation.evaluation import Evaluation
from ...storage.atomic_files import atomic_file
from ..data_splits import digest_files
from ..image_groups import groups_of
from ..trial import TRAINED_ON

_BASELINES = {
    "most frequent class": majority_baseline,
    "nearest image at 16 × 16 pixels": nearest_neighbour_baseline,
}
_COLUMNS = ["split", "baseline", "size", "accuracy", "low", "high", "macro f1"]


def study_baselines(tables: Mapping[str, pd.DataFrame], path: Path) -> pd.DataFrame:
    """Evaluate the baselines on each split that is not trained on.

    Args:
        tables: A table of images for each split, `train` among them.
        path: The CSV file of the results, which is read instead if the images are still the
            same.

    Returns:
        The columns `split`, `baseline`, `size` (images, and how many are distinct), `accuracy`,
        `low` and `high` (its 95 % interval, by group) and `macro f1`; no rows if an image cannot
        be read.

    Raises:
        OSError: If the file cannot be written.
    """
    grouped = hashlib.sha256(repr([groups_of(table) for table in tables.values()]).encode())
    digests = [digest_files(table) for table in tables.values()]
    images = "-".join([*digests, grouped.hexdigest()[:8]])
    if path.is_file():
        stored = pd.read_csv(path, dtype={"images": str})
        if {*_COLUMNS, "images"} <= set(stored) and set(stored["images"]) == {images}:
            return stored[_COLUMNS]
    try:
        rows = list(_evaluated(tables))
    except OSError:
        # A trial of few steps may never have read the bad image; its results are valid.
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.DataFrame(rows, columns=_COLUMNS)
    with atomic_file(path) as temporary:
        table.assign(images=images).to_csv(temporary, index=False)
    return table


def _evaluated(tables: Mapping[str, pd.DataFrame]) -> Iterator[list[Any]]:
    for split, table in tables.items():
        if split in TRAINED_ON:
            continue
        for name, baseline in _BASELINES.items():
            evaluation = Evaluation(baseline(tables["train"], table), *groups_of(table))
            bounds = [evaluation.accuracy] * 2
            if evaluation.independent > 1:
                bounds = list(evaluation.intervals[["low", "high"]].iloc[0])
            numbers = [evaluation.accuracy, *bounds, evaluation.summary["macro_f1"]]
            yield [split, name, evaluation.size, *numbers]
