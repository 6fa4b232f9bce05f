"""Whether two images are copies, decided by aligning one with the other."""

from __future__ import annotations

import cv2
import numpy as np

from .features import BLACK, Features

# Two images are copies if at least this many corners agree on one affine map and the aligned
# pixels correlate at least this much. Different smears of one slide reach 8 corners.
_MIN_INLIERS = 10
_MIN_CORRELATION = 0.6
_MAX_MATCHES = 48
# For images that are compared in place: the correlation of their detail, and the share that it
# must explain of what symmetry leaves unexplained.
_MIN_DETAIL_CORRELATION = 0.8
_MIN_ASYMMETRIC_SHARE = 0.85
_MIN_OVERLAP = 0.15
# Variance in squared grey levels below which there is nothing to compare.
_FLAT = 0.25


def same_by_corners(one: Features, other: Features) -> bool:
    """Return whether two images are copies up to an affine map.

    The map may rotate, mirror, shift, zoom and shear.

    Args:
        one: Features of an image.
        other: Features of another image.

    Returns:
        True if they are copies.

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> image = cv2.resize(random.integers(0, 255, (24, 32, 3), dtype=np.uint8), (320, 240))
        >>> same_by_corners(describe(image), describe(image[:, ::-1]))
        True
    """
    if min(len(one.points), len(other.points)) < _MIN_INLIERS:
        return False
    similarity = one.descriptors.astype(np.float32) @ other.descriptors.T.astype(np.float32)
    best, best_back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    mutual = np.flatnonzero(best_back[best] == np.arange(len(best)))
    if len(mutual) < _MIN_INLIERS:
        return False
    order = np.argsort(-similarity[mutual, best[mutual]], kind="stable")
    mutual = mutual[order[:_MAX_MATCHES]]
    # OpenCV's RANSAC has a fixed seed, so the result is deterministic.
    affine, inliers = cv2.estimateAffine2D(
        one.points[mutual],
        other.points[best[mutual]],
        method=cv2.RANSAC,
        ransacReprojThreshold=2.5,
        maxIters=500,
        confidence=0.99,
    )
    if affine is None or int(inliers.sum()) < _MIN_INLIERS:
        return False
    return _correlation_under(affine, one.small, other.small) >= _MIN_CORRELATION


def same_in_place(one: Features, other: Features) -> bool:
    """Return whether two images are copies up to 90 degree turns, mirroring and brightness.

    It needs no corners, so it also works for smooth and small images.

    Args:
        one: Features of an image.
        other: Features of another image.

    Returns:
        True if they are copies.

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> image = cv2.resize(random.integers(0, 255, (9, 9, 3), dtype=np.uint8), (32, 32))
        >>> same_in_place(describe(image), describe(np.rot90(image) // 2))
        True
    """
    similarity = [float((copy * other.tiny).sum()) for copy in dihedral_transforms(one.tiny)]
    turned = dihedral_transforms(one.small)[int(np.argmax(similarity))]
    if turned.shape != other.small.shape:
        return False
    fits = _detail_correlation(turned, other.small)
    # A round object on a plain background fits any other such object, but also itself turned.
    by_symmetry = _detail_correlation(np.rot90(turned, 2), other.small)
    return fits >= _MIN_DETAIL_CORRELATION and fits - by_symmetry >= _MIN_ASYMMETRIC_SHARE * (
        1 - by_symmetry
    )


def dihedral_transforms(image: np.ndarray) -> list[np.ndarray]:
    """Return the eight orientations of an image: turned by 90 degrees, and mirrored.

    Args:
        image: Array of shape (height, width).

    Returns:
        Eight arrays, the first of which is the image itself.

    Example:
        >>> [copy.tolist() for copy in dihedral_transforms(np.array([[1, 2]]))[:2]]
        [[[1, 2]], [[2], [1]]]
    """
    return [np.rot90(copy, turns) for copy in (image, image[:, ::-1]) for turns in range(4)]


def _correlation_under(affine: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two thumbnails after the first was warped onto the second."""
    # The map was fitted to copies that are twice as large.
    affine = affine * np.array([[1, 1, 0.5], [1, 1, 0.5]])
    size = other.shape[::-1]
    moved = cv2.warpAffine(one, affine, size, flags=cv2.INTER_LINEAR)
    content = cv2.warpAffine((one > BLACK).view(np.uint8), affine, size, flags=cv2.INTER_NEAREST)
    shared = content.astype(bool) & (other > BLACK)
    if shared.mean() < _MIN_OVERLAP:
        return 0.0
    return _correlation(moved[shared].astype(np.float32), other[shared].astype(np.float32))


def _detail_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of the detail of two images where both have content."""
    shared = _content(one) & _content(other)
    if shared.mean() < _MIN_OVERLAP:
        return 0.0
    return _correlation(_detail(one)[shared], _detail(other)[shared])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / norm if norm > len(one) * _FLAT else 0.0


def _content(image: np.ndarray) -> np.ndarray:
    """Return the mask of pixels that are not black, nor mixed with adjacent black by blur."""
    lit = (image > BLACK).view(np.uint8)
    return cv2.erode(lit, np.ones((3, 3), np.uint8)).astype(bool)


def _detail(image: np.ndarray) -> np.ndarray:
    """Band-pass filter an image: remove shading and the finest grain, ignoring black pixels."""
    lit = _content(image).astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(image * lit, (0, 0), grain)
        / np.maximum(cv2.GaussianBlur(lit, (0, 0), grain), 1e-3)
        for grain in (1.0, 5.0)
    )
    return fine - coarse
