"""Saliency maps drawn over their images."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib import colormaps

# From violet over green to yellow: even in lightness, so that it can be read with any color
# vision and in gray, and unlike the colors of photographs and stains.
_COLORS = "viridis"
# How much of the color covers the image where the map is 0 and where it is 1.
_FAINTEST, _STRONGEST = 0.2, 0.75


def overlay_map(image: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Draw a saliency map over its image, which becomes gray so that only the map has colors.

    Args:
        image: RGB image, uint8 array of shape (height, width, 3).
        saliency: The map, values from 0 to 1, of any height and width; it is stretched over the
            image.

    Returns:
        RGB image of the same shape, uint8: violet is 0, yellow is 1.

    Raises:
        ValueError: If the image is not an RGB image of 8 bits.

    Example:
        >>> image = np.full((40, 60, 3), 200, np.uint8)
        >>> overlay = overlay_map(image, np.eye(2))
        >>> overlay.shape, bool(overlay[0, 0, 0] > overlay[0, -1, 0])
        ((40, 60, 3), True)
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "Expected a uint8 image of shape (height, width, 3). Received: "
            f"{image.dtype} of shape {image.shape}."
        )
    height, width = image.shape[:2]
    values = np.asarray(saliency, "float32")
    values = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    colors = colormaps[_COLORS](values)[..., :3] * 255
    share = _FAINTEST + (_STRONGEST - _FAINTEST) * values[..., None]
    drawn: np.ndarray = ((1 - share) * gray + share * colors).round().astype("uint8")
    return drawn
