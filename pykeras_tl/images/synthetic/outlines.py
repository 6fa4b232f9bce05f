"""Soft shapes on a small window of the image: irregular discs, lobes, arcs and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Window:
    """The part of an image around a cell, with coordinates relative to the cell's center.

    Attributes:
        rows: Rows of the image in the window.
        columns: Columns of the image in the window.
        x: Offset from the center to the right in pixels, shape (height, width).
        y: Offset from the center downwards in pixels, shape (height, width).
    """

    rows: slice
    columns: slice
    x: np.ndarray
    y: np.ndarray


def window(center: tuple[float, float], reach: float, shape: tuple[int, ...]) -> Window | None:
    """Return the window of the pixels within `reach` of `center` along both axes.

    Args:
        center: x and y in pixels, possibly outside the image.
        reach: Half of the window's side in pixels.
        shape: Height and width of the image.

    Returns:
        The window, or None if it contains no pixel of the image.

    Example:
        >>> window((0, 5), 2, (10, 10)).x.shape
        (5, 3)
        >>> window((-9, 5), 2, (10, 10)) is None
        True
    """
    x, y = center
    left, right = max(0, int(np.ceil(x - reach))), min(shape[1], int(np.floor(x + reach)) + 1)
    top, bottom = max(0, int(np.ceil(y - reach))), min(shape[0], int(np.floor(y + reach)) + 1)
    if left >= right or top >= bottom:
        return None
    across = np.arange(left, right, dtype=np.float32) - np.float32(x)
    down = np.arange(top, bottom, dtype=np.float32) - np.float32(y)
    grid_x, grid_y = np.meshgrid(across, down)
    return Window(slice(top, bottom), slice(left, right), grid_x, grid_y)


def relative_distance(
    x: np.ndarray, y: np.ndarray, radius: float, random: np.random.Generator, roughness: float
) -> np.ndarray:
    """Return each point's distance from the center, relative to the edge of an irregular disc.

    Args:
        x: Horizontal coordinates in pixels.
        y: Vertical coordinates, of the same shape.
        radius: Mean radius in pixels.
        random: The random number generator.
        roughness: Deviation of the edge from a circle, relative to the radius.

    Returns:
        Distances, an array of the same shape: 0 in the center, 1 on the edge.

    Example:
        >>> axis = np.array([0.0, 3.0], np.float32)
        >>> relative_distance(axis, 0 * axis, 3, np.random.default_rng(0), 0.0).tolist()
        [0.0, 1.0]
    """
    distance = np.sqrt(x * x + y * y)
    # Powers of points on the unit circle are waves around the edge, faster than cosines.
    cosine, sine = x / np.maximum(distance, 1e-6), y / np.maximum(distance, 1e-6)
    wave_x, wave_y = cosine, sine
    edge = np.full_like(distance, radius)
    for weight in (1.0, 0.5, 0.25):
        wave_x, wave_y = wave_x * cosine - wave_y * sine, wave_x * sine + wave_y * cosine
        height = radius * roughness * weight * random.uniform(0.3, 1)
        phase = random.uniform(0, 2 * np.pi)
        edge += (height * math.cos(phase)) * wave_x - (height * math.sin(phase)) * wave_y
    return distance / edge


def soft_mask(distance: np.ndarray, softness: float) -> np.ndarray:
    """Convert signed distances from an edge into an anti-aliased mask.

    Args:
        distance: Signed distances, negative inside.
        softness: Width of the edge, in the unit of the distances.

    Returns:
        Mask of the same shape, from 0 (outside) to 1 (inside), 0.5 on the edge.

    Example:
        >>> soft_mask(np.array([-2.0, 0.0, 2.0]), 1.0).tolist()
        [1.0, 0.5, 0.0]
    """
    return np.clip(0.5 - distance / softness, 0, 1)


def capsule(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, end: np.ndarray, width: float
) -> np.ndarray:
    """Return signed distances from a thick line with round ends.

    Args:
        x: Horizontal coordinates in pixels.
        y: Vertical coordinates, of the same shape.
        start: x and y of the line's start.
        end: x and y of the line's end.
        width: Half of the line's thickness in pixels.

    Returns:
        Signed distances of the same shape, negative inside.

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
    """Merge shapes that are given by signed distances, and round the corners where they meet.

    Args:
        distances: One array of signed distances per shape.
        blend: Radius of the rounding in pixels.

    Returns:
        Signed distances of the merged shape.

    Example:
        >>> smooth_union([np.array([3.0]), np.array([-1.0])], 0.5).round(2).tolist()
        [-1.0]
    """
    total = np.exp(np.clip(-distances[0] / blend, -60, 60))
    for distance in distances[1:]:
        total += np.exp(np.clip(-distance / blend, -60, 60))
    return -blend * np.log(total)


def smooth_noise(
    shape: tuple[int, ...], grain: float, random: np.random.Generator, deviation: float = 1.0
) -> np.ndarray:
    """Return smooth noise, as of chromatin, granules or uneven stain.

    Args:
        shape: Height and width.
        grain: Size of the spots in pixels.
        random: The random number generator.
        deviation: Standard deviation of the spots, before they are interpolated. The mean is 0.

    Returns:
        float32 array of shape (height, width).

    Example:
        >>> smooth_noise((20, 30), 4.0, np.random.default_rng(0)).shape
        (20, 30)
    """
    height, width = (max(2, round(side / grain) + 1) for side in shape[:2])
    coarse = random.normal(0, deviation, (height, width)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
