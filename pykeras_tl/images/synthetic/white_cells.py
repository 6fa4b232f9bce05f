"""The four kinds of white cells, drawn as optical density."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .outlines import Window, capsule, inside, irregular_radius, mottling, smooth_union, window
from .stains import Stain

# Mean radius and its parallel_for in pixels of a 320×240 image.
_RADII = {
    "EOSINOPHIL": (46, 4.5),
    "LYMPHOCYTE": (37, 5.0),
    "MONOCYTE": (52, 6.0),
    "NEUTROPHIL": (45, 4.5),
}
CELL_KINDS = tuple(_RADII)


def draw_radius(kind: str, random: np.random.Generator) -> float:
    """Draw a white cell's radius.

    Args:
        kind: One of `CELL_KINDS`.
        random: Where it is drawn from.

    Returns:
        Pixels of a 320×240 image.

    Example:
        >>> 30 < draw_radius("NEUTROPHIL", np.random.default_rng(0)) < 60
        True
    """
    mean, parallel_for = _RADII[kind]
    return float(
        np.clip(random.normal(mean, parallel_for), mean - 2 * parallel_for, mean + 2 * parallel_for)
    )


def add_white_cell(
    density: np.ndarray,
    stain: Stain,
    kind: str,
    centre: tuple[float, float],
    radius: float,
    random: np.random.Generator,
) -> None:
    """Lay a white cell on an image's optical density, in place.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colours.
        kind: One of `CELL_KINDS`.
        centre: x and y of its centre in pixels.
        radius: Its mean radius in pixels.
        random: Where its shape is drawn from.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import draw_stain
        >>> random = np.random.default_rng(0)
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> add_white_cell(density, draw_stain(random), "MONOCYTE", (40, 30), 20, random)
        >>> bool(density[30, 40].max() > density[0, 0].max())
        True
    """
    place = window(centre, 1.4 * radius, density.shape)
    if place is None:
        return
    turn, stretch = random.uniform(0, 2 * np.pi), random.uniform(0.86, 1)
    turned = Window(
        place.rows,
        place.columns,
        np.cos(turn) * place.x + np.sin(turn) * place.y,
        (np.cos(turn) * place.y - np.sin(turn) * place.x) / stretch,
    )
    roughness = 0.09 if kind == "MONOCYTE" else 0.04
    body = inside(irregular_radius(turned.x, turned.y, radius, random, roughness) - 1, 4 / radius)
    cytoplasm, nucleus = _KINDS[kind](turned, radius, stain, random)
    nucleus = np.minimum(nucleus, body)
    unit = radius / 44
    chromatin = 1 + 0.16 * mottling(body.shape, 4.5 * unit, random)
    chromatin += 0.08 * mottling(body.shape, 11 * unit, random)
    inner = (nucleus * np.clip(chromatin, 0.5, 1.4))[..., None] * stain.chromatin
    cell = cytoplasm * (1 - nucleus)[..., None] + inner
    target = density[place.rows, place.columns]
    target *= 1 - body[..., None]
    target += body[..., None] * cell


def _eosinophil(
    place: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # Two lobes face each other across a thin bridge, among coarse orange granules.
    gap = radius * random.uniform(0.38, 0.48)
    lean = random.uniform(-0.3, 0.3) * radius
    centres = [np.array((-gap, lean)), np.array((gap, lean + random.normal(0, 0.08) * radius))]
    lobes = [
        _lobe(place, centre, radius * random.uniform(0.34, 0.45), random) for centre in centres
    ]
    bridge = capsule(place.x, place.y, centres[0], centres[1], 0.06 * radius)
    granules = np.clip(0.5 + mottling(place.x.shape, radius * 0.06, random, 0.5), 0, 1.2)
    amount = random.uniform(0.5, 0.9) * granules[..., None]
    return amount * stain.eosin + random.uniform(0.3, 0.7) * stain.lilac, _fill(
        [*lobes, bridge], radius
    )


def _neutrophil(
    place: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # Three to five lobes on a bent chain, in a pale cytoplasm with dust-like granules.
    count = int(random.integers(3, 6))
    bend = random.uniform(0.45, 0.56) * radius
    parallel_for = random.uniform(3.4, 4.8)
    turns = np.linspace(-parallel_for / 2, parallel_for / 2, count) + random.normal(0, 0.15, count)
    reach = bend * random.uniform(0.85, 1.1, count)
    centres = np.stack((reach * np.cos(turns), reach * np.sin(turns)), axis=1)
    size = radius * {3: 0.33, 4: 0.29, 5: 0.25}[count]
    lobes = [_lobe(place, centre, size * random.uniform(0.8, 1.2), random) for centre in centres]
    bridges = [
        capsule(place.x, place.y, start, end, 0.07 * radius) for start, end in pairwise(centres)
    ]
    amount = random.uniform(0.5, 1.0) * (1 + mottling(place.x.shape, radius * 0.04, random, 0.14))
    tint = stain.lilac + random.uniform(0, 0.3) * stain.eosin
    return amount[..., None] * tint, _fill([*lobes, *bridges], radius)


def _lymphocyte(
    place: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # One round nucleus that leaves a thin blue rim, wider on one side.
    aside = random.uniform(0, 0.10) * radius
    edge = irregular_radius(
        place.x - aside, place.y, radius * random.uniform(0.80, 0.92), random, 0.03
    )
    amount = random.uniform(0.7, 1.2) * (1 + mottling(place.x.shape, radius * 0.2, random, 0.12))
    return amount[..., None] * stain.basophilic, inside(edge - 1, 4 / radius)


def _monocyte(
    place: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # A kidney: a thick bent band, paler than other nuclei, in greyish cytoplasm with vacuoles.
    bend = radius * random.uniform(0.30, 0.42)
    half = random.uniform(1.0, 1.75)
    turns = np.linspace(-half, half, 5)
    points = np.stack((bend * np.cos(turns) - 0.35 * bend, bend * np.sin(turns)), axis=1)
    width = radius * random.uniform(0.36, 0.48)
    bands = [capsule(place.x, place.y, start, end, width) for start, end in pairwise(points)]
    amount = random.uniform(0.5, 0.9) * (1 + mottling(place.x.shape, radius * 0.12, random, 0.15))
    for _ in range(random.poisson(4)):
        turn, reach = random.uniform(0, 2 * np.pi), radius * random.uniform(0.55, 0.9)
        x, y = reach * np.cos(turn), reach * np.sin(turn)
        hole = np.hypot(place.x - x, place.y - y) - radius * random.uniform(0.03, 0.07)
        amount = amount * (1 - 0.7 * inside(hole, 2.0))
    pale = random.uniform(0.7, 0.95) * _fill(bands, radius)
    tint = stain.basophilic + random.uniform(0, 0.6) * (stain.lilac - stain.basophilic)
    return amount[..., None] * tint, pale


def _lobe(
    place: Window, centre: np.ndarray, size: float, random: np.random.Generator
) -> np.ndarray:
    edge = irregular_radius(place.x - centre[0], place.y - centre[1], size, random, 0.10)
    return (edge - 1) * size


def _fill(distances: list[np.ndarray], radius: float) -> np.ndarray:
    return inside(smooth_union(distances, 0.03 * radius), 3.0)


_KINDS: dict[
    str,
    Callable[[Window, float, Stain, np.random.Generator], tuple[np.ndarray, np.ndarray]],
] = {
    "EOSINOPHIL": _eosinophil,
    "LYMPHOCYTE": _lymphocyte,
    "MONOCYTE": _monocyte,
    "NEUTROPHIL": _neutrophil,
}
