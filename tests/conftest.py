"""Fixtures that every part's tests share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no reason for a test to fail, nor is what another run would not have met.
# PYKERAS_TL_FUZZ draws new cases.
_NEW_CASES = "PYKERAS_TL_FUZZ" in os.environ
settings.register_profile("unhurried", deadline=None, derandomize=not _NEW_CASES)
settings.load_profile("unhurried")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# The matrices are small, and threads that wait for each other take the other workers' time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_TESTS = Path(__file__).resolve().parent
# The marks of whole folders and files; a single slow test carries its mark itself.
_MARKS = {"cross_language": "r", "fuzz": "fuzz", "test_killing.py": "kill"}
# How many ordinary tests take about as long as one with a mark.
_SLOW = 25

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out, and let several workers begin with the longest files.

    A long file that comes last would keep one worker busy while the others have nothing to do.
    """
    for item in items:
        for part in item.path.relative_to(_TESTS).parts:
            if part in _MARKS:
                item.add_marker(_MARKS[part])
    if not hasattr(config, "workerinput"):
        return
    lengths: Counter[Path] = Counter()
    for item in items:
        marked = any(item.get_closest_marker(mark) for mark in ("slow", *_MARKS.values()))
        lengths[item.path] += _SLOW if marked else 1
    items.sort(key=lambda item: (-lengths[item.path], item.path))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets and pretrained weights, or a skip that says what is missing."""
    folder = Path(os.environ.get("PYKERAS_TL_DATA", _BESIDE_THE_REPOSITORY))
    if not (folder / "blood-cells").is_dir():
        pytest.skip(f"no real data: {folder} has no blood-cells; set PYKERAS_TL_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a cache directory of its own, so that none finds another's files."""
    monkeypatch.setenv("PYKERAS_TL_CACHE", str(tmp_path / "cache"))


def _tiny(
    *, include_top: bool, weights: None, input_shape: tuple[int, ...], pooling: str | None
) -> Any:
    from keras import Input, Model, layers

    from pykeras_tl.models.backbones.global_pooling import pool

    inputs = Input(input_shape)
    maps = layers.Conv2D(8, 3, strides=4, use_bias=False, name="block1_conv")(inputs)
    maps = layers.BatchNormalization(name="block1_normalization")(maps)
    maps = layers.Conv2D(12, 3, padding="same", activation="relu", name="block2_conv")(maps)
    return Model(inputs, pool(maps, pooling), name="tiny")


def tiny_backbone_entry() -> tuple[Any, Any]:
    """Return the registry's entry of the tiny backbone, and the function that builds it."""
    from pykeras_tl.models.backbones.registry import Backbone

    return Backbone("tiny", "Tiny", "tf", (32, 32), {"block1": "", "block2": "block2_"}), _tiny


@pytest.fixture(scope="module")
def tiny_backbone() -> Iterator[str]:
    """The name of a backbone of three layers, for tests in which any network will do.

    A real one takes seconds to build, to trace and to load, several times in each training.
    """
    from pykeras_tl.models.backbones import registry

    entry, network = tiny_backbone_entry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.BACKBONES, "tiny", entry)
        patch.setitem(registry._OWN, "Tiny", network)
        yield "tiny"
