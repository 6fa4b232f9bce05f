"""Training that goes on where it was killed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..images.iterators import Iterator
from .feed import Feed
from .history import History
from .run_folder import RunFolder
from .run_state import (
    capture,
    positions,
    restore_callbacks,
    restore_flows,
    restore_model,
)


class Run:
    """One training in its folder.

    Args:
        folder: The folder, locked.
        settings: What must be the same for the run to go on.
        resume: `"auto"` goes on where there is a checkpoint, True wants one, False removes
            what there is.

    Raises:
        ValueError: When there is nothing to go on from, or the settings differ.
    """

    def __init__(self, folder: RunFolder, settings: dict[str, str], resume: bool | str) -> None:
        if resume not in (True, False, "auto"):
            raise ValueError(f'resume must be "auto", True or False; received {resume!r}.')
        self._folder = folder
        self._settings = settings
        if resume is False:
            folder.clear()
        loaded = folder.load()
        if loaded is None and resume is True:
            raise ValueError(f"There is no checkpoint in {folder.path} to go on from.")
        self._state: dict[str, Any] | None = None
        self._arrays: dict[str, np.ndarray] = {}
        if loaded is not None:
            self._state, self._arrays = loaded
            self._check(self._state["settings"])

    @property
    def epochs_done(self) -> int | None:
        """The number of the last epoch done, counted from 1; `None` for a new run."""
        return None if self._state is None else self._state["epochs_done"]

    @property
    def stopped(self) -> bool:
        """Whether a callback ended training."""
        return self._state is not None and self._state["stopped"]

    def restore_model(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
    ) -> None:
        """Give the model what it had learned, before anything is computed with it.

        Args:
            model: The model.
            callbacks: The user's callbacks, of which those that write a log go on with it.
        """
        restore_model(model, self._arrays)
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                callback.append = True

    def restore_flows(self, flows: dict[str, Iterator]) -> None:
        """Take the flows to where they stood; they stay at their beginning in a new run.

        Args:
            flows: Name → flow.
        """
        if self._state is not None:
            restore_flows(flows, self._state, self._arrays)

    def restore_callbacks(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        gathered: keras.callbacks.History,
    ) -> None:
        """Give callbacks and history what they knew, once training has begun.

        Args:
            callbacks: The user's callbacks.
            gathered: Keras's history.
        """
        if self._state is None:
            return
        restore_callbacks(callbacks, self._state, self._arrays)
        gathered.history = self._state["history"]
        gathered.epoch = self._state["epoch"]

    def save(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        gathered: keras.callbacks.History,
        flows: dict[str, Any],
        epochs_done: int,
    ) -> None:
        """Write a checkpoint.

        Args:
            model: The model.
            callbacks: The user's callbacks.
            gathered: Keras's history.
            flows: Name → place.
            epochs_done: Number of the last epoch done, counted from 1.
        """
        state, arrays = capture(model, callbacks, flows)
        history = History.from_logs(gathered.history, gathered.epoch, {})
        state |= {
            "settings": self._settings,
            "epochs_done": epochs_done,
            "stopped": bool(model.stop_training),
            "history": history.history,
            "epoch": history.epoch,
        }
        self._folder.save(epochs_done, state, arrays)

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
                "the same as then, another run_dir, or resume=False to begin anew."
            )


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the state of training at each epoch's end; the last of all callbacks.

    Args:
        run: The run.
        callbacks: The user's callbacks.
        gathered: Keras's history.
        feed: What is trained on.
        others: Name → further flow, whose place is saved too.
    """

    def __init__(
        self,
        run: Run,
        callbacks: Sequence[keras.callbacks.Callback],
        gathered: keras.callbacks.History,
        feed: Feed,
        others: dict[str, Iterator],
    ) -> None:
        super().__init__()
        self._run = run
        self._callbacks = callbacks
        self._gathered = gathered
        self._feed = feed
        self._others = others

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore what the others have just forgotten."""
        self._run.restore_callbacks(self._callbacks, self._gathered)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save."""
        self._save(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Save once more: early stopping may have taken the best weights back."""
        self._save(self._gathered.epoch[-1] + 1)

    def _save(self, epochs_done: int) -> None:
        flows = {"training": self._feed.position(), **positions(self._others)}
        self._run.save(self.model, self._callbacks, self._gathered, flows, epochs_done)


def _short(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:18]}…{text[-18:]}"
