"""A synthetic image of a blood smear with one white cell."""

from __future__ import annotations

import cv2
import numpy as np

from .outlines import smooth_noise
from .red_cells import paint_platelets, paint_red_cells
from .stains import Stain, sample_stain
from .white_cells import CELL_KINDS, paint_white_cell, sample_radius

# Standard deviation of uniform noise of 0 to 255 after the blur in `_render`.
_BLURRED_NOISE = 37.0


def generate_smear(
    kind: str, random: np.random.Generator, size: tuple[int, int] = (240, 320)
) -> np.ndarray:
    """Generate an image of a stained smear with red cells, platelets and one white cell.

    Cells are layers that absorb light (the Beer-Lambert law), so they are darker where they
    overlap. Position, orientation, stain, light, blur and noise are sampled for each image.

    Args:
        kind: "EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE" or "NEUTROPHIL".
        random: The random number generator.
        size: Height and width in pixels, at least 24 each.

    Returns:
        RGB image, uint8 array of shape (height, width, 3).

    Raises:
        ValueError: If `kind` is unknown or `size` is too small.

    Example:
        >>> image = generate_smear("NEUTROPHIL", np.random.default_rng(0))
        >>> image.shape, str(image.dtype)
        ((240, 320, 3), 'uint8')
    """
    if kind not in CELL_KINDS:
        raise ValueError(
            f"Expected `kind` to be one of {', '.join(CELL_KINDS)}. Received: {kind!r}."
        )
    if min(size) < 24:
        raise ValueError(
            f"Expected `size` to be a height and width of at least 24 pixels. Received: {size}."
        )
    height, width = size
    scale = min(height / 240, width / 320)
    stain = sample_stain(random)
    radius = scale * sample_radius(kind, random)
    # At most a quarter of the cell's diameter is cut off at an edge.
    inset = 0.5 * radius
    center = (random.uniform(inset, width - inset), random.uniform(inset, height - inset))
    density = np.zeros((height, width, 3), np.float32)
    paint_red_cells(density, stain, (*center, radius), scale, random)
    paint_platelets(density, stain, scale, random)
    paint_white_cell(density, stain, kind, center, radius, random)
    return _render(density, stain, scale, random)


def _render(
    density: np.ndarray, stain: Stain, scale: float, random: np.random.Generator
) -> np.ndarray:
    height, width = density.shape[:2]
    tilt = random.normal(0, 0.04, 2).astype(np.float32)
    light = 1 + tilt[0] * np.linspace(-1, 1, width, dtype=np.float32)
    light = light + tilt[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light += smooth_noise((height, width), 80 * scale, random, 0.01)
    # In place where possible: allocating arrays of this size costs more than the arithmetic.
    np.negative(density, out=density)
    image = np.exp(density, out=density)
    image *= light[..., None]
    image *= stain.light
    blur = stain.blur * max(scale, 0.4)
    image = cv2.GaussianBlur(image, (0, 0), blur)
    # Blurred uniform noise is nearly normal, and the noise of neighboring camera pixels is
    # correlated by the camera's own interpolation.
    uniform = random.integers(0, 256, (height, width, 3), np.uint8).astype(np.float32)
    noise = cv2.GaussianBlur(uniform, (3, 3), 0.6)
    strength = stain.noise / _BLURRED_NOISE
    cv2.scaleAdd(noise, strength, image, dst=image)
    image -= 127.5 * strength
    return cv2.convertScaleAbs(np.maximum(image, 0, out=image))
