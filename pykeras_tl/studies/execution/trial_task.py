"""A trial with its images and its folder, and how it is run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...storage.atomic_files import atomic_directory
from ...training.checkpoints.checkpoint_manager import finished_epochs
from ..trial import Trial

if TYPE_CHECKING:
    from .validation_watcher import Report


@dataclass(frozen=True)
class TrialTask:
    """A trial to run.

    Args:
        trial: The record.
        tables: A table of files for each split.
        folder: The folder of results to create.
    """

    trial: Trial
    tables: Mapping[str, pd.DataFrame]
    folder: Path

    @property
    def run_dir(self) -> Path:
        """The folder of checkpoints, beside that of the results."""
        return self.folder.with_name(f"{self.folder.name}.unfinished")

    @property
    def epochs(self) -> int:
        """The number of epochs of all phases of its training."""
        training = self.trial.settings.training
        phases = (training.source, training, training.fine_tune)
        return sum(phase.epochs for phase in phases if phase is not None)

    @property
    def finished_epochs(self) -> int:
        """How many of them are finished, as far as they are saved."""
        return max(map(finished_epochs, self.run_dir.glob("*")), default=0)


def run_task(task: TrialTask, report: Report | None = None) -> None:
    """Run a trial into a folder that appears only when it is complete.

    The checkpoints of an interrupted trial are kept beside it until it is done.

    Args:
        task: The trial, its data and the folder to create.
        report: Called after every epoch, as by `ValidationWatcher`.
    """
    from ..trial_runner import run_trial
    from .validation_watcher import ValidationWatcher

    callbacks = [ValidationWatcher(report)] if report else []
    with atomic_directory(task.folder) as working:
        run_trial(task.trial, task.tables, working, task.run_dir, callbacks)
    forget_attempts(task)


def error_of(task: TrialTask, report: Report | None = None) -> Exception | None:
    """Run a trial whose error must not cost the others.

    Args:
        task: The trial, its data and the folder to create.
        report: As for `run_task`.

    Returns:
        The error, or None.
    """
    try:
        run_task(task, report)
    except Exception as error:
        return error
    return None


def forget_attempts(task: TrialTask) -> None:
    """Remove what attempts at a trial left, when it is done.

    Args:
        task: The trial.
    """
    shutil.rmtree(task.run_dir, ignore_errors=True)
    error_file(task.folder).unlink(missing_ok=True)


def error_file(folder: Path) -> Path:
    """Return the file that keeps the error of a failed trial.

    Args:
        folder: The folder of the trial's results.

    Returns:
        A file beside it.

    Example:
        >>> error_file(Path("trials/modern-a08e760292")).name
        'modern-a08e760292.error.txt'
    """
    return folder.with_name(f"{folder.name}.error.txt")
