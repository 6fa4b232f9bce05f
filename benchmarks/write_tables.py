"""Writes the measured tables of the documentation.

    python -m benchmarks.write_tables                # from benchmarks/results
    python -m benchmarks.write_tables --runs RUNS    # and from the results of studies in RUNS

In a page, `<!-- measured: TABLE -->` and `<!-- end -->` enclose a table of `benchmarks/tables.py`,
and `<!-- table: RUN KIND -->` and `<!-- end -->` one of a study: RUN is a folder in RUNS; KIND is
`published` (published and measured numbers), `summary METRIC`, `pairs METRIC`, or the name of a CSV
file in the folder. A table without results is not changed.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from benchmarks.tables import TABLES
from pykeras_tl.studies import (
    markdown_table,
    paired_comparisons,
    published_table,
    read_runs,
    summary_table,
)

_ROOT = Path(__file__).resolve().parents[1]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_MEASURED = re.compile(r"<!-- measured: (\S+) -->\n.*?<!-- end -->", re.DOTALL)
_STUDY = re.compile(r"<!-- table: (\S+) (\S+)(?: ([^>]*?))? -->\n.*?<!-- end -->", re.DOTALL)
_MISSING = "*This run had not ended when the page was written.*"
_SHOWN = ["trial", "runs", "mean", "sd", "low", "high"]
# What a page has room for; the other columns are in the files.
_COLUMNS = {
    "trials.csv": [
        "trial", "epochs", "training accuracy", "best validation accuracy", "validation accuracy",
        "test accuracy", "seconds",
    ],
    "intervals.csv": ["split", "trial", "accuracy", "low", "high", "difference", "conclusion"],
}  # fmt: skip


def main() -> None:
    """Read the arguments and write the pages."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, default=_PAGES)
    parser.add_argument("--runs", type=Path, help="the folder with results of studies")
    given = parser.parse_args()
    write_tables(given.pages, given.runs)


def write_tables(pages: Iterable[Path] = _PAGES, runs: Path | None = None) -> None:
    """Update every table of some pages."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        written = with_measured_tables(text)
        if runs is not None:
            written = _with_study_tables(written, runs)
        if written != text:
            page.write_text(written, encoding="utf-8")


def with_measured_tables(text: str) -> str:
    """Return the text of a page with the benchmarks' tables as they are now."""

    def updated(block: re.Match[str]) -> str:
        table = TABLES[block[1]]
        return _block(block[0], table.markdown()) if table.is_measured else block[0]

    return _MEASURED.sub(updated, text)


def _with_study_tables(text: str, runs: Path) -> str:
    def updated(block: re.Match[str]) -> str:
        run, kind, metric = block.groups()
        try:
            return _block(block[0], markdown_table(read_table(runs / run, kind, metric)))
        except FileNotFoundError as error:
            print(error)
            return block[0] if "|---" in block[0] else _block(block[0], _MISSING)

    return _STUDY.sub(updated, text)


def _block(block: str, content: str) -> str:
    return f"{block.partition(chr(10))[0]}\n\n{content}\n\n<!-- end -->"


def read_table(run: Path, kind: str, metric: str | None) -> pd.DataFrame:
    """Read one table from a folder of results."""
    if kind.endswith(".csv"):
        table = pd.read_csv(run / kind)
        table = table[[name for name in _COLUMNS.get(kind, table.columns) if name in table]]
        if kind == "trials.csv":
            table = table.assign(seconds=table["seconds"].round().astype(int))
        return table
    results = read_runs([run])
    if kind == "published":
        table = published_table(results)
        if (table["runs"] == 1).all():
            table = table.drop(columns=["runs", "low", "high", "best"])
            table = table.rename(columns={"mean": "measured"})
        return table if table["remark"].any() else table.drop(columns="remark")
    if kind == "pairs":
        return paired_comparisons(results, str(metric))
    return summary_table(results[results["metric"] == metric])[_SHOWN]


if __name__ == "__main__":
    main()
