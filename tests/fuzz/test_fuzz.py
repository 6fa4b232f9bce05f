"""Damaged files of every kind never bring the process down, hang it, or fill its memory."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

_SHORT = {"images": 400, "classifiers": 50, "checkpoints": 150, "tensors": 400}
# Seconds without a word, on a busy machine; the child itself counts processor time.
_PATIENCE = 300
# What caches of Keras and of the allocator may add after the first third of the cases.
_GROWTH = 150 << 20


@pytest.mark.parametrize("kind", _SHORT)
def test_damaged_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    asked = os.environ.get("PYKERAS_TL_FUZZ")
    cases = int(asked) if asked else _SHORT[kind]
    seed = int(os.environ.get("PYKERAS_TL_FUZZ_SEED", "0"))
    told = _run(kind, cases, seed, tmp_path)
    outcomes = Counter(each["outcome"] for each in told)
    used = [each["memory"] for each in told]
    growth = max(used[-cases // 10 :]) - max(used[: max(1, cases // 3)])
    print(
        f"{kind}: {cases} cases, {dict(outcomes)}, memory at most {max(used) >> 20} MiB, "
        f"{growth >> 20:+} MiB since the first third"
        + ("" if asked else "; PYKERAS_TL_FUZZ=5000 tries as many")
    )
    assert outcomes.total() == cases
    # Damage that none or all of the readers notice would try nothing.
    assert min(outcomes["read"], outcomes["refused"]) > cases // 20
    assert growth < _GROWTH


def _run(kind: str, cases: int, seed: int, folder: Path) -> list[dict]:
    """Read damaged files in a child process and gather what it tells of them."""
    code = Path(__file__).with_name("fuzzed.py")
    environment = os.environ | {"PYKERAS_TL_CACHE": str(folder / "cache"), "MALLOC_ARENA_MAX": "2"}
    errors = folder / "errors.txt"
    with errors.open("w") as error_file:
        child = subprocess.Popen(
            [sys.executable, code, kind, str(cases), str(seed), folder],
            stdout=subprocess.PIPE,
            stderr=error_file,
            text=True,
            env=environment,
        )
    lines: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=listen, daemon=True).start()
    told: list[dict] = []
    stray: list[str] = []
    try:
        while (line := lines.get(timeout=_PATIENCE)) is not None:
            if line.startswith("{"):
                told.append(json.loads(line))
            else:
                stray.append(line)
    except queue.Empty:
        pytest.fail(f"{_named(kind, seed, told, folder)} hangs")
    finally:
        child.kill()
        status = child.wait()
        if child.stdout is not None:
            child.stdout.close()
    if stray or len(told) < cases:
        end = "".join(stray)[-3000:] + errors.read_text()[-3000:]
        pytest.fail(f"{_named(kind, seed, told, folder)} ends the process ({status}):\n{end}")
    return told


def _named(kind: str, seed: int, told: list[dict], folder: Path) -> str:
    kept = folder.with_name(f"{folder.name}-kept")
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return f"case {len(told)} of {kind}, seed {seed}, kept in {kept},"
