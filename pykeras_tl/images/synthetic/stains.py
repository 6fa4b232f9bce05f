"""The colors of a smear: each image has its own stain, light and sharpness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Optical density of a full layer in red, green and blue. Estimated by eye from Wright-Giemsa
# stained smears under a light microscope.
_RED_CELL = (0.11, 0.35, 0.31)
_CHROMATIN = (0.72, 1.22, 0.14)
_BASOPHILIC = (0.38, 0.36, 0.05)
_LILAC = (0.18, 0.36, 0.09)
_EOSIN = (0.14, 0.60, 0.45)
_PLATELET = (0.45, 0.62, 0.10)


@dataclass(frozen=True)
class Stain:
    """The colors and optics of one image.

    Attributes:
        light: Color of the empty background in red, green and blue, 0 to 255.
        red_cell: Optical density of a red cell, in red, green and blue.
        chromatin: Optical density of a nucleus.
        basophilic: Optical density of the blue cytoplasm of lymphocytes and monocytes.
        lilac: Optical density of a neutrophil's cytoplasm.
        eosin: Optical density of an eosinophil's granules.
        platelet: Optical density of a platelet.
        pallor: Paleness of the center of a red cell, 0 to 1.
        crowding: Number of red cells per 10,000 pixels of a 320×240 image.
        blur: Standard deviation of the blur in pixels of a 320×240 image.
        noise: Standard deviation of the camera's noise in gray levels.
    """

    light: np.ndarray
    red_cell: np.ndarray
    chromatin: np.ndarray
    basophilic: np.ndarray
    lilac: np.ndarray
    eosin: np.ndarray
    platelet: np.ndarray
    pallor: float
    crowding: float
    blur: float
    noise: float


def sample_stain(random: np.random.Generator) -> Stain:
    """Sample the colors and optics of an image.

    Args:
        random: The random number generator.

    Returns:
        The stain.

    Example:
        >>> sample_stain(np.random.default_rng(0)).light.shape
        (3,)
    """
    strength = random.uniform(0.8, 1.15)

    def dye(density: tuple[float, float, float], variety: float = 0.08) -> np.ndarray:
        shift = random.normal(1, variety, 3)
        return (strength * shift * np.array(density)).astype(np.float32)

    light = random.uniform(205, 238) * random.normal(1, 0.012, 3) * (1.0, 1.005, 0.985)
    return Stain(
        light=np.minimum(light, 250).astype(np.float32),
        red_cell=dye(_RED_CELL),
        chromatin=dye(_CHROMATIN),
        basophilic=dye(_BASOPHILIC, 0.15),
        lilac=dye(_LILAC, 0.15),
        eosin=dye(_EOSIN, 0.18),
        platelet=dye(_PLATELET),
        pallor=random.choice((random.uniform(0.0, 0.25), random.uniform(0.5, 0.95))),
        crowding=random.uniform(1.8, 6.5),
        blur=random.uniform(0.7, 1.8),
        noise=random.uniform(1.0, 2.5),
    )
