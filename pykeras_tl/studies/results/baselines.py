"""What a study's data give away without a network, to stand beside its trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...evaluation.baselines import majority_baseline, nearest_neighbour_baseline
from ...evaluation.evaluate import Evaluation
from ...storage.atomic_files import atomic_file
from ..data_splits import TRAINED_ON, digest, groups_of

_BASELINES = {
    "most frequent class": majority_baseline,
    "nearest image at 16 × 16 pixels": nearest_neighbour_baseline,
}
_COLUMNS = ["part", "baseline", "accuracy", "low", "high", "macro f1"]


def study_baselines(tables: Mapping[str, pd.DataFrame], path: Path) -> pd.DataFrame:
    """Measure the baselines on each part that is not trained on.

    Args:
        tables: A table of images for each part, `train` among them.
        path: The CSV file that keeps the result; as long as the images stay the same it is
            read from there.

    Returns:
        The columns `part`, `baseline`, `accuracy`, `low` and `high` (its 95 % interval, by
        group where the images have groups) and `macro f1`; no row when an image of `train`
        cannot be read.

    Raises:
        OSError: When the file cannot be written.
    """
    images = "-".join(digest(table) for table in tables.values())
    if path.is_file():
        known = pd.read_csv(path, dtype={"images": str})
        if set(known.get("images", ())) == {images}:
            return known[_COLUMNS]
    try:
        rows = list(_measured(tables))
    except OSError:
        # A trial that took few steps may never have met the bad image; its results count.
        return pd.DataFrame(columns=_COLUMNS)
    found = pd.DataFrame(rows, columns=_COLUMNS)
    with atomic_file(path) as temporary:
        found.assign(images=images).to_csv(temporary, index=False)
    return found


def _measured(tables: Mapping[str, pd.DataFrame]) -> Iterator[list[Any]]:
    for part, table in tables.items():
        if part in TRAINED_ON:
            continue
        for name, baseline in _BASELINES.items():
            found = Evaluation(baseline(tables["train"], table), groups_of(table))
            bounds = [found.accuracy] * 2
            if found.independent > 1:
                bounds = list(found.intervals[["low", "high"]].iloc[0])
            yield [part, name, found.accuracy, *bounds, found.summary["macro_f1"]]
