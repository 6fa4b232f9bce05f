"""What the machines of a cluster send each other while trials run."""

from __future__ import annotations

from typing import Any, NamedTuple


class Start(NamedTuple):
    """The start of an attempt at a trial.

    Attributes:
        trial: The trial's number.
        machine: The address of the machine.
        resumed: Whether it goes on from a saved state.
    """

    trial: int
    machine: str
    resumed: bool


class Progress(NamedTuple):
    """An epoch of a trial.

    Attributes:
        trial: The trial's number.
        epoch: The epoch, from 0.
        accuracy: The validation accuracy after it.
    """

    trial: int
    epoch: int
    accuracy: float


class News(NamedTuple):
    """What happened since the last look.

    Attributes:
        starts: Attempts that began.
        epochs: Epochs that ended.
        states: The latest saved state of trials that have a new one, by number.
        images_wanted: Whether a machine does not see the images, which nobody has sent yet.
    """

    starts: list[Start]
    epochs: list[Progress]
    states: dict[int, bytes]
    images_wanted: bool


class Mailbox:
    """Keeps the last saved state of each trial where it outlives the machine that trains.

    It runs as an actor beside the cluster's head.
    """

    def __init__(self) -> None:
        self._states: dict[int, bytes] = {}
        self._new: set[int] = set()
        self._starts: list[Start] = []
        self._epochs: list[Progress] = []
        self._to_stop: set[int] = set()
        self._images_wanted = False
        self._images: list[Any] | None = None

    def start(self, trial: int, machine: str) -> bytes | None:
        """Note that an attempt begins.

        Args:
            trial: The trial's number.
            machine: Where.

        Returns:
            The state to go on from, or None.
        """
        state = self._states.get(trial)
        self._starts.append(Start(trial, machine, state is not None))
        return state

    def save(self, trial: int, state: bytes, new: bool = True) -> None:
        """Keep a trial's state in place of the one before.

        Args:
            trial: The trial's number.
            state: The packed folder of checkpoints.
            new: Whether the driver is to hear of it.
        """
        self._states[trial] = state
        if new:
            self._new.add(trial)

    def report(self, trial: int, epoch: int, accuracy: float) -> bool:
        """Note that an epoch ended.

        Args:
            trial: The trial's number.
            epoch: The epoch, from 0.
            accuracy: The validation accuracy after it.

        Returns:
            Whether the driver has asked to stop the trial.
        """
        self._epochs.append(Progress(trial, epoch, accuracy))
        return trial in self._to_stop

    def stop(self, trial: int) -> None:
        """Have a trial stopped after its next epoch.

        Args:
            trial: The trial's number.
        """
        self._to_stop.add(trial)

    def forget(self, trial: int) -> None:
        """Drop the state of a trial that is done.

        Args:
            trial: The trial's number.
        """
        self._states.pop(trial, None)
        self._new.discard(trial)

    def news(self) -> News:
        """Return what happened since the last call."""
        wanted = self._images_wanted and self._images is None
        states = {trial: self._states[trial] for trial in self._new}
        news = News(self._starts, self._epochs, states, wanted)
        self._starts, self._epochs, self._new = [], [], set()
        return news

    def give_images(self, parts: list[Any]) -> None:
        """Keep references to the images.

        Args:
            parts: References to what `read_files` yields.
        """
        self._images = parts

    def images(self) -> list[Any] | None:
        """Return references to the images; None until the driver has sent them."""
        self._images_wanted = True
        return self._images
