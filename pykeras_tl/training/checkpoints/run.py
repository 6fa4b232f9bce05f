"""FitInputs that goes on where it was killed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...images.iterators.base import Iterator
from ...images.iterators.state import read_position
from ...storage.atomic_files import atomic_file
from ..data_adapter import FitDataCallback
from ..history import History
from .checkpoint_manager import CheckpointManager, TrainingProgress
from .state import (
    capture,
    capture_metrics,
    restore_callbacks,
    restore_flows,
    restore_metrics,
    restore_model,
)

# What a training in this process left its optimizer and callbacks in: folder → the settings
# read then, and those it had begun with.
_left: dict[Path, tuple[dict[str, str], dict[str, str]]] = {}


class TrainingRun:
    """One training in its folder.

    Args:
        folder: The folder, locked.
        settings: What must be the same for the run to go on.
        resume: `"auto"` goes on where there is a checkpoint, True wants one, False removes
            what there is.

    Attributes:
        place: How far it has come; `None` for a new run.

    Raises:
        ValueError: When there is nothing to go on from, or the settings differ.
    """

    def __init__(
        self, folder: CheckpointManager, settings: dict[str, str], resume: bool | str
    ) -> None:
        if resume not in (True, False, "auto"):
            raise ValueError(f'resume must be "auto", True or False; received {resume!r}.')
        self._folder = folder
        left, begun = _left.get(folder.path.absolute(), ({}, {}))
        self._settings = begun if settings == left else settings
        self._state: dict[str, Any] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self.place: TrainingProgress | None = None
        if resume is False:
            folder.clear()
        loaded = folder.load()
        if loaded is None and resume is True:
            raise ValueError(f"There is no checkpoint in {folder.path} to go on from.")
        if loaded is not None:
            self._state, self._arrays = loaded
            self._check(self._state["settings"])
            self.place = TrainingProgress(*self._state["place"])

    @property
    def stopped(self) -> bool:
        """Whether a callback ended training."""
        return bool(self._state.get("stopped"))

    @property
    def cached(self) -> dict[str, bool] | None:
        """For what the output of frozen layers was computed once; `None` for a new run."""
        return self._state.get("cached")

    def describe(self, steps: int) -> str:
        """Say from where it goes on.

        Args:
            steps: Batches in an epoch.
        """
        assert self.place is not None
        done = f"after epoch {self.place.epochs}"
        if self.place.steps:
            done = f"in epoch {self.place.epochs + 1} after {self.place.steps} of {steps} batches"
        return f"Going on {done}, from {self._folder.path}."

    def begin(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], flows: _Flows
    ) -> None:
        """Give the model what it had learned, and take flows to where the run began.

        Args:
            model: The model.
            callbacks: The user's callbacks, of which those that write a log go on with it.
            flows: Name → flow.
        """
        if self.place is None:
            self._start = {_at_start(name): read_position(flow) for name, flow in flows.items()}
            return
        restore_model(model, self._arrays)
        starts = {_at_start(name): flow for name, flow in flows.items()}
        restore_flows(starts, self._state, self._arrays)
        self._start = {name: read_position(flow) for name, flow in starts.items()}
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                _forget_later_epochs(callback, self.place.epochs)
                callback.append = True

    def restore_flows(self, flows: _Flows) -> None:
        """Take the flows to where they stood; they stay at their beginning in a new run.

        Args:
            flows: Name → flow.
        """
        if self.place is not None:
            restore_flows(flows, self._state, self._arrays)

    def restore_callbacks(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
    ) -> None:
        """Give callbacks and history what they knew, once training has begun.

        Args:
            callbacks: The callbacks.
            history_callback: Keras's history.
        """
        if self.place is not None:
            restore_callbacks(callbacks, self._state, self._arrays)
            history_callback.history = {
                name: list(each) for name, each in self._state["history"].items()
            }
            history_callback.epoch = list(self._state["epoch"])

    def restore_within_epoch(self, model: keras.Model, trained: keras.Model) -> None:
        """Give the model and its metrics what they had, once the epoch has begun again.

        Args:
            model: The model.
            trained: What Keras's `fit` was called on: the same, or its part that is trained.
        """
        restore_model(model, self._arrays)
        restore_metrics(trained, self._arrays)

    def forget(self) -> None:
        """Let go of what was read; all of it has been given back."""
        self._arrays = {}

    def save(
        self,
        place: TrainingProgress,
        model: keras.Model,
        trained: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
        positions: dict[str, Any],
        cached: dict[str, bool],
    ) -> None:
        """Write a checkpoint.

        Args:
            place: How far training has come.
            model: The model.
            trained: Its part that is trained, or the same.
            callbacks: The callbacks.
            history_callback: Keras's history.
            positions: Name → where each flow stands.
            cached: For what the output of frozen layers was computed once.

        Raises:
            OSError: When the disk is full or the folder cannot be written.
        """
        state, arrays = capture(model, callbacks, positions | self._start)
        if place.steps:
            arrays |= capture_metrics(trained)
        history = History.from_logs(history_callback.history, history_callback.epoch, {})
        state |= {
            "settings": self._settings,
            "place": place,
            "stopped": bool(model.stop_training),
            "history": history.history,
            "epoch": history.epoch,
            "cached": cached,
        }
        self._folder.save(place, state, arrays)

    def leave(self, settings: dict[str, str]) -> None:
        """Remember in what training left its optimizer and callbacks.

        The same call goes on in the same session too, where they are no longer what they were
        made with.

        Args:
            settings: The settings as they are now.
        """
        _left[self._folder.path.absolute()] = settings, self._settings

    def _check(self, saved: dict[str, str]) -> None:
        names = list(dict.fromkeys([*saved, *self._settings]))
        other = [name for name in names if saved.get(name) != self._settings.get(name)]
        if other:
            told = "; ".join(
                f"{name} ({_short(saved.get(name))} then, {_short(self._settings.get(name))} now)"
                for name in other
            )
            raise ValueError(
                f"The run in {self._folder.path} cannot go on, since these differ: {told}. Give "
                "the same as then, or another run_dir; to begin anew, remove the folder or give "
                "resume=False."
            )


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the state of training at each epoch's end and within; the last of all callbacks.

    Args:
        run: The run.
        trained: The model's part that is trained, or the model.
        callbacks: The callbacks whose state is saved.
        history_callback: Keras's history.
        feeding: Knows the feeds.
        cached: For what the output of frozen layers was computed once.
        steps: Batches in an epoch.
        save_minutes: Minutes between two saves within an epoch.
    """

    def __init__(
        self,
        run: TrainingRun,
        trained: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        history_callback: keras.callbacks.History,
        feeding: FitDataCallback,
        cached: dict[str, bool],
        steps: int,
        save_minutes: float,
    ) -> None:
        super().__init__()
        self._run = run
        self._trained = trained
        self._callbacks = callbacks
        self._gathered = history_callback
        self._feeding = feeding
        self._cached = cached
        self._steps = steps
        self._seconds = 60 * save_minutes
        self._saved = time.monotonic()
        self._epoch = 0
        self._within = run.place is not None and run.place.steps > 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore what the others have just forgotten."""
        self._run.restore_callbacks(self._callbacks, self._gathered)
        if not self._within:
            self._run.forget()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore the same where an epoch goes on that had begun before."""
        self._epoch = epoch
        if self._within:
            self._run.restore_within_epoch(self.model, self._trained)
            self._run.restore_callbacks(self._callbacks, self._gathered)
            self._run.forget()
            self._within = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save when the last time was long ago."""
        due = time.monotonic() - self._saved >= self._seconds
        if due and batch + 1 < self._steps and not self.model.stop_training:
            self._save(TrainingProgress(self._epoch, batch + 1))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save."""
        self._save(TrainingProgress(epoch + 1))

    def _save(self, place: TrainingProgress) -> None:
        try:
            self._run.save(
                place,
                self.model,
                self._trained,
                self._callbacks,
                self._gathered,
                self._feeding.feeds.positions(),
                self._cached,
            )
        except OSError as error:
            # The training itself is well; the state before stays.
            warnings.warn(
                f"The state of training after epoch {place.epochs}, batch {place.steps} could "
                f"not be saved: {error}. FitInputs goes on; if it is stopped, it goes on from an "
                "older state. Make room, and the next state is saved.",
                stacklevel=2,
            )
        self._saved = time.monotonic()


_Flows = dict[str, Iterator]


def _at_start(name: str) -> str:
    return f"the start of {name}"


def _forget_later_epochs(log: keras.callbacks.CSVLogger, epochs: int) -> None:
    """Take from the end of a log the epochs that are trained again, and half a line."""
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
