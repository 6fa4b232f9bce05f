"""A tiny study on synthetic images that a small network learns in an epoch or two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pykeras_tl.studies.data_splits import split_tables
from pykeras_tl.studies.study import Published, Settings, Study
from pykeras_tl.studies.trial import Trial

_COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 50)}


def draw_colours(folder: Path, count: int, seed: int = 0) -> None:
    """Write `count` noisy 40×32 images of each color, in one folder per class."""
    random = np.random.default_rng(seed)
    for name, colour in _COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise = random.normal(0, 30, (32, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with `TRAIN`, `TEST` and `TEST_SIMPLE`, three classes each."""
    root = tmp_path_factory.mktemp("colours")
    draw_colours(root / "TRAIN", 12)
    draw_colours(root / "TEST", 5, seed=1)
    draw_colours(root / "TEST_SIMPLE", 4, seed=2)
    return root


def _trials(settings: Settings) -> list[Trial]:
    data = {"target_size": [32, 32], "batch_size": 6, "rescale": 1 / 255}
    optimizer = {"name": "adam", "learning_rate": 1e-2}
    return [
        Trial(name, data, {"network": "soco.network"}, training, settings.seed)
        for name, training in {
            "constant": {"optimizer": optimizer, "epochs": 2},
            "cosine": {"optimizer": optimizer, "epochs": 2, "schedule": "cosine"},
        }.items()
    ]


@pytest.fixture(scope="session")
def tiny_study() -> Study:
    """Two trials of a small network on the three colours."""
    return make_tiny_study()


def make_tiny_study() -> Study:
    """Make the study without pytest, for other processes."""
    return Study(
        name="tiny",
        title="Colours",
        trials=_trials,
        tables=lambda data, seed: split_tables(
            data, train="TRAIN", validation="TEST_SIMPLE", test="TEST"
        ),
        published=(Published("constant", "test accuracy", 0.5),),
        notes=("A note <for> the reader.",),
    )
