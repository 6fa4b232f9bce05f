"""Red cells and platelets, painted as optical density."""

from __future__ import annotations

import numpy as np

from .outlines import relative_distance, smooth_noise, soft_mask, window
from .stains import Stain

_RADIUS = 24.0


def paint_red_cells(
    density: np.ndarray,
    stain: Stain,
    keep_off: tuple[float, float, float],
    scale: float,
    random: np.random.Generator,
) -> None:
    """Paint red cells on an image's optical density, in place.

    They overlap, form rows, and are cut off at the image's edges. Few are under the white
    cell, which pushes them aside.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colors.
        keep_off: x, y and radius in pixels of the white cell.
        scale: Size of a pixel of a 320×240 image in pixels of this image.
        random: The random number generator.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import sample_stain
        >>> random = np.random.default_rng(0)
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> paint_red_cells(density, sample_stain(random), (40, 30, 10), 0.25, random)
        >>> bool(density.max() > 0.2)
        True
    """
    height, width = density.shape[:2]
    size = _RADIUS * scale * random.uniform(0.85, 1.1)
    count = random.poisson(stain.crowding * height * width / scale**2 / 1e4)
    apart = size * random.uniform(0.9, 1.7)
    positions = np.empty((0, 2))
    for _ in range(3 * count):
        if len(positions) == count:
            break
        position = random.uniform((-size, -size), (width + size, height + size))
        if len(positions) and random.random() < 0.35:
            # Next to another cell, as in the rows that red cells form.
            turn = random.uniform(0, 2 * np.pi)
            beside = 1.25 * size * np.array((np.cos(turn), np.sin(turn)))
            position = positions[random.integers(len(positions))] + beside
        x, y, radius = keep_off
        off = np.hypot(position[0] - x, position[1] - y) > radius + 0.75 * size
        if off and (((positions - position) ** 2).sum(axis=1) > apart**2).all():
            positions = np.vstack((positions, position))
    for x, y in positions:
        _paint_red_cell(density, stain, (x, y), size * random.normal(1, 0.08), random)


def paint_platelets(
    density: np.ndarray, stain: Stain, scale: float, random: np.random.Generator
) -> None:
    """Paint a few platelets on an image's optical density, in place.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colors.
        scale: Size of a pixel of a 320×240 image in pixels of this image.
        random: The random number generator.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import sample_stain
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> random = np.random.default_rng(0)
        >>> paint_platelets(density, sample_stain(random), 1, random)
        >>> bool(density.max() > 0)
        True
    """
    height, width = density.shape[:2]
    for _ in range(random.poisson(1.8)):
        radius = scale * random.uniform(3, 8)
        center = (random.uniform(0, width), random.uniform(0, height))
        area = window(center, 1.8 * radius, density.shape)
        if area is None:
            continue
        edge = relative_distance(area.x, area.y, radius, random, 0.15)
        mask = soft_mask(edge - 1, 0.6) * random.uniform(0.4, 1)
        mask *= np.clip(1 + smooth_noise(mask.shape, 2 * scale, random, 0.3), 0, 2)
        density[area.rows, area.columns] += mask[..., None] * stain.platelet


def _paint_red_cell(
    density: np.ndarray,
    stain: Stain,
    center: tuple[float, float],
    radius: float,
    random: np.random.Generator,
) -> None:
    area = window(center, 1.25 * radius, density.shape)
    if area is None:
        return
    stretch, turn = random.uniform(0.72, 1), random.uniform(0, np.pi)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    along = cosine * area.x + sine * area.y
    across = (cosine / stretch) * area.y - (sine / stretch) * area.x
    edge = relative_distance(along, across, radius, random, 0.05)
    pallor = np.clip(stain.pallor + random.normal(0, 0.12), 0, 1)
    hollow = pallor * np.exp(-np.square(np.square(edge / random.uniform(0.4, 0.6))))
    thickness = soft_mask(edge - 1, 3 / radius) * (1 - hollow) * random.uniform(0.8, 1.1)
    # Refraction at the edge: a thin bright seam around each cell.
    seam = 0.05 * np.exp(-np.square((edge - 1.08) / 0.05))
    target = density[area.rows, area.columns]
    # Cells that overlap are pressed flat, and absorb less than the sum of both.
    share = np.where(target[..., 1] > 0.15, np.float32(0.45), np.float32(1))
    target += (share * thickness)[..., None] * stain.red_cell
    target -= (share * seam)[..., None]
