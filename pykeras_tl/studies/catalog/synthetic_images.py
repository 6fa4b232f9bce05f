"""Small drawn images, for the quick forms of the studies."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image


def generate_images(count: int, number: int, classes: int, size: int, seed: int = 0) -> np.ndarray:
    """Draw noisy images of one class: stripes in the class's colour and direction.

    Args:
        count: How many.
        number: The class's number, from 0.
        classes: How many classes there are.
        size: Height and width in pixels.
        seed: Makes them repeatable.

    Returns:
        uint8 array of shape (count, size, size, 3).

    Example:
        >>> generate_images(2, 0, 5, 32).shape
        (2, 32, 32, 3)
    """
    random = np.random.default_rng([seed, number])
    colour = 255 * np.array(colorsys.hsv_to_rgb(number / classes, 0.6, 0.7))
    angle = np.pi * number / classes
    rows, columns = np.mgrid[:size, :size] / size
    along = np.cos(angle) * columns + np.sin(angle) * rows
    starts = random.random((count, 1, 1))
    stripes = 1 + 0.3 * np.sin(2 * np.pi * (4 * along + starts))
    noise = random.normal(0, 25, (count, size, size, 3))
    return np.clip(stripes[..., None] * colour + noise, 0, 255).astype("uint8")


def generate_class_folders(
    folder: Path, classes: int, count: int, size: int, seed: int = 0
) -> None:
    """Draw PNG files, a folder a class.

    Args:
        folder: The folder to make.
        classes: How many classes; they are called `class_00`, `class_01`, ….
        count: Images of each.
        size: Height and width in pixels.
        seed: Makes them repeatable.

    Example:
        >>> generate_class_folders(Path("drawn"), classes=2, count=1, size=8)
        >>> sorted(path.name for path in Path("drawn").iterdir())
        ['class_00', 'class_01']
    """
    for number in range(classes):
        place = folder / f"class_{number:02}"
        place.mkdir(parents=True)
        for index, pixels in enumerate(generate_images(count, number, classes, size, seed)):
            # A name tells its class, as those of the real data sets do.
            Image.fromarray(pixels).save(place / f"{place.name}_{index}.png")
