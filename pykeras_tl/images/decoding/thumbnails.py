"""Thumbnails of image files, for figures and HTML pages."""

from __future__ import annotations

import os

import cv2
import numpy as np

from .reading import read_viewable


def read_thumbnail(path: str | os.PathLike[str], max_side: int = 224) -> np.ndarray:
    """Read an image and shrink it so that its longer side is at most `max_side`.

    Args:
        path: The image file.
        max_side: Length of the longer side in pixels. Smaller images are not enlarged.

    Returns:
        RGB image, uint8 array of shape (height, width, 3), as `read_viewable` returns it.

    Raises:
        FileNotFoundError: If the file does not exist.
        BadImageError: If it cannot be decoded.

    Example:
        >>> _ = cv2.imwrite("wide.png", np.zeros((100, 400, 3), "uint8"))
        >>> read_thumbnail("wide.png", 200).shape
        (50, 200, 3)
    """
    image = read_viewable(path)
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
