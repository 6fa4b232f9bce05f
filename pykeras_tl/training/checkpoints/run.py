"""A training run that resumes where it was killed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...images.iterators.state import IteratorState
from ...storage.atomic_files import atomic_file
from ..data_adapter import FitDataCallback
from ..history import History
from .checkpoint_manager import CheckpointManager, TrainingProgress
from .state import (
    capture,
    capture_metrics,
    restore_callbacks,
    restore_iterators,
    restore_metrics,
    restore_model,
)

# What earlier versions called these settings.
_OLD_NAMES = {
    "the pictures of training": "the images of training",
    "the pictures of validation": "the images of validation",
    "augmented_passes": "cached_augmented_epochs",
}
# And a callback of the studies, whose class is part of the setting "the callbacks".
_OLD_CALLBACK, _NEW_CALLBACK = "('Stopwatch', {})", "('TimingCallback', {})"


class TrainingRun:
    """One training in its folder.

    Args:
        folder: The checkpoint manager of the folder, locked.
        settings: The run's fingerprint: what must be the same for it to resume.
        resume: "auto" resumes where there is a checkpoint, True requires one, False removes
            what there is.

    Attributes:
        progress: How far it has come; None for a new run.

    Raises:
        ValueError: When there is nothing to resume from, or the settings differ.
    """

    def __init__(
        self, folder: CheckpointManager, settings: dict[str, str], resume: bool | str
    ) -> None:
        if resume not in (True, False, "auto"):
            raise ValueError(f'resume should be "auto", True or False. Received: {resume!r}')
        self._folder = folder
        self._settings = settings
        self._state: dict[str, Any] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self.progress: TrainingProgress | None = None
        if resume is False:
            folder.clear()
        loaded = folder.load()
        if loaded is None and resume is True:
            raise ValueError(f"There is no checkpoint in {folder.path} to resume from.")
        if loaded is not None:
            self._state, self._arrays = loaded
            begun = {
                _OLD_NAMES.get(name, name): value.replace(_OLD_CALLBACK, _NEW_CALLBACK)
                for name, value in self._state["settings"].items()
            }
            # The same call in the same session passes optimizer and callbacks as training left
            # them, no longer as they were when the run began.
            if settings == folder.final_settings():
                self._settings = begun
            self._check(begun)
            self.progress = TrainingProgress(*self._state["place"])

    @property
    def stopped(self) -> bool:
        """Whether a callback ended training."""
        return bool(self._state.get("stopped"))

    @property
    def cached(self) -> dict[str, bool] | None:
        """For which data the frozen layers' output was cached; None for a new run."""
        return self._state.get("cached")

    def describe(self, steps: int) -> str:
        """Say from where it resumes.

        Args:
            steps: Batches in an epoch.
        """
        assert self.progress is not None
        done = f"after epoch {self.progress.epochs}"
        if self.progress.steps:
            epochs, batches = self.progress
            done = f"in epoch {epochs + 1} after {batches} of {steps} batches"
        return f"Resuming {done}, from {self._folder.path}."

    def restore(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        iterators: Mapping[str, Iterator],
    ) -> None:
        """Restore the model, and move the iterators to where the run began.

        Args:
            model: The model.
            callbacks: The user's callbacks; those that write a log continue it.
            iterators: Name to iterator.
        """
        if self.progress is None:
            self._start = {
                _at_start(name): iterator.get_state() for name, iterator in iterators.items()
            }
            return
        restore_model(model, self._arrays)
        starts = {_at_start(name): iterator for name, iterator in iterators.items()}
        restore_iterators(starts, self._state, self._arrays)
        self._start = {name: iterator.get_state() for name, iterator in starts.items()}
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                _forget_later_epochs(callback, self.progress.epochs)
                callback.append = True

    def restore_iterators(self, iterators: Mapping[str, Iterator]) -> None:
        """Move the iterators to where they were; in a new run they stay at their start.

        Args:
            iterators: Name to iterator.
        """
        if self.progress is not None:
            restore_iterators(iterators, self._state, self._arrays)

    def restore_callbacks(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
    ) -> None:
        """Restore callbacks and history, once training has begun.

        Args:
            callbacks: The callbacks.
            history_callback: Keras's history callback.
        """
        if self.progress is not None:
            restore_callbacks(callbacks, self._state, self._arrays)
            history_callback.history = {
                name: list(each) for name, each in self._state["history"].items()
            }
            history_callback.epoch = list(self._state["epoch"])

    def restore_model(self, model: keras.Model) -> None:
        """Restore the model's weights and its optimizer; in a new run they stay as they are.

        Args:
            model: The model.
        """
        if self.progress is not None:
            restore_model(model, self._arrays)

    def restore_within_epoch(self, model: keras.Model, fit_model: keras.Model) -> None:
        """Restore the model and its metrics, once the interrupted epoch has begun again.

        Args:
            model: The user's model.
            fit_model: What Keras's `fit` was called on: the same model, or its head.
        """
        restore_model(model, self._arrays)
        restore_metrics(fit_model, self._arrays)

    def release(self) -> None:
        """Free the memory of the checkpoint, once all of it is restored."""
        self._arrays = {}

    def save(
        self,
        progress: TrainingProgress,
        model: keras.Model,
        fit_model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
        iterator_states: dict[str, IteratorState],
        cached: dict[str, bool],
    ) -> None:
        """Write a checkpoint.

        Args:
            progress: How far training has come.
            model: The user's model.
            fit_model: What Keras's `fit` was called on: the same model, or its head.
            callbacks: The callbacks.
            history_callback: Keras's history callback.
            iterator_states: Name to the state of each iterator.
            cached: For which data the frozen layers' output was cached.

        Raises:
            OSError: When the disk is full or the folder cannot be written.
        """
        state, arrays = capture(model, callbacks, iterator_states | self._start)
        if progress.steps:
            arrays |= capture_metrics(fit_model)
        history = History.from_logs(history_callback.history, history_callback.epoch, {})
        state |= {
            "settings": self._settings,
            "place": progress,
            "stopped": bool(model.stop_training),
            "history": history.history,
            "epoch": history.epoch,
            "cached": cached,
        }
        self._folder.save(progress, state, arrays)

    def record_final_settings(self, settings: dict[str, str]) -> None:
        """Record the optimizer and callbacks as training left them.

        So the same call resumes in the same session too, where they have changed since they
        were made.

        Args:
            settings: The run's fingerprint now.
        """
        self._folder.save_final_settings(settings)

    def _check(self, saved: dict[str, str]) -> None:
        names = list(dict.fromkeys([*saved, *self._settings]))
        other = [name for name in names if saved.get(name) != self._settings.get(name)]
        if other:
            differences = "; ".join(
                f"{name} ({_short(saved.get(name))} then, {_short(self._settings.get(name))} now)"
                for name in other
            )
            raise ValueError(
                f"The run in {self._folder.path} cannot resume, since these differ: {differences}. "
                "Use the same settings as then, or another run_dir; to start over, remove the "
                "folder or pass resume=False."
            )


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the state of training at the end of each epoch and within; the last callback.

    Args:
        run: The run.
        fit_model: What Keras's `fit` is called on: the user's model, or its head.
        callbacks: The callbacks whose state is saved.
        history_callback: Keras's history callback.
        fit_data_callback: Knows the data that training draws from.
        cached: For which data the frozen layers' output was cached.
        steps: Batches in an epoch.
        save_minutes: Minutes between two saves within an epoch.
    """

    def __init__(
        self,
        run: TrainingRun,
        fit_model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
        fit_data_callback: FitDataCallback,
        cached: dict[str, bool],
        steps: int,
        save_minutes: float,
    ) -> None:
        super().__init__()
        self._run = run
        self._fit_model = fit_model
        self._callbacks = callbacks
        self._history = history_callback
        self._fit_data_callback = fit_data_callback
        self._cached = cached
        self._steps = steps
        self._seconds = 60 * save_minutes
        self._saved = time.monotonic()
        self._epoch = 0
        self._within = run.progress is not None and run.progress.steps > 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the callbacks, which have just reset themselves, and the model once more.

        Keras's BackupAndRestore has put back what it saved itself, before the callbacks after it
        changed the learning rate.
        """
        self._run.restore_model(self.model)
        self._run.restore_callbacks(self._callbacks, self._history)
        if not self._within:
            self._run.release()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore everything when an interrupted epoch begins again."""
        self._epoch = epoch
        if self._within:
            self._run.restore_within_epoch(self.model, self._fit_model)
            self._run.restore_callbacks(self._callbacks, self._history)
            self._run.release()
            self._within = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save when the last time is longer ago than `save_minutes`."""
        due = time.monotonic() - self._saved >= self._seconds
        if due and batch + 1 < self._steps and not self.model.stop_training:
            self._save(TrainingProgress(self._epoch, batch + 1))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save."""
        self._save(TrainingProgress(epoch + 1))

    def _save(self, progress: TrainingProgress) -> None:
        try:
            self._run.save(
                progress,
                self.model,
                self._fit_model,
                self._callbacks,
                self._history,
                self._fit_data_callback.fit_data.states(),
                self._cached,
            )
        except OSError as error:
            # Training itself can continue; the previous checkpoint stays.
            warnings.warn(
                f"The state of training after epoch {progress.epochs}, batch {progress.steps} "
                f"could not be saved: {error}. Training continues; if it is interrupted now, it "
                "resumes from an older state. Free some space, and the next state is saved.",
                stacklevel=2,
            )
        self._saved = time.monotonic()


def _at_start(name: str) -> str:
    return f"the start of {name}"


def _forget_later_epochs(log: keras.callbacks.CSVLogger, epochs: int) -> None:
    """Remove epochs that are trained again, and an incomplete line, from the end of a log."""
    path = Path(log.filename)
    if log.append or not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = list(lines)
    while kept and not _is_done(kept[-1], log.sep, epochs):
        kept.pop()
    if len(kept) < len(lines):
        with atomic_file(path) as temporary:
            temporary.write_bytes(b"".join(kept))


def _is_done(line: bytes, separator: str, epochs: int) -> bool:
    number = line.split(separator.encode())[0]
    return line.endswith(b"\n") and not (number.isdigit() and int(number) >= epochs)


def _short(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:18]}…{text[-18:]}"
