"""What importing costs, and what memory a flow over many files takes.

Each figure is the median of five child processes, in turn. The import's time is above that of
an interpreter that does nothing; so is the memory, of a process that makes a flow over a
folder and draws five batches from it. The folder's files are links to a few real images.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Row, arguments, below, report

_ROUNDS = 5
_IMPORT = "from time import perf_counter as now; begin = now(); import {}; print(now() - begin)"
_MEMORY = """
import resource, sys
if len(sys.argv) > 1:
    from pykeras_tl import ImageDataGenerator
    flow = ImageDataGenerator(rescale=1 / 255, rotation_range=10).flow_from_directory(
        sys.argv[1], target_size=(150, 150), batch_size=50, seed=0, cache=False)
    for _ in range(5):
        next(flow)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def child(code: str, *arguments: str) -> float:
    """Run code in a new interpreter and read the number it prints last."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return float(result.stdout.split()[-1])


def import_row() -> Row:
    ours, theirs = [], []
    child(_IMPORT.format("pykeras_tl"))
    for _ in range(_ROUNDS):
        ours.append(child(_IMPORT.format("pykeras_tl")))
        theirs.append(child(_IMPORT.format("keras")))
    seconds = statistics.median(ours)
    beside = f"import keras: {statistics.median(theirs):.1f} s"
    return below("import pykeras_tl", beside, seconds, 0.3, "s")


def link_folder(folder: Path, images: list[Path], count: int) -> Path:
    for number in range(count):
        target = folder / f"class {number % 4}" / f"{number}.jpeg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(images[number % len(images)])
    return folder


def memory_row(data: Path, folder: Path) -> Row:
    images = sorted((data / "TRAIN").rglob("*.jpeg"))[:200]
    few = link_folder(folder / "few", images, 10_000)
    many = link_folder(folder / "many", images, 100_000)
    used: dict[str, list[float]] = {"": [], str(few): [], str(many): []}
    for _ in range(_ROUNDS):
        for name, taken in used.items():
            taken.append(child(_MEMORY, *([name] if name else [])) / 1024)
    base, little, much = (statistics.median(taken) for taken in used.values())
    ratio = (much - base) / (little - base)
    return Row(
        "memory above the interpreter's, 100,000 files",
        "10,000 files",
        much - base,
        little - base,
        ratio,
        "within 10 %",
        abs(ratio - 1) < 0.1,
        "MB",
    )


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [import_row(), memory_row(options.data.resolve(), Path(folder))]
    report(rows, options.json)


if __name__ == "__main__":
    main()
