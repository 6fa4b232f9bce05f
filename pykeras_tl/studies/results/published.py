"""Published numbers beside those found, and tables as Markdown for pages."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ..study import get_study, study_names
from .comparison import summary_table

_COLUMNS = ["trial", "metric", "published", "runs", "mean", "low", "high", "best", "remark"]


def published_table(results: pd.DataFrame) -> pd.DataFrame:
    """Put what was found beside what was published.

    Args:
        results: A row each number, as `tidy_table` and `read_runs` make it.

    Returns:
        A row each published number whose trial was run, in the studies' order: `trial`,
        `metric`, `published`, `runs`, `mean`, the mean's 95 % interval `low` and `high`, the
        `best` of the runs, and a `remark` to the published number.

    Example:
        >>> rows = [("soco", "case-4", seed, 0, "p", "test accuracy", 0.5) for seed in (0, 1)]
        >>> columns = ["study", "trial", "seed", "fold", "images", "metric", "value"]
        >>> table = published_table(pd.DataFrame(rows, columns=columns))
        >>> table[["published", "runs", "mean"]].values.tolist()
        [[0.4353, 2.0, 0.5]]
    """
    summary = summary_table(results)
    # Runs of several folders are called by the folder too.
    summary["name"] = summary["trial"].str.rpartition("/")[2]
    best = results.groupby(["study", "trial", "metric"])["value"].max()
    rows = []
    for study in dict.fromkeys(results["study"]):
        for entry in get_study(study).published if study in study_names() else ():
            same = (summary["name"] == entry.trial) & (summary["metric"] == entry.metric)
            for found in summary[same & (summary["study"] == study)].itertuples():
                highest = best[(study, found.trial, entry.metric)]
                numbers = (found.runs, found.mean, found.low, found.high, highest)
                rows.append((found.trial, entry.metric, entry.value, *numbers, entry.remark))
    return pd.DataFrame(rows, columns=_COLUMNS)


def markdown_table(table: pd.DataFrame) -> str:
    """Write a table as Markdown.

    Args:
        table: Text and numbers.

    Returns:
        The table with four decimals, numbers to the right; what is missing is a dash.

    Example:
        >>> print(markdown_table(pd.DataFrame({"trial": ["a"], "mean": [0.5], "runs": [10]})))
        | trial | mean | runs |
        |---|---:|---:|
        | a | 0.5000 | 10 |
    """
    sides = ["---:" if pd.api.types.is_numeric_dtype(kind) else "---" for kind in table.dtypes]
    lines = [list(map(str, table.columns)), [], *table.itertuples(index=False)]
    written = [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    written[1] = f"|{'|'.join(sides)}|"
    return "\n".join(written)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value).replace("|", "\\|")
    if math.isnan(value):
        return "–"
    # A number of runs is a whole one, also where it stands among missing ones.
    if value == round(value) and abs(value) > 1:
        return f"{value:.0f}"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1g}"
