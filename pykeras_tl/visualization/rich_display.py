"""How objects show themselves: as text in a console, as HTML with a figure in a notebook.

The HTML is a piece that needs nothing else and runs nothing. All text is escaped.
"""

from __future__ import annotations

import html
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ROWS = 20
_CELL = 'style="text-align:left;padding:.15em .8em .15em 0"'


@dataclass(frozen=True)
class Display:
    """What is shown of an object.

    Attributes:
        title: What it is.
        facts: Values by name.
        tables: Tables by caption, of which the first 20 rows are shown.
        plot: Draws a figure for notebooks, or None.

    Example:
        >>> shown = Display("Flow", {"images": 1200, "classes": "<cat>, dog"})
        >>> print(shown.text())
        Flow
        images: 1,200 · classes: <cat>, dog
        >>> shown.html()
        '<div><b>Flow</b><br>images: 1,200 · classes: &lt;cat&gt;, dog</div>'
    """

    title: str
    facts: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    plot: Callable[[], Figure] | None = None

    def text(self) -> str:
        """Return it as lines of text, as wide as the console."""
        width = shutil.get_terminal_size().columns
        facts = " · ".join(f"{name}: {_plain(value, name)}" for name, value in self.facts.items())
        parts = [self.title, *textwrap.wrap(facts, width)]
        for caption, table in self.tables.items():
            if not len(table):
                continue
            cells = {
                name: [_plain(value, name) for value in column]
                for name, column in _first_rows(table).items()
            }
            parts += ["", caption, pd.DataFrame(cells).to_string(index=False, line_width=width)]
            parts += [_rows_left(table)] if len(table) > _MOST_ROWS else []
        return "\n".join(parts)

    def html(self) -> str:
        """Return it as HTML."""
        from .html_page import embed_figure

        shown = [f"{html.escape(name)}: {_text(value, name)}" for name, value in self.facts.items()]
        parts = [f"<b>{html.escape(self.title)}</b>"]
        parts += [f"<br>{' · '.join(shown)}"] if shown else []
        parts += [_table(caption, table) for caption, table in self.tables.items() if len(table)]
        if self.plot is not None:
            image = embed_figure(self.plot())
            parts.append(
                f'<img src="{image.source}" width="{image.width}" style="max-width:100%" '
                f'alt="{html.escape(self.title, quote=True)}">'
            )
        return f"<div>{''.join(parts)}</div>"


class Displayed:
    """An object that shows itself in consoles and notebooks."""

    def _display(self) -> Display:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._display().text()

    def _repr_html_(self) -> str:
        return self._display().html()


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Write names in a line, the first of them.

    Args:
        names: The names.
        most: How many to write.

    Returns:
        The line.

    Example:
        >>> list_names(["cat", "dog"]), list_names([str(number) for number in range(100)])
        ('cat, dog', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 88 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _first_rows(table: pd.DataFrame) -> dict[str, list[Any]]:
    from .html_page import whole_columns

    shown = whole_columns(table.head(_MOST_ROWS))
    return {str(name): shown.iloc[:, at].tolist() for at, name in enumerate(shown.columns)}


def _rows_left(table: pd.DataFrame) -> str:
    return f"and {len(table) - _MOST_ROWS:,} more rows"


def _table(caption: str, table: pd.DataFrame) -> str:
    columns = _first_rows(table)
    head = "".join(f"<th {_CELL}>{_text(name)}</th>" for name in columns)
    rows = [
        "".join(f"<td {_CELL}>{_text(value, name)}</td>" for name, value in zip(columns, row))
        for row in zip(*columns.values())
    ]
    more = f"<br><small>{_rows_left(table)}</small>" if len(table) > _MOST_ROWS else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<table style="margin:.4em 0"><caption style="text-align:left">{_text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def _text(value: Any, name: str = "") -> str:
    return html.escape(_plain(value, name))


def _plain(value: Any, name: str = "") -> str:
    from .html_page import format_number

    if value is None:
        return "–"
    # Names on disk may hold bytes that are not valid UTF-8, which no page can.
    return format_number(value, name).encode("utf-8", "replace").decode("utf-8")
