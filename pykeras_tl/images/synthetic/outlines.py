"""Soft shapes on a small window of the image: irregular discs, lobes, arcs and mottling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Window:
    """The part of an image around a cell, with coordinates that start at the cell's centre.

    Attributes:
        rows: Rows of the image in the window.
        columns: Columns of the image in the window.
        x: Pixels to the right of the centre, shape (height, width).
        y: Pixels below the centre, shape (height, width).
    """

    rows: slice
    columns: slice
    x: np.ndarray
    y: np.ndarray


def window(centre: tuple[float, float], reach: float, shape: tuple[int, ...]) -> Window | None:
    """Return the window of the pixels within `reach` of `centre` along both axes.

    Args:
        centre: x and y in pixels; may lie outside the image.
        reach: Half the window's side in pixels.
        shape: Height and width of the image.

    Returns:
        The window, or None when it holds no pixel.

    Example:
        >>> window((0, 5), 2, (10, 10)).x.shape
        (5, 3)
        >>> window((-9, 5), 2, (10, 10)) is None
        True
    """
    x, y = centre
    left, right = max(0, int(np.ceil(x - reach))), min(shape[1], int(np.floor(x + reach)) + 1)
    top, bottom = max(0, int(np.ceil(y - reach))), min(shape[0], int(np.floor(y + reach)) + 1)
    if left >= right or top >= bottom:
        return None
    across = np.arange(left, right, dtype=np.float32) - np.float32(x)
    down = np.arange(top, bottom, dtype=np.float32) - np.float32(y)
    grid_x, grid_y = np.meshgrid(across, down)
    return Window(slice(top, bottom), slice(left, right), grid_x, grid_y)


def irregular_radius(
    x: np.ndarray, y: np.ndarray, radius: float, random: np.random.Generator, roughness: float
) -> np.ndarray:
    """Return each point's distance from the centre, 1 being the edge of an irregular ellipse.

    Args:
        x: Horizontal coordinates in pixels.
        y: Vertical coordinates, of the same shape.
        radius: Mean radius in pixels.
        random: Where the shape is drawn from.
        roughness: How far the edge strays from a circle, as a share of the radius.

    Returns:
        Distances of the same shape, 0 at the centre.

    Example:
        >>> axis = np.array([0.0, 3.0], np.float32)
        >>> irregular_radius(axis, 0 * axis, 3, np.random.default_rng(0), 0.0).tolist()
        [0.0, 1.0]
    """
    distance = np.sqrt(x * x + y * y)
    # Products of points on the unit circle are the waves around the edge, faster than cosines.
    cosine, sine = x / np.maximum(distance, 1e-6), y / np.maximum(distance, 1e-6)
    wave_x, wave_y = cosine, sine
    edge = np.full_like(distance, radius)
    for weight in (1.0, 0.5, 0.25):
        wave_x, wave_y = wave_x * cosine - wave_y * sine, wave_x * sine + wave_y * cosine
        height = radius * roughness * weight * random.uniform(0.3, 1)
        phase = random.uniform(0, 2 * np.pi)
        edge += (height * math.cos(phase)) * wave_x - (height * math.sin(phase)) * wave_y
    return distance / edge


def inside(distance: np.ndarray, softness: float) -> np.ndarray:
    """Turn signed distances from an edge into a mask with an anti-aliased edge.

    Args:
        distance: Distances, below 0 inside.
        softness: Width of the edge, in the unit of the distances.

    Returns:
        A mask of the same shape from 0 (outside) to 1 (inside), 0.5 on the edge.

    Example:
        >>> inside(np.array([-2.0, 0.0, 2.0]), 1.0).tolist()
        [1.0, 0.5, 0.0]
    """
    return np.clip(0.5 - distance / softness, 0, 1)


def capsule(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, end: np.ndarray, width: float
) -> np.ndarray:
    """Return signed distances from a line with round ends.

    Args:
        x: Horizontal coordinates in pixels.
        y: Vertical coordinates, of the same shape.
        start: x and y of the line's start.
        end: x and y of its end.
        width: Half its thickness in pixels.

    Returns:
        Distances of the same shape, below 0 inside.

    Example:
        >>> points = np.array([0.0, 5.0])
        >>> capsule(points, 0 * points, np.zeros(2), np.array([2.0, 0.0]), 1.0).tolist()
        [-1.0, 2.0]
    """
    from_x, from_y = float(start[0]), float(start[1])
    line_x, line_y = float(end[0]) - from_x, float(end[1]) - from_y
    along = (x - from_x) * line_x + (y - from_y) * line_y
    along = np.clip(along / max(line_x**2 + line_y**2, 1e-6), 0, 1)
    beside_x, beside_y = x - from_x - along * line_x, y - from_y - along * line_y
    return np.sqrt(beside_x * beside_x + beside_y * beside_y) - width


def smooth_union(distances: list[np.ndarray], blend: float) -> np.ndarray:
    """Join shapes given by signed distances, rounding the corners where they meet.

    Args:
        distances: One array of signed distances a shape.
        blend: How far from a corner the rounding reaches, in pixels.

    Returns:
        Signed distances of the whole.

    Example:
        >>> smooth_union([np.array([3.0]), np.array([-1.0])], 0.5).round(2).tolist()
        [-1.0]
    """
    total = np.exp(np.clip(-distances[0] / blend, -60, 60))
    for distance in distances[1:]:
        total += np.exp(np.clip(-distance / blend, -60, 60))
    return -blend * np.log(total)


def mottling(
    shape: tuple[int, ...], grain: float, random: np.random.Generator, parallel_for: float = 1.0
) -> np.ndarray:
    """Return smooth noise, as of chromatin, granules or uneven stain.

    Args:
        shape: Height and width.
        grain: Size of its spots in pixels.
        random: Where it is drawn from.
        parallel_for: Standard deviation about 0, before the smoothing between spots.

    Returns:
        A float32 array of that shape.

    Example:
        >>> mottling((20, 30), 4.0, np.random.default_rng(0)).shape
        (20, 30)
    """
    height, width = (max(2, round(side / grain) + 1) for side in shape[:2])
    coarse = random.normal(0, parallel_for, (height, width)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
