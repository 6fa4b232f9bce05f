"""Images that stand inside an HTML page, as data addresses."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..evaluation.figures.galleries import read_thumbnail
from .style import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAGE_PIXELS_PER_INCH = 96
_FIGURE_DPI = 144
_LARGEST_FIGURE = 2000


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as an HTML page holds it.

    Args:
        source: The address, with the image's bytes in it.
        width: The width at which it is shown, in CSS pixels.
    """

    source: str
    width: int


def embed_figure(figure: Figure) -> EmbeddedImage:
    """Draw a figure for a page, at twice a screen's resolution unless it is very large.

    Args:
        figure: The figure.

    Returns:
        A PNG image.

    Example:
        >>> from pykeras_tl.visualization.style import new_figure
        >>> embed_figure(new_figure(5, 3)).width
        480
    """
    inches = max(figure.get_size_inches())
    content = png(figure, dpi=int(min(_FIGURE_DPI, _LARGEST_FIGURE / inches)))
    return _embed(content, "png", round(figure.get_figwidth() * _PAGE_PIXELS_PER_INCH))


def embed_file(path: str | Path, longest: int = 200) -> EmbeddedImage:
    """Read an image file for a page, made small.

    Args:
        path: The file.
        longest: The longer side, in pixels.

    Returns:
        A JPEG image.

    Raises:
        FileNotFoundError: When there is no such file.
    """
    pixels = read_thumbnail(path, longest)
    jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return _embed(np.asarray(jpeg).tobytes(), "jpeg", pixels.shape[1])


def _embed(content: bytes, kind: str, width: int) -> EmbeddedImage:
    return EmbeddedImage(
        f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}", width
    )
