"""A run's folder: its checkpoints, whole and with checksums, and the lock on it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..files import whole_folder

_KEPT = 2
_NAME = re.compile(r"epoch-(\d{6})")


class RunFolder:
    """The checkpoints of one training, in a folder of their own.

    Each is a folder that stands there whole or not at all; the last two are kept.

    Args:
        path: The folder, made when missing.

    Raises:
        OSError: When the folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._checkpoints = self.path / "checkpoints"
        self._checkpoints.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out while the block runs; a killed process keeps nobody out.

        Raises:
            RuntimeError: When another process trains in the folder.
        """
        with (self.path / "lock").open("a+b") as file:
            try:
                _lock(file.fileno())
            except OSError:
                raise RuntimeError(
                    f"Another process is training in {self.path}. Wait for it, or give another "
                    "run_dir."
                ) from None
            yield

    def save(self, epoch: int, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Write a checkpoint, and remove those before the last two.

        Args:
            epoch: Number of epochs done.
            state: What fits into JSON.
            arrays: All else, by name.

        Raises:
            OSError: When the disk is full or the folder cannot be written.
        """
        with whole_folder(self._checkpoints / f"epoch-{epoch:06d}") as folder:
            np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
            content = {"state": state, "arrays.npz": _checksum(folder / "arrays.npz")}
            body = json.dumps(content)
            (folder / "state.json").write_text(
                json.dumps({"checksum": _digest(body.encode()), "body": body}), encoding="utf-8"
            )
        for old in self._found()[:-_KEPT]:
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
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                damages.append(f"{folder}: {error}")
                continue
            if damages:
                warnings.warn(
                    f"A damaged checkpoint is passed over: {damages[0]}. Going on from "
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


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    label = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if _digest(label["body"].encode()) != label["checksum"]:
        raise ValueError("state.json does not have its checksum")
    content = json.loads(label["body"])
    if _checksum(folder / "arrays.npz") != content["arrays.npz"]:
        raise ValueError("arrays.npz does not have its checksum")
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        return content["state"], dict(arrays)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.blake2b).hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data).hexdigest()


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
