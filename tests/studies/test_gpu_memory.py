"""Several processes share one GPU's memory: the settings reach them before Keras starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pykeras_tl.studies.execution.gpu_memory import leave_gpu_memory
from pykeras_tl.studies.execution.process_pool import run_tasks
from pykeras_tl.studies.execution.trial_task import TrialTask

NAMES = ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")


class ReportingTask(TrialTask):
    """A task that ends with the settings of its process as its error."""

    @property
    def trial(self) -> None:  # type: ignore[override]
        """Raise an error that names the settings."""
        raise RuntimeError(" ".join(os.environ.get(name, "unset") for name in NAMES))

    def __init__(self, folder: Path) -> None:
        object.__setattr__(self, "tables", {})
        object.__setattr__(self, "folder", folder)


def settings_of_two_processes(folder: Path) -> set[str]:
    """Return what two processes of a pool say their settings are."""
    tasks = [ReportingTask(folder / name) for name in "ab"]
    return {str(error) for _, error in run_tasks(tasks, 2)}


def test_processes_take_memory_as_they_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert settings_of_two_processes(tmp_path) == {"true false"}
    assert not set(NAMES) & set(os.environ)


def test_the_users_setting_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMES[0], "false")
    monkeypatch.setenv(NAMES[1], "")  # So that it is unset again after the test.
    monkeypatch.delenv(NAMES[1])
    leave_gpu_memory()
    assert [os.environ[name] for name in NAMES] == ["false", "false"]
