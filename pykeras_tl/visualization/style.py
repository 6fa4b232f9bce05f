"""The house style of every image: colours, fonts, sizes and how they are written."""

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

# Okabe and Ito's colours, which people with any colour vision can tell apart; without their
# yellow, which is too light for a line on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
TEXT_COLOR = "#22272E"
MUTED_TEXT_COLOR = "#68717D"
GRID_COLOR = "#E4E7EB"
PROPORTION_CMAP = LinearSegmentedColormap.from_list(
    "shares", ["#FFFFFF", "#D3E5F3", "#8DBEDF", "#3B8BC2", "#0B5A94", "#06365C"]
)

# Fonts for scripts that DejaVu Sans lacks, where the machine has one.
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "Arial Unicode MS",
)


def new_figure(width: float, height: float, title: str | None = None) -> Figure:
    """Return an empty figure in the house style, apart from pyplot's global state.

    Args:
        width: In inches.
        height: In inches.
        title: A heading above everything, or None.

    Returns:
        The figure, with constrained layout.

    Example:
        >>> new_figure(4, 3).get_size_inches().tolist()
        [4.0, 3.0]
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=13, fontweight="bold", color=TEXT_COLOR, x=0.01, ha="left")
    return figure


def style_axes(axes: Axes, title: str = "", grid: str | None = "y") -> None:
    """Give axes the house style: light grid, no frame, quiet ticks.

    Args:
        axes: The axes to change.
        title: What stands above them, on the left.
        grid: Which grid lines to draw ("x", "y", "both"), or None.

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
    """Make every text of a figure plain text, in fonts that this machine has.

    Names of files and classes may hold `$`, which matplotlib would read as mathematics.

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
    """Return a figure as the bytes of a PNG file.

    Args:
        figure: The figure to draw.
        dpi: Pixels an inch.

    Returns:
        The file's content.

    Example:
        >>> png(new_figure(1, 1))[1:4]
        b'PNG'
    """
    content = io.BytesIO()
    # No software name inside: the same figure gives the same bytes with the next release too.
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    return content.getvalue()


def save_png(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> Path:
    """Write a figure as a PNG file, whole or not at all.

    Args:
        figure: The figure to draw.
        path: The file to write; its folder is made when missing.
        dpi: Pixels an inch.

    Returns:
        The path.

    Raises:
        OSError: When the file cannot be written.

    Example:
        >>> save_png(new_figure(1, 1), "image.png").name
        'image.png'
    """
    with atomic_file(path) as temporary:
        temporary.write_bytes(png(figure, dpi))
    return Path(path)


def shorten(name: str, length: int) -> str:
    """Return a name on one line, with its middle left out where it is too long.

    Args:
        name: Of a file, a class or a trial.
        length: At most so many characters.

    Returns:
        The name.

    Example:
        >>> shorten("BloodImage_00042.jpeg", 13)
        'BloodI…2.jpeg'
    """
    # Names of files may hold bytes that are no UTF-8, which no font can draw.
    line = " ".join(name.encode("utf-8", "replace").decode("utf-8").split())
    if len(line) <= length:
        return line
    tail = (length - 1) // 2
    return f"{line[: length - 1 - tail]}…{line[len(line) - tail :]}"


@cache
def _fonts() -> list[str]:
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]
