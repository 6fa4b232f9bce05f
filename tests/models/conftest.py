from functools import cache

import keras
import pytest

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
