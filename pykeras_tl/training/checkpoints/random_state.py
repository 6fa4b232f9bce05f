"""The random numbers of torch, which are not part of a model's variables."""

from __future__ import annotations

import importlib
from typing import Any

import keras
import numpy as np


class TorchRandomState(keras.callbacks.Callback):
    """Gives training steps one stream of torch's random numbers, which a run resumes.

    Keras's dropout without a seed draws them from torch's global generators, and so do the data
    loaders that Keras makes between the steps; how many numbers those draw differs between a run
    that resumes and one that was never interrupted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._torch = importlib.import_module("torch")
        # Part of a run's state.
        self.states: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin with the generators as they are; a run that resumes then restores `states`."""
        self._capture()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Continue after the previous step."""
        self._restore()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note where the step has come to."""
        self._capture()

    def on_train_end(self, logs: Any = None) -> None:
        """Let what follows training continue after its last step."""
        self._restore()

    def _capture(self) -> None:
        states = [self._torch.get_rng_state(), *self._torch.cuda.get_rng_state_all()]
        self.states = [state.numpy() for state in states]

    def _restore(self) -> None:
        cpu, *gpus = (self._torch.tensor(state) for state in self.states)
        self._torch.set_rng_state(cpu)
        # A run may resume on a machine with fewer GPUs.
        self._torch.cuda.set_rng_state_all(gpus[: self._torch.cuda.device_count()])
