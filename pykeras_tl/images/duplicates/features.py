"""Features of an image for finding its copies: corners, a thumbnail and a tiny thumbnail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

# Corners are detected in a copy with this longer side; the thumbnail is half as large.
_SIDE = 192
_POINTS = 64
# Around each corner, colours are sampled on rings (radii in pixels) at this many angles.
_RINGS = np.array([2.5, 5, 8, 12], np.float32)
_ANGLES = 16
_FREQUENCIES = 5
TINY = 16
# Pixels up to this grey level count as the black that augmentation fills borders with.
BLACK = 12

_NOTHING = np.zeros(0, np.uint8)
_TURNS = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
_ACROSS = (_RINGS[:, None] * np.cos(_TURNS)).ravel().astype(np.float32)
_DOWN = (_RINGS[:, None] * np.sin(_TURNS)).ravel().astype(np.float32)


@dataclass(frozen=True)
class Features:
    """The features of one image, about 12 kB.

    Attributes:
        digest: Hash of the pixels.
        points: x and y of the corners in a copy whose longer side is 192 pixels, float32 of
            shape (corners, 2).
        descriptors: The surroundings of each corner, uint8 of shape (corners, 60).
        small: Grayscale thumbnail whose longer side is 96 pixels, uint8.
        tiny: Band-pass filtered thumbnail of norm 1 (or 0 for a smooth image), float32 of
            shape (16, 16).
    """

    digest: bytes
    points: np.ndarray
    descriptors: np.ndarray
    small: np.ndarray
    tiny: np.ndarray

    def without_arrays(self) -> Features:
        """Return features that find copies with equal pixels only, in 100 bytes."""
        return Features(self.digest, _NOTHING, _NOTHING, _NOTHING, _NOTHING)


def describe(image: np.ndarray) -> Features:
    """Compute an image's features.

    A descriptor is the amplitude of each angular frequency of the colors on rings around a
    corner. It is invariant to rotation, mirroring, brightness and contrast.

    Args:
        image: RGB image, uint8 array of shape (height, width, 3).

    Returns:
        The features.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        >>> features = describe(image)
        >>> features.descriptors.shape, features.small.shape
        ((64, 60), (72, 96))
    """
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    # An even number of pixels, so that the thumbnail is exactly half as large.
    size = tuple(max(16, 2 * round(side * scale / 2)) for side in (width, height))
    copy = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    gray = cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY)
    points = _corners(gray)
    digest = hashlib.blake2b(image.tobytes(), digest_size=16)
    digest.update(f"{height} {width}".encode())
    return Features(
        digest=digest.digest(),
        points=points,
        descriptors=_describe_points(copy, points),
        small=cv2.resize(gray, (size[0] // 2, size[1] // 2), interpolation=cv2.INTER_AREA),
        tiny=_tiny(gray),
    )


def _corners(gray: np.ndarray) -> np.ndarray:
    # The edge of the black border of an augmented image is not part of its content.
    lit = (gray > BLACK).astype(np.uint8)
    content = cv2.erode(lit, np.ones((9, 9), np.uint8), borderValue=1)
    content[:4] = content[-4:] = content[:, :4] = content[:, -4:] = 0
    found = cv2.goodFeaturesToTrack(gray, _POINTS, 0.005, 5, mask=content, blockSize=5)
    return np.zeros((0, 2), np.float32) if found is None else found[:, 0]


def _describe_points(copy: np.ndarray, points: np.ndarray) -> np.ndarray:
    count = len(points)
    if count == 0:
        return np.zeros((0, len(_RINGS) * _FREQUENCIES * 3), np.uint8)
    colours = cv2.remap(
        copy,
        points[:, :1] + _ACROSS,
        points[:, 1:] + _DOWN,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rings = colours.reshape(count, len(_RINGS), _ANGLES, 3).astype(np.float32)
    rings = rings - rings.mean(axis=(1, 2), keepdims=True)
    rings = rings / (rings.std(axis=(1, 2, 3), keepdims=True) + 4)
    waves = np.sqrt(np.abs(np.fft.rfft(rings, axis=2))[:, :, :_FREQUENCIES])
    waves = waves.reshape(count, -1)
    lengths = np.linalg.norm(waves, axis=1, keepdims=True) + 1e-6
    return np.round(255 * waves / lengths).astype(np.uint8)


def _tiny(gray: np.ndarray) -> np.ndarray:
    lit = gray > BLACK
    # Otherwise all images with black corners would be similar.
    filled = np.where(lit, gray, gray[lit].mean() if lit.any() else 0).astype(np.float32)
    tiny = cv2.resize(filled, (TINY, TINY), interpolation=cv2.INTER_AREA)
    tiny = tiny - cv2.GaussianBlur(tiny, (0, 0), 3.0)
    length = float(np.linalg.norm(tiny))
    # Almost no detail cannot identify an image.
    return tiny / length if length > TINY else np.zeros_like(tiny)
