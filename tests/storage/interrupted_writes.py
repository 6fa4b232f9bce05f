"""Interrupts `atomic_directory` before and after every call of the operating system.

Usage: interrupted_writes.py FOLDER kill|ctrl-c exchange|renames replace|create

Runs as a script, so that what it forks has no threads. Prints the number of interruptions.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from pykeras_tl.storage import atomic_files
from pykeras_tl.storage.atomic_files import atomic_directory, recover_directory

OLD = {"config": "old", "weights/0": "old"}
NEW = {"config": "new", "weights/1": "new"}
_DONE, _INTERRUPTED = 0, 7


def interrupt_everywhere(folder: Path, signal: str, start: dict[str, str]) -> int:
    """Interrupt a write at its first, second, ... event, until it ends undisturbed."""
    for event in range(100_000):
        parent = folder / str(event)
        target = parent / "classifier"
        if start:
            _write(target, start)
        child = os.fork()
        if child == 0:
            os._exit(_write_interrupted(target, signal, event))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (_DONE, _INTERRUPTED), f"the child ended with {status}"
        content = _read(recover_directory(target))
        assert content == NEW or (status == _INTERRUPTED and content == start), (event, content)
        with atomic_directory(target) as working:
            _write(working, {"next": "use"})
        assert list(parent.iterdir()) == [target], event
        assert _read(target) == {"next": "use"}
        shutil.rmtree(parent)
        if status == _DONE:
            return event
    raise AssertionError("the write never ends")


def _write_interrupted(target: Path, signal: str, event: int) -> int:
    remaining = event

    def count_down(frame: FrameType, kind: str, argument: Any) -> None:
        nonlocal remaining
        if kind in ("c_call", "c_return") and _is_system_call(argument):
            if remaining == 0:
                sys.setprofile(None)
                if signal == "kill":
                    os._exit(_INTERRUPTED)
                raise KeyboardInterrupt
            remaining -= 1

    manager = atomic_directory(target)
    try:
        sys.setprofile(count_down)
        with manager as working:
            _write(working, NEW)
        sys.setprofile(None)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        # `shutil.rmtree` closes a folder again if it is interrupted right after closing it.
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        return _INTERRUPTED
    return _DONE


def _is_system_call(function: Any) -> bool:
    if isinstance(getattr(function, "__self__", None), io.IOBase):
        return True
    module = getattr(function, "__module__", None)
    return module in ("posix", "fcntl") and function.__name__ != "fspath"


def _write(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _read(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


if __name__ == "__main__":
    root, chosen_signal, way, action = sys.argv[1:]
    if way == "renames":
        atomic_files._exchange = lambda one, other: False
    else:
        assert atomic_files._exchanging_rename() is not None
    before = OLD if action == "replace" else {}
    print(interrupt_everywhere(Path(root), chosen_signal, before))
