"""Small synthetic images, for the quick forms of the studies."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image


def generate_images(count: int, number: int, classes: int, size: int, seed: int = 0) -> np.ndarray:
    """Generate noisy images of one class: stripes in the color and direction of the class.

    Args:
        count: Number of images.
        number: Index of the class.
        classes: Number of classes.
        size: Height and width in pixels.
        seed: The seed of the noise.

    Returns:
        uint8 array of shape (count, size, size, 3).

    Example:
        >>> generate_images(2, 0, 5, 32).shape
        (2, 32, 32, 3)
    """
    random = np.random.default_rng([seed, number])
    color = 255 * np.array(colorsys.hsv_to_rgb(number / classes, 0.6, 0.7))
    angle = np.pi * number / classes
    rows, columns = np.mgrid[:size, :size] / size
    along = np.cos(angle) * columns + np.sin(angle) * rows
    starts = random.random((count, 1, 1))
    stripes = 1 + 0.3 * np.sin(2 * np.pi * (4 * along + starts))
    noise = random.normal(0, 25, (count, size, size, 3))
    return np.clip(stripes[..., None] * color + noise, 0, 255).astype("uint8")


def generate_class_folders(
    folder: Path, classes: int, count: int, size: int, seed: int = 0
) -> None:
    """Generate PNG files in one folder for each class.

    Args:
        folder: The folder to create.
        classes: Number of classes, named `class_00`, `class_01`, ….
        count: Images of each class.
        size: Height and width in pixels.
        seed: The seed of the noise.

    Example:
        >>> generate_class_folders(Path("synthetic"), classes=2, count=1, size=8)
        >>> sorted(path.name for path in Path("synthetic").iterdir())
        ['class_00', 'class_01']
    """
    for number in range(classes):
        class_folder = folder / f"class_{number:02}"
        class_folder.mkdir(parents=True)
        for index, pixels in enumerate(generate_images(count, number, classes, size, seed)):
            # The file name contains the class, as in the real data sets.
            Image.fromarray(pixels).save(class_folder / f"{class_folder.name}_{index}.png")
