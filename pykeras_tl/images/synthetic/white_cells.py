"""The four kinds of white blood cells, painted as optical density."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .outlines import (
    Window,
    capsule,
    relative_distance,
    smooth_noise,
    smooth_union,
    soft_mask,
    window,
)
from .stains import Stain

# Mean and standard deviation of the radius in pixels of a 320×240 image.
_RADII = {
    "EOSINOPHIL": (46, 4.5),
    "LYMPHOCYTE": (37, 5.0),
    "MONOCYTE": (52, 6.0),
    "NEUTROPHIL": (45, 4.5),
}
CELL_KINDS = tuple(_RADII)


def sample_radius(kind: str, random: np.random.Generator) -> float:
    """Sample the radius of a white cell.

    Args:
        kind: One of `CELL_KINDS`.
        random: The random number generator.

    Returns:
        The radius in pixels of a 320×240 image.

    Example:
        >>> 30 < sample_radius("NEUTROPHIL", np.random.default_rng(0)) < 60
        True
    """
    mean, deviation = _RADII[kind]
    radius = random.normal(mean, deviation)
    return float(np.clip(radius, mean - 2 * deviation, mean + 2 * deviation))


def paint_white_cell(
    density: np.ndarray,
    stain: Stain,
    kind: str,
    center: tuple[float, float],
    radius: float,
    random: np.random.Generator,
) -> None:
    """Paint a white cell over an image's optical density, in place.

    Args:
        density: Optical density, float32 of shape (height, width, 3).
        stain: The image's colors.
        kind: One of `CELL_KINDS`.
        center: x and y of the cell's center in pixels.
        radius: Mean radius of the cell in pixels.
        random: The random number generator.

    Example:
        >>> from pykeras_tl.images.synthetic.stains import sample_stain
        >>> random = np.random.default_rng(0)
        >>> density = np.zeros((60, 80, 3), np.float32)
        >>> paint_white_cell(density, sample_stain(random), "MONOCYTE", (40, 30), 20, random)
        >>> bool(density[30, 40].max() > density[0, 0].max())
        True
    """
    area = window(center, 1.4 * radius, density.shape)
    if area is None:
        return
    turn, stretch = random.uniform(0, 2 * np.pi), random.uniform(0.86, 1)
    turned = Window(
        area.rows,
        area.columns,
        np.cos(turn) * area.x + np.sin(turn) * area.y,
        (np.cos(turn) * area.y - np.sin(turn) * area.x) / stretch,
    )
    roughness = 0.09 if kind == "MONOCYTE" else 0.04
    body = soft_mask(
        relative_distance(turned.x, turned.y, radius, random, roughness) - 1, 4 / radius
    )
    cytoplasm, nucleus = _KINDS[kind](turned, radius, stain, random)
    nucleus = np.minimum(nucleus, body)
    unit = radius / 44
    chromatin = 1 + 0.16 * smooth_noise(body.shape, 4.5 * unit, random)
    chromatin += 0.08 * smooth_noise(body.shape, 11 * unit, random)
    inner = (nucleus * np.clip(chromatin, 0.5, 1.4))[..., None] * stain.chromatin
    cell = cytoplasm * (1 - nucleus)[..., None] + inner
    target = density[area.rows, area.columns]
    target *= 1 - body[..., None]
    target += body[..., None] * cell


def _eosinophil(
    area: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # Two lobes joined by a thin bridge, among coarse orange granules.
    gap = radius * random.uniform(0.38, 0.48)
    lean = random.uniform(-0.3, 0.3) * radius
    centers = [np.array((-gap, lean)), np.array((gap, lean + random.normal(0, 0.08) * radius))]
    lobes = [_lobe(area, center, radius * random.uniform(0.34, 0.45), random) for center in centers]
    bridge = capsule(area.x, area.y, centers[0], centers[1], 0.06 * radius)
    granules = np.clip(0.5 + smooth_noise(area.x.shape, radius * 0.06, random, 0.5), 0, 1.2)
    amount = random.uniform(0.5, 0.9) * granules[..., None]
    return amount * stain.eosin + random.uniform(0.3, 0.7) * stain.lilac, _fill(
        [*lobes, bridge], radius
    )


def _neutrophil(
    area: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # Three to five lobes on a bent chain, in a pale cytoplasm with dust-like granules.
    count = int(random.integers(3, 6))
    bend = random.uniform(0.45, 0.56) * radius
    arc = random.uniform(3.4, 4.8)
    turns = np.linspace(-arc / 2, arc / 2, count) + random.normal(0, 0.15, count)
    reach = bend * random.uniform(0.85, 1.1, count)
    centers = np.stack((reach * np.cos(turns), reach * np.sin(turns)), axis=1)
    size = radius * {3: 0.33, 4: 0.29, 5: 0.25}[count]
    lobes = [_lobe(area, center, size * random.uniform(0.8, 1.2), random) for center in centers]
    bridges = [
        capsule(area.x, area.y, start, end, 0.07 * radius) for start, end in pairwise(centers)
    ]
    amount = random.uniform(0.5, 1.0) * (
        1 + smooth_noise(area.x.shape, radius * 0.04, random, 0.14)
    )
    tint = stain.lilac + random.uniform(0, 0.3) * stain.eosin
    return amount[..., None] * tint, _fill([*lobes, *bridges], radius)


def _lymphocyte(
    area: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # A round nucleus with a thin rim of blue cytoplasm, wider on one side.
    aside = random.uniform(0, 0.10) * radius
    edge = relative_distance(
        area.x - aside, area.y, radius * random.uniform(0.80, 0.92), random, 0.03
    )
    amount = random.uniform(0.7, 1.2) * (1 + smooth_noise(area.x.shape, radius * 0.2, random, 0.12))
    return amount[..., None] * stain.basophilic, soft_mask(edge - 1, 4 / radius)


def _monocyte(
    area: Window, radius: float, stain: Stain, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    # A kidney-shaped, pale nucleus in grayish cytoplasm with vacuoles.
    bend = radius * random.uniform(0.30, 0.42)
    half = random.uniform(1.0, 1.75)
    turns = np.linspace(-half, half, 5)
    points = np.stack((bend * np.cos(turns) - 0.35 * bend, bend * np.sin(turns)), axis=1)
    width = radius * random.uniform(0.36, 0.48)
    bands = [capsule(area.x, area.y, start, end, width) for start, end in pairwise(points)]
    amount = random.uniform(0.5, 0.9) * (
        1 + smooth_noise(area.x.shape, radius * 0.12, random, 0.15)
    )
    for _ in range(random.poisson(4)):
        turn, reach = random.uniform(0, 2 * np.pi), radius * random.uniform(0.55, 0.9)
        x, y = reach * np.cos(turn), reach * np.sin(turn)
        hole = np.hypot(area.x - x, area.y - y) - radius * random.uniform(0.03, 0.07)
        amount = amount * (1 - 0.7 * soft_mask(hole, 2.0))
    pale = random.uniform(0.7, 0.95) * _fill(bands, radius)
    tint = stain.basophilic + random.uniform(0, 0.6) * (stain.lilac - stain.basophilic)
    return amount[..., None] * tint, pale


def _lobe(area: Window, center: np.ndarray, size: float, random: np.random.Generator) -> np.ndarray:
    edge = relative_distance(area.x - center[0], area.y - center[1], size, random, 0.10)
    return (edge - 1) * size


def _fill(distances: list[np.ndarray], radius: float) -> np.ndarray:
    return soft_mask(smooth_union(distances, 0.03 * radius), 3.0)


_KINDS: dict[
    str,
    Callable[[Window, float, Stain, np.random.Generator], tuple[np.ndarray, np.ndarray]],
] = {
    "EOSINOPHIL": _eosinophil,
    "LYMPHOCYTE": _lymphocyte,
    "MONOCYTE": _monocyte,
    "NEUTROPHIL": _neutrophil,
}
