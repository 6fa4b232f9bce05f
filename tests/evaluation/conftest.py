"""Tables of predictions with known answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import prediction_table


@pytest.fixture
def drawn() -> Callable[..., pd.DataFrame]:
    """Draw a table of predictions that are right rather more often than by chance."""

    def draw(
        images: int = 200, classes: int = 4, seed: int = 0, names: list[str] | None = None
    ) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        names = names or [f"class {i}" for i in range(classes)]
        true = random.integers(0, classes, images)
        scores = random.normal(size=(images, classes))
        scores[np.arange(images), true] += 1.5
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        files = [f"{names[k]}/{i:04}.png" for i, k in enumerate(true)]
        return prediction_table(files, [names[k] for k in true], chances, names)

    return draw
