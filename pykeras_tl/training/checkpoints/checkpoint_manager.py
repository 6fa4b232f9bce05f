"""A run's folder: its checkpoints, whole and with checksums, and the lock on it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...storage.atomic_files import atomic_directory
from .array_files import read_arrays

_KEPT = 2
_NAME = re.compile(r"epoch-(\d{6})(-step-(\d{9}))?")
_FILES = ("state.json", "arrays.npz")
_CHECKSUMS = "checksums.txt"


class TrainingProgress(NamedTuple):
    """How far a training has come.

    Attributes:
        epochs: Epochs done.
        steps: Batches done in the epoch after them.
    """

    epochs: int
    steps: int = 0


class CheckpointManager:
    """The checkpoints of one training, in a folder of their own.

    Each is a folder that stands there whole or not at all; the last two are kept.

    Args:
        path: The folder, made when missing.

    Raises:
        OSError: When the folder cannot be made or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._checkpoints = self.path / "checkpoints"
        self._damaged: list[Path] = []
        with self._named_errors():
            self._checkpoints.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out while the block runs; a killed process keeps nobody out.

        Raises:
            RuntimeError: When another process trains in the folder.
            OSError: When the folder cannot be written.
        """
        with self._named_errors():
            file = (self.path / "lock").open("a+b")
        with file:
            try:
                _lock(file.fileno())
            except OSError:
                raise RuntimeError(
                    f"Another process is training in {self.path}. Wait for it, or give another "
                    "run_dir."
                ) from None
            for unfinished in self._checkpoints.glob(".epoch-*"):
                # Left by a process that was killed while it saved.
                shutil.rmtree(unfinished, ignore_errors=True)
            yield

    def save(
        self, place: TrainingProgress, state: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> None:
        """Write a checkpoint, and remove those before the last two.

        Args:
            place: How far training has come.
            state: What fits into JSON.
            arrays: All else, by name.

        Raises:
            OSError: When the disk is full or the folder cannot be written.
        """
        target = self._checkpoints / _name(place)
        with atomic_directory(target) as folder:
            np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
            lines = [_checksum_line(folder / name) for name in _FILES]
            (folder / _CHECKSUMS).write_text("".join(lines), encoding="ascii")
        good = [each for each in self._found() if each == target or each not in self._damaged]
        for old in set(self._found()) - set(good[-_KEPT:]):
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Read the newest checkpoint that is undamaged.

        Returns:
            Its state and arrays; `None` when there is no checkpoint yet.

        Raises:
            ValueError: When all there are are damaged.
        """
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
                    f"A damaged checkpoint is passed over: {'; '.join(damages)}. Going on from "
                    f"{folder.name}.",
                    stacklevel=4,
                )
            return checkpoint
        if damages:
            raise ValueError(
                f"Every checkpoint is damaged ({'; '.join(damages)}). Remove "
                f"{self._checkpoints}, or give resume=False, to begin anew."
            )
        return None

    def clear(self) -> None:
        """Remove all checkpoints."""
        for folder in self._found():
            shutil.rmtree(folder)

    def _found(self) -> list[Path]:
        return sorted(each for each in self._checkpoints.iterdir() if _NAME.fullmatch(each.name))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"The run folder cannot be written ({error.strerror}); give another run_dir",
                str(self.path),
            ) from None


def _name(place: TrainingProgress) -> str:
    # Names in their own order are in the order of training.
    step = f"-step-{place.steps:09d}" if place.steps else ""
    return f"epoch-{place.epochs:06d}{step}"


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


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
