"""The versions that results record."""

from __future__ import annotations

import platform
from importlib import metadata

import keras
import pytest

from pykeras_tl.versions import package_versions, training_versions


def test_a_training_names_the_backend_that_computed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # A package that is installed wherever the tests run.
    monkeypatch.setattr(keras.backend, "backend", lambda: "scipy")
    versions = training_versions()
    assert versions["scipy"] == metadata.version("scipy")
    assert versions["python"] == platform.python_version()
    assert "tensorflow" not in versions


def test_otherwise_they_are_those_of_the_packages() -> None:
    computed = {name: version for name, version in training_versions().items() if name != "python"}
    backend = keras.backend.backend()
    assert computed == {
        **{name: each for name, each in package_versions().items() if name != "tensorflow"},
        backend: metadata.version(backend),
    }
