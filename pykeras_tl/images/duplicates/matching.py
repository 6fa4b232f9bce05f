"""Whether two images show the same, judged by laying one on the other."""

from __future__ import annotations

import cv2
import numpy as np

from .features import BLACK, Features

# Two images are the same when this many corners agree on one affine map, and the pixels
# under it correlate as much. Different smears of one slide reach 8 corners.
_AGREEING = 10
_CORRELATION = 0.6
_MOST_PAIRS = 48
# For images laid on each other without any map: the correlation of their detail, and the
# share that it must explain of what symmetry does not.
_DETAIL = 0.8
_OWN_DETAIL = 0.85
_LEAST_OVERLAP = 0.15
# Mean squared grey levels below which there is nothing to compare.
_FLAT = 0.25


def same_by_corners(one: Features, other: Features) -> bool:
    """Tell whether an affine map (turned, mirrored, moved, zoomed, sheared) joins two images.

    Args:
        one: Features of an image.
        other: Features of another.

    Returns:
        True when they show the same.

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> image = cv2.resize(random.integers(0, 255, (24, 32, 3), dtype=np.uint8), (320, 240))
        >>> same_by_corners(describe(image), describe(image[:, ::-1]))
        True
    """
    if min(len(one.points), len(other.points)) < _AGREEING:
        return False
    likeness = one.descriptors.astype(np.float32) @ other.descriptors.T.astype(np.float32)
    best, best_back = likeness.argmax(axis=1), likeness.argmax(axis=0)
    mutual = np.flatnonzero(best_back[best] == np.arange(len(best)))
    if len(mutual) < _AGREEING:
        return False
    order = np.argsort(-likeness[mutual, best[mutual]], kind="stable")
    mutual = mutual[order[:_MOST_PAIRS]]
    # OpenCV draws its samples from a fixed seed, so that the answer is always the same.
    affine, agreeing = cv2.estimateAffine2D(
        one.points[mutual],
        other.points[best[mutual]],
        method=cv2.RANSAC,
        ransacReprojThreshold=2.5,
        maxIters=500,
        confidence=0.99,
    )
    if affine is None or int(agreeing.sum()) < _AGREEING:
        return False
    return _correlation_under(affine, one.small, other.small) >= _CORRELATION


def same_in_place(one: Features, other: Features) -> bool:
    """Tell whether two images are the same but for a quarter turn, a mirror, light or quality.

    It needs no corners and so serves smooth and small images.

    Args:
        one: Features of an image.
        other: Features of another.

    Returns:
        True when they show the same.

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> image = cv2.resize(random.integers(0, 255, (9, 9, 3), dtype=np.uint8), (32, 32))
        >>> same_in_place(describe(image), describe(np.rot90(image) // 2))
        True
    """
    likeness = [float((copy * other.tiny).sum()) for copy in dihedral_transforms(one.tiny)]
    placed = dihedral_transforms(one.small)[int(np.argmax(likeness))]
    if placed.shape != other.small.shape:
        return False
    fits = _detail_correlation(placed, other.small)
    # A round thing on a plain ground fits any other such thing, but itself turned as well.
    by_symmetry = _detail_correlation(np.rot90(placed, 2), other.small)
    return fits >= _DETAIL and fits - by_symmetry >= _OWN_DETAIL * (1 - by_symmetry)


def dihedral_transforms(image: np.ndarray) -> list[np.ndarray]:
    """Return an image's eight quarter turns and mirrored quarter turns.

    Args:
        image: Array of shape (height, width).

    Returns:
        Eight arrays, the first being the image itself.

    Example:
        >>> [copy.tolist() for copy in dihedral_transforms(np.array([[1, 2]]))[:2]]
        [[[1, 2]], [[2], [1]]]
    """
    return [np.rot90(copy, turns) for copy in (image, image[:, ::-1]) for turns in range(4)]


def _correlation_under(affine: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    # The map is between copies twice as large.
    affine = affine * np.array([[1, 1, 0.5], [1, 1, 0.5]])
    size = other.shape[::-1]
    moved = cv2.warpAffine(one, affine, size, flags=cv2.INTER_LINEAR)
    content = cv2.warpAffine((one > BLACK).view(np.uint8), affine, size, flags=cv2.INTER_NEAREST)
    shared = content.astype(bool) & (other > BLACK)
    if shared.mean() < _LEAST_OVERLAP:
        return 0.0
    return _correlation(moved[shared].astype(np.float32), other[shared].astype(np.float32))


def _detail_correlation(one: np.ndarray, other: np.ndarray) -> float:
    shared = _content(one) & _content(other)
    if shared.mean() < _LEAST_OVERLAP:
        return 0.0
    return _correlation(_detail(one)[shared], _detail(other)[shared])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    parallel_for = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / parallel_for if parallel_for > len(one) * _FLAT else 0.0


def _content(image: np.ndarray) -> np.ndarray:
    """Return where an image is neither black nor, by blur, mixed with black beside it."""
    lit = (image > BLACK).view(np.uint8)
    return cv2.erode(lit, np.ones((3, 3), np.uint8)).astype(bool)


def _detail(image: np.ndarray) -> np.ndarray:
    """Return an image without its shading and finest grain, as if there were no black in it."""
    lit = _content(image).astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(image * lit, (0, 0), grain)
        / np.maximum(cv2.GaussianBlur(lit, (0, 0), grain), 1e-3)
        for grain in (1.0, 5.0)
    )
    return fine - coarse
