"""A classifier that was trained in a moment on plain colors."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.images import list_images
from pykeras_tl.models import Classifier, PreprocessConfig

COLORS = {"green": (0, 160, 0), "red": (180, 0, 0)}


def _write(folder: Path, name: str, color: tuple[int, ...], count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    (folder / name).mkdir(parents=True)
    for number in range(count):
        pixels = np.clip(np.array(color) + random.normal(0, 20, (8, 8, 3)), 0, 255)
        Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number:02}.png")


@pytest.fixture(scope="session")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red and green images for training, validation and test, and blue ones."""
    root = tmp_path_factory.mktemp("colors")
    for seed, (split, count) in enumerate({"train": 30, "validation": 30, "test": 20}.items()):
        for place, (name, color) in enumerate(COLORS.items()):
            _write(root / split, name, color, count, 2 * seed + place)
    _write(root, "blue", (0, 0, 190), 20, 9)
    return root


@pytest.fixture
def classifier() -> Classifier:
    """Tells red from green by their mean."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(2, "softmax")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(6, 3, activation="relu", bias_initializer="ones"),
            keras.layers.GlobalAveragePooling2D(),
            dense,
        ]
    )
    return Classifier(model, list(COLORS), PreprocessConfig((8, 8)))


@pytest.fixture
def validation(colors: Path) -> pd.DataFrame:
    return list_images(colors / "validation")
