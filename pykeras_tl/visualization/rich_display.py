"""What notebooks show of an object, by its method `_repr_html_`: facts, tables and a figure.

It is a piece of HTML that needs nothing else and runs nothing. All text is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from .html_page import embed_figure, format_number, whole_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ROWS = 20
_CELL = 'style="text-align:left;padding:.15em .8em .15em 0"'


def display_html(
    title: str,
    facts: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame] | None = None,
    figure: Figure | None = None,
) -> str:
    """Make what a notebook shows of an object.

    Args:
        title: What it is.
        facts: Values by name.
        tables: Tables by caption, of which the first 20 rows are shown.
        figure: A figure, or None.

    Returns:
        HTML.

    Example:
        >>> display_html("Flow", {"classes": "<cat>, dog"})
        '<div><b>Flow</b><br>classes: &lt;cat&gt;, dog</div>'
    """
    shown = [f"{html.escape(name)}: {_text(value, name)}" for name, value in facts.items()]
    parts = [f"<b>{html.escape(title)}</b>"]
    parts += [f"<br>{' · '.join(shown)}"] if shown else []
    parts += [_table(caption, table) for caption, table in (tables or {}).items() if len(table)]
    if figure is not None:
        image = embed_figure(figure)
        parts.append(
            f'<img src="{image.source}" width="{image.width}" style="max-width:100%" '
            f'alt="{html.escape(title, quote=True)}">'
        )
    return f"<div>{''.join(parts)}</div>"


def _table(caption: str, table: pd.DataFrame) -> str:
    names = [str(name) for name in table.columns]
    head = "".join(f"<th {_CELL}>{_text(name)}</th>" for name in names)
    rows = [
        "".join(f"<td {_CELL}>{_text(value, name)}</td>" for name, value in zip(names, row))
        for row in whole_columns(table.head(_MOST_ROWS)).itertuples(index=False, name=None)
    ]
    left = len(table) - len(rows)
    more = f"<br><small>and {left:,} more rows</small>" if left else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<table style="margin:.4em 0"><caption style="text-align:left">{_text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def _text(value: Any, name: str = "") -> str:
    if value is None:
        return "–"
    text = format_number(value, name)
    # Names on disk may hold bytes that are not valid UTF-8, which no page can.
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))
