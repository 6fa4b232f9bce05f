"""Self-contained HTML pages: one layout, one style sheet, and images inside the page.

A page is a Jinja template that extends `page.html.j2`. It can be mailed or archived as a single
file: images are data URIs, nothing is loaded from elsewhere, and no script runs but the one that
`write_page` is given. All names are escaped, because file and class names may come from strangers.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from ..storage.atomic_files import atomic_file
from .style import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAGE_PIXELS_PER_INCH = 96
_FIGURE_DPI = 144
_MAX_FIGURE_SIDE = 2000
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside an HTML page.

    Args:
        source: Its data URI, for the `src` attribute.
        width: The width at which it is displayed, in CSS pixels.
    """

    source: str
    width: int


def embed_figure(figure: Figure) -> EmbeddedImage:
    """Encode a figure as PNG, at 1.5 times the resolution of a page unless it is very large.

    Args:
        figure: The figure.

    Returns:
        The image.

    Example:
        >>> from pykeras_tl.visualization.style import new_figure
        >>> embed_figure(new_figure(5, 3)).width
        480
    """
    inches = max(figure.get_size_inches())
    content = png(figure, dpi=int(min(_FIGURE_DPI, _MAX_FIGURE_SIDE / inches)))
    return _embed(content, "png", round(figure.get_figwidth() * _PAGE_PIXELS_PER_INCH))


def embed_image(pixels: np.ndarray) -> EmbeddedImage:
    """Encode an image as JPEG.

    Args:
        pixels: RGB image, uint8 array of shape (height, width, 3).

    Returns:
        The image, displayed at its own size.

    Example:
        >>> image = embed_image(np.zeros((60, 80, 3), np.uint8))
        >>> image.width, image.source[:23]
        (80, 'data:image/jpeg;base64,')
    """
    jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return _embed(np.asarray(jpeg).tobytes(), "jpeg", pixels.shape[1])


def write_page(
    path: str | os.PathLike[str], template: Path, script: str | None = None, **content: Any
) -> Path:
    """Render a template into one HTML file.

    Beside Jinja's own filters, a template can use `number` (format a number for readers), `whole`
    (see `whole_columns`) and `image` (embed a figure), and the macros of `macros.html.j2`.

    Args:
        path: The file to write. Missing parent directories are created.
        template: The template, which extends `page.html.j2`.
        script: JavaScript that runs at the end of the page. The page's policy names its hash, so
            that no other script runs.
        **content: The variables of the template. Iterators are consumed as the page is
            written, so that a long page does not have to fit into memory.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = format_number
    environment.filters["whole"] = whole_columns
    environment.filters["image"] = embed_figure
    content["script"] = script and _script(script)
    stream = environment.get_template(template.name).stream(content)
    # File names may hold bytes that are not valid UTF-8.
    encoding: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
    with atomic_file(path) as temporary, temporary.open("w", **encoding) as file:
        file.writelines(stream)
    return Path(path)


def format_number(value: Any, name: str = "") -> str:
    """Format a number for readers; other values are converted to text.

    Args:
        value: The value.
        name: What it measures; a name that ends in "seconds" gives a duration.

    Returns:
        The text.

    Example:
        >>> format_number(12345), format_number(0.123456), format_number(200, "seconds")
        ('12,345', '0.123', '3 min 20 s')
    """
    if isinstance(value, bool | str) or not np.isscalar(value):
        return str(value)
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        return "–" if np.isnan(number) else str(number)
    if name.endswith("seconds"):
        return _duration(number)
    if number == round(number) and (abs(number) > 1 or isinstance(value, int | np.integer)):
        return f"{number:,.0f}"
    return f"{number:.3f}" if number == 0 or abs(number) >= 1e-3 else f"{number:.2g}"


def whole_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Make integers of columns that hold whole numbers only, so that 0 is not written as 0.000.

    Args:
        table: A table. Columns of only 0 and 1 stay as they are: they may be shares.

    Returns:
        The table.

    Example:
        >>> whole_columns(pd.DataFrame({"from": [0.0, 30.0], "share": [0.0, 1.0]})).dtypes.tolist()
        [dtype('int64'), dtype('float64')]
    """

    def whole(column: pd.Series) -> pd.Series:
        if not pd.api.types.is_float_dtype(column) or column.abs().max() <= 1:
            return column
        # Integers beyond 2^53 are not exact, and not finite numbers are none.
        exact = column.abs() < 2.0**53
        return column.astype("int64") if (exact & (column == column.round())).all() else column

    return table.apply(whole) if len(table) else table


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """List nested settings with a name and a text for each.

    Args:
        settings: Settings, some of which may be settings themselves.
        prefix: What the names begin with.

    Returns:
        The names and texts, in order.

    Example:
        >>> flatten_settings({"data": {"size": [96, 128]}, "seed": None})
        [('data · size', '96, 128'), ('seed', '–')]
    """
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            rows.extend(flatten_settings(value, f"{label} · "))
        elif isinstance(value, list | tuple):
            rows.append((label, ", ".join(map(str, value)) or "–"))
        else:
            rows.append((label, "–" if value is None or value == {} else str(value)))
    return rows


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _script(text: str) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return {"text": Markup(text), "digest": f"sha256-{digest}"}


def _embed(content: bytes, kind: str, width: int) -> EmbeddedImage:
    return EmbeddedImage(
        f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}", width
    )
