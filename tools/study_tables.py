"""Updates the tables of a page from folders of results.

    python tools/study_tables.py docs/studies.md RUNS

In the page, a line `<!-- table: RUN KIND -->` and a line `<!-- end -->` enclose a table. RUN is a
folder in RUNS; KIND is `published` (published and measured numbers), `summary METRIC`,
`pairs METRIC`, or the name of a CSV file in the folder. A table without results is not changed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from pykeras_tl.studies import (
    markdown_table,
    paired_comparisons,
    published_table,
    read_runs,
    summary_table,
)

_BLOCK = re.compile(r"<!-- table: (\S+) (\S+)(?: ([^>]*?))? -->\n.*?<!-- end -->", re.DOTALL)
_MISSING = "*This run had not ended when the page was written.*"
_SHOWN = ["trial", "runs", "mean", "sd", "low", "high"]


def main(page: str, runs: str) -> None:
    """Update every table of the page."""
    path = Path(page)

    def updated(block: re.Match[str]) -> str:
        run, kind, metric = block.groups()
        first = block[0].partition("\n")[0]
        try:
            table = markdown_table(read_table(Path(runs) / run, kind, metric))
        except FileNotFoundError as error:
            print(error)
            if "|---" in block[0]:
                return block[0]
            table = _MISSING
        return f"{first}\n\n{table}\n\n<!-- end -->"

    path.write_text(_BLOCK.sub(updated, path.read_text(encoding="utf-8")), encoding="utf-8")


def read_table(run: Path, kind: str, metric: str | None) -> pd.DataFrame:
    """Read one table from a folder of results."""
    if kind.endswith(".csv"):
        return pd.read_csv(run / kind)
    results = read_runs([run])
    if kind == "published":
        table = published_table(results)
        return table if table["remark"].any() else table.drop(columns="remark")
    if kind == "pairs":
        return paired_comparisons(results, str(metric))
    return summary_table(results[results["metric"] == metric])[_SHOWN]


if __name__ == "__main__":
    main(*sys.argv[1:])
