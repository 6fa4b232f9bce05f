"""Red cells and platelets, drawn as optical density."""

from __future__ import annotations

import numpy as np

from .outlines import inside, irregular_radius, mottling, window
from .stains import Stain

_RADIUS = 24.0


def add_red_cells(
    density: np.ndarray,
    stain: Stain,
    keep_off: tuple[float, float, float],
    scale: float,
    random: np.random.Generator,
) -> None:
    """Add red cells to an image's optical density, in place.

    They overlap, touch in rows, and are cut at the image's edges; few lie under the white
    cell, which pushes them aside.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colours.
        keep_off: x, y and radius in pixels of the white cell.
        scale: Size of a pixel of a 320×240 image in pixels of this one.
        random: Where they are drawn from.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import draw_stain
        >>> random = np.random.default_rng(0)
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> add_red_cells(density, draw_stain(random), (40, 30, 10), 0.25, random)
        >>> bool(density.max() > 0.2)
        True
    """
    height, width = density.shape[:2]
    size = _RADIUS * scale * random.uniform(0.85, 1.1)
    count = random.poisson(stain.crowding * height * width / scale**2 / 1e4)
    apart = size * random.uniform(0.9, 1.7)
    places = np.empty((0, 2))
    for _ in range(3 * count):
        if len(places) == count:
            break
        place = random.uniform((-size, -size), (width + size, height + size))
        if len(places) and random.random() < 0.35:
            # Beside another, as in the rows that red cells form.
            turn = random.uniform(0, 2 * np.pi)
            beside = 1.25 * size * np.array((np.cos(turn), np.sin(turn)))
            place = places[random.integers(len(places))] + beside
        x, y, radius = keep_off
        off = np.hypot(place[0] - x, place[1] - y) > radius + 0.75 * size
        if off and (((places - place) ** 2).sum(axis=1) > apart**2).all():
            places = np.vstack((places, place))
    for x, y in places:
        _add_red_cell(density, stain, (x, y), size * random.normal(1, 0.08), random)


def add_platelets(
    density: np.ndarray, stain: Stain, scale: float, random: np.random.Generator
) -> None:
    """Add a few platelets to an image's optical density, in place.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colours.
        scale: Size of a pixel of a 320×240 image in pixels of this one.
        random: Where they are drawn from.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import draw_stain
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> random = np.random.default_rng(0)
        >>> add_platelets(density, draw_stain(random), 1, random)
        >>> bool(density.min() >= 0)
        True
    """
    height, width = density.shape[:2]
    for _ in range(random.poisson(1.8)):
        radius = scale * random.uniform(3, 8)
        centre = (random.uniform(0, width), random.uniform(0, height))
        place = window(centre, 1.8 * radius, density.shape)
        if place is None:
            continue
        edge = irregular_radius(place.x, place.y, radius, random, 0.15)
        mask = inside(edge - 1, 0.6) * random.uniform(0.4, 1)
        mask *= np.clip(1 + mottling(mask.shape, 2 * scale, random, 0.3), 0, 2)
        density[place.rows, place.columns] += mask[..., None] * stain.platelet


def _add_red_cell(
    density: np.ndarray,
    stain: Stain,
    centre: tuple[float, float],
    radius: float,
    random: np.random.Generator,
) -> None:
    place = window(centre, 1.25 * radius, density.shape)
    if place is None:
        return
    stretch, turn = random.uniform(0.72, 1), random.uniform(0, np.pi)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    along = cosine * place.x + sine * place.y
    across = (cosine / stretch) * place.y - (sine / stretch) * place.x
    edge = irregular_radius(along, across, radius, random, 0.05)
    pallor = np.clip(stain.pallor + random.normal(0, 0.12), 0, 1)
    hollow = pallor * np.exp(-np.square(np.square(edge / random.uniform(0.4, 0.6))))
    thickness = inside(edge - 1, 3 / radius) * (1 - hollow) * random.uniform(0.8, 1.1)
    # Light is bent at the edge: a thin bright seam runs around each cell.
    seam = 0.05 * np.exp(-np.square((edge - 1.08) / 0.05))
    target = density[place.rows, place.columns]
    # Two cells on top of each other are pressed flat and darken less than twice.
    share = np.where(target[..., 1] > 0.15, np.float32(0.45), np.float32(1))
    target += (share * thickness)[..., None] * stain.red_cell
    target -= (share * seam)[..., None]
