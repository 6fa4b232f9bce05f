from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pykeras_tl.models.backbones.registry import build_backbone


@cache
def _built(name):
    return build_backbone(name, (75, 75, 3), weights=None)


@pytest.fixture(scope="session")
def built():
    """Build a backbone with random weights once for all tests; to look at, not to change."""

    def build(name):
        if name == "nasnet_mobile" and keras.backend.backend() == "torch":
            pytest.skip("Keras refuses NASNetMobile on torch")
        return _built(name)

    return build


@pytest.fixture(scope="session")
def photographs():
    """A cat and a cup of coffee, 224 × 224, as a batch of raw pixels."""
    folder = Path(__file__).parent / "photographs"
    images = [Image.open(folder / f"{name}.jpg") for name in ("cat", "coffee")]
    return np.stack([np.asarray(image) for image in images]).astype("float32")
