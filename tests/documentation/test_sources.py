"""Every measured number of the documentation says where it comes from.

A table of numbers is written by `python -m benchmarks.write_tables` from what benchmarks and
studies measured, or has `<!-- source: WHERE -->` before it: a command, a test, a file or a
publication. A decimal number or a percentage in the text is in one of these tables, or in such a
comment on its page: `<!-- source: make demo: 0.978, 98 % -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_blocks import PAGES, ROOT

from benchmarks.__main__ import ARGUMENTS
from benchmarks.tables import RESULTS, TABLES
from benchmarks.write_tables import with_measured_tables

_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\([^)]*\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_WRITTEN = re.compile(r"<!-- (measured|table): (\S+).*?<!-- end -->", re.DOTALL)
_TABLE = re.compile(r"^(?P<before>[^\n]*)\n+(?P<table>(?:\|[^\n]*\n)+)", re.MULTILINE)
_SOURCE = re.compile(r"<!-- source: (?P<where>[^>]*?)(?:: (?P<numbers>[\d.,% ]+))? -->")
_NUMBER = re.compile(r"(?<![\w.,/])\d[\d,]*\.\d+(?: %)?(?![\w/]|\.\d)|(?<![\w.,])\d+ %")
_VERSION = re.compile(r"(Keras|Python|TensorFlow|pandas|NumPy|R|Debian|CUDA) \d+(\.\d+)+")
_PATH = re.compile(r"[\w.]+(?:/[\w.-]+)+")


def _plain(text: str) -> str:
    return _VERSION.sub("", _LINK.sub("]", _CODE.sub("", text)))


def _has_numbers(table: str) -> bool:
    rows = table.splitlines()[2:]
    return any(re.match(r"\W*\d", cell) for row in rows for cell in row.strip("|").split(" | "))


def _unless_written(block: re.Match[str]) -> str:
    written = block[1] == "table" or TABLES[block[2]].is_measured
    return "" if written else block[0]


def unsourced_tables(text: str) -> Iterator[str]:
    """The first lines of tables of numbers that nothing says the source of."""
    for match in _TABLE.finditer(_WRITTEN.sub(_unless_written, _CODE.sub("", text))):
        if _has_numbers(match["table"]) and not _SOURCE.fullmatch(match["before"].strip()):
            yield match["table"].partition("\n")[0]


def numbers(text: str) -> set[str]:
    """The decimal numbers and percentages of a text."""
    return set(_NUMBER.findall(text))


def sourced_numbers(text: str) -> set[str]:
    """The numbers of a page that are in a table, also rounded, or whose source is named."""
    found = numbers("\n".join(line for line in _plain(text).splitlines() if line.startswith("|")))
    for number in list(found):
        if "." in number and "%" not in number:
            decimals = len(number.partition(".")[2])
            value = float(number.replace(",", ""))
            found |= {f"{value:.{fewer}f}" for fewer in range(1, decimals)}
    for match in _SOURCE.finditer(text):
        found |= numbers(match["numbers"] or "")
    return found


def numbers_in_prose(text: str) -> set[str]:
    """The numbers of a page outside tables and code."""
    lines = _plain(_COMMENT.sub("", text)).splitlines()
    return numbers("\n".join(line for line in lines if not line.startswith("|")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_have_a_source(page: Path) -> None:
    assert list(unsourced_tables(page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_results(page: Path) -> None:
    text = page.read_text("utf-8")
    assert with_measured_tables(text) == text, "run python -m benchmarks.write_tables"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_numbers_in_the_text_have_a_source(page: Path) -> None:
    known = set().union(*(sourced_numbers(each.read_text("utf-8")) for each in PAGES))
    assert sorted(numbers_in_prose(page.read_text("utf-8")) - known) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sources_exist(page: Path) -> None:
    for match in _SOURCE.finditer(page.read_text("utf-8")):
        for path in _PATH.findall(match["where"]):
            assert (ROOT / path).exists(), f"{path} of {match[0]}"


def test_every_table_has_its_place_and_every_result_a_table() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in TABLES if f"<!-- measured: {name} -->" not in text] == []
    shown = {source for table in TABLES.values() for source in table.sources}
    assert {path.stem for path in RESULTS.glob("*.json")} <= shown
    assert shown == set(ARGUMENTS)


def test_every_benchmark_is_run_again() -> None:
    commands = {"__main__", "write_tables"}
    benchmarks = {
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if "def main(" in path.read_text("utf-8")
    }
    assert benchmarks - commands == set(ARGUMENTS)


def test_numbers_without_a_source_are_found() -> None:
    table = "| set | accuracy |\n|---|---:|\n| skin | 0.6893 |\n"
    page = f"It reached 0.8 or 69 %, once 0.689, with Keras 3.15 and `x=0.5`.\n\n{table}"
    assert list(unsourced_tables(page)) == ["| set | accuracy |"]
    assert numbers_in_prose(page) - sourced_numbers(page) == {"0.8", "69 %"}
    page = page.replace("\n\n", "\n<!-- source: make demo: 0.8, 69 % -->\n\n")
    assert list(unsourced_tables(page)) == []
    assert numbers_in_prose(page) - sourced_numbers(page) == set()
