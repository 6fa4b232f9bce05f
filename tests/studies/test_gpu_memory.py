"""Several trials share one GPU's memory: the settings are there before Keras uses the GPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pykeras_tl.studies import run_study, runner
from pykeras_tl.studies.execution.gpu_memory import leave_gpu_memory

NAMES = ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")


def settings() -> list[str]:
    """Return the settings of this process."""
    return [os.environ.get(name, "unset") for name in NAMES]


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # So that it is unset again after the test.
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("jobs", "expected"), [(2, ["true", "false"]), (1, ["unset", "unset"])])
def test_processes_side_by_side_take_memory_as_they_need_it(
    jobs: int,
    expected: list[str],
    without_settings: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[str] = []

    def look(trials: object) -> None:
        found.extend(settings())
        raise InterruptedError

    # The first that lets Keras use the GPU.
    monkeypatch.setattr(runner, "_check_options", look)
    with pytest.raises(InterruptedError):
        run_study("blood-cells", tmp_path, tmp_path / "results", weights=None, jobs=jobs)
    assert found == expected


def test_the_users_setting_stays(without_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMES[0], "false")
    leave_gpu_memory()
    assert settings() == ["false", "false"]
