"""The style of all figures: colors, fonts, sizes, and how figures are saved.

Figures are made without pyplot, so they do not appear in a list of open figures, change no
global setting, and can be made in any thread.
"""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..storage.atomic_files import atomic_file

# Okabe and Ito's colors, which are distinguishable with any color vision, without their yellow,
# which is too light for a line on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
TEXT_COLOR = "#22272E"
MUTED_TEXT_COLOR = "#68717D"
GRID_COLOR = "#E4E7EB"
PROPORTION_CMAP = LinearSegmentedColormap.from_list(
    "proportion", ["#FFFFFF", "#D3E5F3", "#8DBEDF", "#3B8BC2", "#0B5A94", "#06365C"]
)

# Fonts for scripts that DejaVu Sans lacks, used if they are installed.
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "Arial Unicode MS",
)


class _ShownFigure(Figure):
    """A figure that notebooks show, although it is not pyplot's."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(width: float, height: float, title: str | None = None) -> Figure:
    """Create an empty figure, independent of pyplot.

    Args:
        width: Width in inches.
        height: Height in inches.
        title: The heading of the figure, or None.

    Returns:
        The figure, with constrained layout.

    Example:
        >>> new_figure(4, 3).get_size_inches().tolist()
        [4.0, 3.0]
    """
    figure = _ShownFigure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=13, fontweight="bold", color=TEXT_COLOR, x=0.01, ha="left")
    return figure


def style_axes(axes: Axes, title: str = "", grid: str | None = "y") -> None:
    """Apply the style to axes: a light grid, no frame, inconspicuous ticks.

    Args:
        axes: The axes to change.
        title: The title of the axes, aligned left.
        grid: The grid lines: "x", "y", "both" or None.

    Example:
        >>> axes = new_figure(3, 3).add_subplot()
        >>> style_axes(axes, "loss")
        >>> axes.get_title(loc="left")
        'loss'
    """
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=TEXT_COLOR)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#B8BFC8")
    axes.tick_params(length=0, labelsize=8.5, labelcolor=MUTED_TEXT_COLOR)
    axes.xaxis.label.set(fontsize=9, color=MUTED_TEXT_COLOR)
    axes.yaxis.label.set(fontsize=9, color=MUTED_TEXT_COLOR)
    if grid:
        axes.grid(axis=grid, color=GRID_COLOR, linewidth=0.8)  # type: ignore[arg-type]
        axes.set_axisbelow(True)


def finalize(figure: Figure) -> Figure:
    """Turn off math text in a figure, and choose fonts that are installed.

    File and class names may contain `$`, which matplotlib would interpret as mathematics.

    Args:
        figure: A figure that is otherwise complete.

    Returns:
        The same figure.

    Example:
        >>> finalize(new_figure(3, 3, "costs $5 or $6"))._suptitle.get_parse_math()
        False
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(_fonts())
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Render a figure as PNG.

    Args:
        figure: The figure.
        dpi: Pixels per inch.

    Returns:
        The content of a PNG file.

    Example:
        >>> png(new_figure(1, 1))[1:4]
        b'PNG'
    """
    content = io.BytesIO()
    # Without the software name, the bytes do not change with the next release of matplotlib.
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    return content.getvalue()


def save_png(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> Path:
    """Write a figure to a PNG file, atomically.

    Args:
        figure: The figure.
        path: The file to write. Missing parent directories are created.
        dpi: Pixels per inch.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.

    Example:
        >>> save_png(new_figure(1, 1), "image.png").name
        'image.png'
    """
    with atomic_file(path) as temporary:
        temporary.write_bytes(png(figure, dpi))
    return Path(path)


def shorten(name: str, length: int) -> str:
    """Shorten a name to one line of at most `length` characters, leaving out its middle.

    Args:
        name: The name of a file, a class or a trial.
        length: The maximal number of characters.

    Returns:
        The shortened name.

    Example:
        >>> shorten("BloodImage_00042.jpeg", 13)
        'BloodI…2.jpeg'
    """
    # File names may contain bytes that are not UTF-8, which no font can display.
    line = " ".join(name.encode("utf-8", "replace").decode("utf-8").split())
    if len(line) <= length:
        return line
    tail = (length - 1) // 2
    return f"{line[: length - 1 - tail]}…{line[len(line) - tail :]}"


@cache
def _fonts() -> list[str]:
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]
