"""A run folder: its checkpoints with their checksums, and the lock on it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from ...storage.atomic_files import atomic_directory, atomic_file, recover_directories
from .serialization import read_arrays

_KEPT = 2
_NAME = re.compile(r"epoch-(\d{6})(-step-(\d{9}))?")
_FILES = ("state.json", "arrays.npz")
_CHECKSUMS = "checksums.txt"
_FINAL = "final-settings.json"


class TrainingProgress(NamedTuple):
    """How far a training has come.

    Attributes:
        epochs: Number of finished epochs.
        steps: Number of finished batches of the next epoch.
    """

    epochs: int
    steps: int = 0


def finished_epochs(path: Path) -> int:
    """Return how many epochs a training has finished, by what it has saved.

    Args:
        path: The training's run folder, which another process may be writing; it may be missing.

    Returns:
        The number of epochs, counted as in `fit`, `initial_epoch` included.

    Example:
        >>> finished_epochs(Path("missing"))
        0
    """
    found = map(_NAME.fullmatch, (each.name for each in (path / "checkpoints").glob("epoch-*")))
    return max((int(match[1]) for match in found if match), default=0)


class CheckpointManager:
    """The checkpoints of one training, in a folder of their own.

    Each checkpoint is a folder that is written atomically; the last two are kept.

    Args:
        path: The folder, created when missing.

    Raises:
        OSError: When the folder cannot be created or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._checkpoints = self.path / "checkpoints"
        self._damaged: list[Path] = []
        with self._named_errors():
            self._checkpoints.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the folder; the lock of a killed process is released.

        Raises:
            RuntimeError: When another process trains in the folder.
            OSError: When the folder cannot be written.
        """
        lock = FileLock(self.path / "lock")
        with self._named_errors():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise RuntimeError(
                    f"Another process is training in {self.path}. Wait until it ends, or choose "
                    "another run_dir."
                ) from None
        try:
            # A process may have been killed while it saved.
            recover_directories(self._checkpoints)
            for unfinished in self._checkpoints.glob(".epoch-*"):
                shutil.rmtree(unfinished, ignore_errors=True)
            yield
        finally:
            lock.release()

    def save(
        self, progress: TrainingProgress, state: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> None:
        """Write a checkpoint, and remove those before the last two.

        Args:
            progress: How far training has come.
            state: What fits into JSON.
            arrays: All else, by name.

        Raises:
            OSError: When the disk is full or the folder cannot be written.
        """
        target = self._checkpoints / _name(progress)
        with atomic_directory(target) as folder:
            np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
            lines = [_checksum_line(folder / name) for name in _FILES]
            (folder / _CHECKSUMS).write_text("".join(lines), encoding="ascii")
        good = [each for each in self._found() if each == target or each not in self._damaged]
        for old in set(self._found()) - set(good[-_KEPT:]):
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Read the newest undamaged checkpoint.

        Returns:
            Its state and arrays; None when there is no checkpoint yet.

        Raises:
            ValueError: When all checkpoints are damaged.
        """
        recover_directories(self._checkpoints)
        damages = []
        for folder in reversed(self._found()):
            try:
                checkpoint = _read(folder)
            except (OSError, ValueError) as error:
                damages.append(f"{folder}: {error}")
                self._damaged.append(folder)
                continue
            if damages:
                warnings.warn(
                    f"Skipping a damaged checkpoint: {'; '.join(damages)}. Resuming from "
                    f"{folder.name}.",
                    stacklevel=4,
                )
            return checkpoint
        if damages:
            raise ValueError(
                f"Every checkpoint is damaged ({'; '.join(damages)}). Remove "
                f"{self._checkpoints}, or pass resume=False, to start over."
            )
        return None

    def clear(self) -> None:
        """Remove all checkpoints."""
        (self.path / _FINAL).unlink(missing_ok=True)
        for folder in self._found():
            shutil.rmtree(folder)

    def save_final_settings(self, settings: dict[str, str]) -> None:
        """Record the settings as they are when training ends or is interrupted.

        Args:
            settings: The run's fingerprint then.
        """
        with suppress(OSError), atomic_file(self.path / _FINAL) as path:
            path.write_text(json.dumps(settings), encoding="utf-8")

    def final_settings(self) -> dict[str, str] | None:
        """Return the settings with which training ended or was interrupted last.

        Returns:
            What `save_final_settings` recorded; None when it was killed before.
        """
        try:
            found = json.loads((self.path / _FINAL).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _found(self) -> list[Path]:
        return sorted(each for each in self._checkpoints.iterdir() if _NAME.fullmatch(each.name))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"The run folder cannot be written ({error.strerror}); choose another run_dir",
                str(self.path),
            ) from None


def _name(progress: TrainingProgress) -> str:
    # Names in their own order are in the order of training.
    step = f"-step-{progress.steps:09d}" if progress.steps else ""
    return f"epoch-{progress.epochs:06d}{step}"


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    lines = (folder / _CHECKSUMS).read_bytes().splitlines(keepends=True)
    for name in _FILES:
        if _checksum_line(folder / name).encode() not in lines:
            raise ValueError(f"{name} does not have its checksum")
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("state.json is nested too deep") from None
    return state, read_arrays(folder / "arrays.npz")


def _checksum_line(path: Path) -> str:
    """A file's line as `b2sum` writes it, so that `b2sum --check` reads it too."""
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, hashlib.blake2b).hexdigest()}  {path.name}\n"
