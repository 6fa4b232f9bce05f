"""Published numbers beside measured ones, and tables as Markdown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ..study import get_study, study_names
from .comparison import summary_table

_COLUMNS = ["trial", "metric", "published", "runs", "mean", "low", "high", "best", "remark"]


def published_table(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the measured numbers with the published ones.

    Args:
        results: One row for each number, as `tidy_table` and `read_runs` return them.

    Returns:
        One row for each published number whose trial was run, in the order of the studies:
        `trial`, `metric`, `published`, `runs`, `mean`, the 95 % interval `low` and `high` of
        the mean, the `best` run, and a `remark` on the published number.

    Example:
        >>> rows = [("soco", "case-4", seed, 0, "p", "test accuracy", 0.5) for seed in (0, 1)]
        >>> columns = ["study", "trial", "seed", "fold", "images", "metric", "value"]
        >>> table = published_table(pd.DataFrame(rows, columns=columns))
        >>> table[["published", "runs", "mean"]].values.tolist()
        [[0.4353, 2.0, 0.5]]
    """
    summary = summary_table(results)
    # With several folders, a trial is named after its folder too.
    summary["name"] = summary["trial"].str.rpartition("/")[2]
    best = results.groupby(["study", "trial", "metric"])["value"].max()
    rows = []
    for study in dict.fromkeys(results["study"]):
        for entry in get_study(study).published if study in study_names() else ():
            same = (summary["name"] == entry.trial) & (summary["metric"] == entry.metric)
            for row in summary[same & (summary["study"] == study)].itertuples():
                highest = best[(study, row.trial, entry.metric)]
                numbers = (row.runs, row.mean, row.low, row.high, highest)
                rows.append((row.trial, entry.metric, entry.value, *numbers, entry.remark))
    return pd.DataFrame(rows, columns=_COLUMNS)


def markdown_table(table: pd.DataFrame) -> str:
    """Format a table as Markdown.

    Args:
        table: A table of text and numbers.

    Returns:
        The table with four decimals and right-aligned numbers; a dash for a missing value.

    Example:
        >>> print(markdown_table(pd.DataFrame({"trial": ["a"], "mean": [0.5], "runs": [10]})))
        | trial | mean | runs |
        |---|---:|---:|
        | a | 0.5000 | 10 |
    """
    alignments = ["---:" if pd.api.types.is_numeric_dtype(kind) else "---" for kind in table.dtypes]
    rows = [list(map(str, table.columns)), *table.itertuples(index=False)]
    header, *body = (f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return "\n".join([header, f"|{'|'.join(alignments)}|", *body])


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value).replace("|", "\\|")
    if math.isnan(value):
        return "–"
    # A number of runs is an integer, even in a column of floats.
    if value == round(value) and abs(value) > 1:
        return f"{value:.0f}"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1g}"
