from functools import cache

import pytest

from pykeras_tl.models.backbones.registry import build_backbone


@cache
def _built(name):
    return build_backbone(name, (75, 75, 3), weights=None)


@pytest.fixture(scope="session")
def built():
    """Build a backbone with random weights once for all tests; to look at, not to change."""
    return _built
