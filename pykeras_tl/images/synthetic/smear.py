"""One drawn image of a blood smear with one white cell."""

from __future__ import annotations

import cv2
import numpy as np

from .outlines import mottling
from .red_cells import add_platelets, add_red_cells
from .stains import Stain, draw_stain
from .white_cells import CELL_KINDS, add_white_cell, draw_radius

# Standard deviation of even noise of 0 to 255 after the blur in `_photograph`.
_BLURRED_NOISE = 37.0


def generate_smear(
    kind: str, random: np.random.Generator, size: tuple[int, int] = (240, 320)
) -> np.ndarray:
    """Draw a stained smear with red cells, platelets and one white cell.

    Cells are layers that take light away (Beer and Lambert's law), so that they darken where
    they overlap. Place, turn, stain, light, blur and noise are drawn for each image.

    Args:
        kind: "EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE" or "NEUTROPHIL".
        random: Where everything is drawn from.
        size: Height and width in pixels, 24 or more.

    Returns:
        An RGB image, uint8 of shape (height, width, 3).

    Raises:
        ValueError: When the kind is unknown or the size too small.

    Example:
        >>> image = generate_smear("NEUTROPHIL", np.random.default_rng(0))
        >>> image.shape, str(image.dtype)
        ((240, 320, 3), 'uint8')
    """
    if kind not in CELL_KINDS:
        raise ValueError(f"kind={kind!r}; expected one of {list(CELL_KINDS)}.")
    if min(size) < 24:
        raise ValueError(f"size={size}; expected a height and width of 24 pixels or more.")
    height, width = size
    scale = min(height / 240, width / 320)
    stain = draw_stain(random)
    radius = scale * draw_radius(kind, random)
    # At most a quarter of the cell's diameter is cut off at an edge.
    inset = 0.5 * radius
    centre = (random.uniform(inset, width - inset), random.uniform(inset, height - inset))
    density = np.zeros((height, width, 3), np.float32)
    add_red_cells(density, stain, (*centre, radius), scale, random)
    add_platelets(density, stain, scale, random)
    add_white_cell(density, stain, kind, centre, radius, random)
    return _photograph(density, stain, scale, random)


def _photograph(
    density: np.ndarray, stain: Stain, scale: float, random: np.random.Generator
) -> np.ndarray:
    height, width = density.shape[:2]
    tilt = random.normal(0, 0.04, 2).astype(np.float32)
    light = 1 + tilt[0] * np.linspace(-1, 1, width, dtype=np.float32)
    light = light + tilt[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light += mottling((height, width), 80 * scale, random, 0.01)
    # In place wherever it can be: fresh arrays of this size cost more than the sums.
    np.negative(density, out=density)
    image = np.exp(density, out=density)
    image *= light[..., None]
    image *= stain.light
    blur = stain.blur * max(scale, 0.4)
    image = cv2.GaussianBlur(image, (0, 0), blur)
    # Even noise becomes normal when it is blurred, and a camera's noise is not independent
    # from pixel to pixel after its own interpolation.
    even = random.integers(0, 256, (height, width, 3), np.uint8).astype(np.float32)
    noise = cv2.GaussianBlur(even, (3, 3), 0.6)
    strength = stain.noise / _BLURRED_NOISE
    cv2.scaleAdd(noise, strength, image, dst=image)
    image -= 127.5 * strength
    return cv2.convertScaleAbs(np.maximum(image, 0, out=image))
