"""How scanning, splitting, flows, shards and the audit grow with the number of files.

Each figure is of a child process of its own, which has imported what it needs before the clock
starts, and is in seconds of a processor, which do not depend on what else the machine does. The
files are links to a few thousand small images in 100 class folders; the audit has images that are
all different, as many as `--audit` says. Memory is what Python and NumPy still hold afterwards, in
bytes for each file. The growth is the exponent of the number of files: 1 is linear.

    python -m benchmarks.large_sets --folder /tmp/large --json large.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.measuring import save

_CLASSES = 100
# A file system allows no more links to one file than 65,000.
_LINKS = 20_000
_SIDE = 64
_PREPARE = """
import gc, json, os, sys, tracemalloc, warnings
from time import process_time
warnings.simplefilter("ignore")
import keras
from pykeras_tl import ImageDataGenerator, audit, list_images, split_fractions, pack_images
keras.config.disable_interactive_logging()
root, traced = sys.argv[1], sys.argv[2] == "traced"
settings = {"target_size": (32, 32), "batch_size": 32, "seed": 0}
def first_batch(flow):
    next(flow)
    return flow
"""
_MEASURE = """
if traced:
    tracemalloc.start()
begin = process_time()
result = work(given)
seconds = process_time() - begin
gc.collect()
held = tracemalloc.get_traced_memory()[0] if traced else 0
print(json.dumps({"seconds": seconds, "bytes": held}))
"""
_FLOW = "ImageDataGenerator(rotation_range=10).flow_from_directory(root, **settings)"
_SHARDS = 'ImageDataGenerator(rotation_range=10).flow_from_shards(root + "_shards", **settings)'
# What is made before the clock starts, and what is timed.
_STEPS = {
    "Keras: image_dataset_from_directory": (
        "None",
        "lambda _: keras.utils.image_dataset_from_directory(root, image_size=(32, 32), seed=0)",
    ),
    "list_images": ("None", "lambda _: list_images(root)"),
    "split_fractions": (
        "list_images(root)",
        'lambda table: split_fractions(table, {"train": 0.6, "validation": 0.2, "test": 0.2})',
    ),
    "flow_from_directory": ("None", f"lambda _: {_FLOW}"),
    "its first batch": (_FLOW, "first_batch"),
    "flow_from_shards": ("None", f"lambda _: {_SHARDS}"),
    "its first batch (shards)": (_SHARDS, "first_batch"),
}
_HELD = ("list_images", "flow_from_directory", "flow_from_shards")


@dataclass
class Line:
    """A step, its time by the number of files, and what it holds.

    Attributes:
        step: What is measured.
        seconds: By the number of files.
        growth: The exponent of the number of files between the two largest.
        bytes_per_file: What is held afterwards, where that counts.
    """

    step: str
    seconds: dict[int, float]
    growth: float
    bytes_per_file: float | None = None


def make_folder(root: Path, count: int) -> Path:
    """Fill a folder with links to a few images, unless it is there."""
    if root.exists():
        return root
    random = np.random.default_rng(0)
    sources = root.with_name(f"{root.name}_sources")
    sources.mkdir(parents=True)
    files = max(1000, count // _LINKS)
    for number in range(files):
        write_image(sources / f"{number}.jpg", random)
    for label in range(_CLASSES):
        folder = root / f"class_{label:03d}"
        folder.mkdir(parents=True)
        for number in range(label, count, _CLASSES):
            (folder / f"image_{number:07d}.jpg").hardlink_to(sources / f"{number % files}.jpg")
    return root


def write_image(path: Path, random: np.random.Generator) -> None:
    """Write an image unlike all others: smooth colours with some edges."""
    coarse = random.integers(0, 255, (6, 6, 3), np.uint8)
    image = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    corners = random.integers(0, _SIDE, (4, 2)).tolist()
    cv2.rectangle(image, corners[0], corners[1], (255, 255, 255), 2)
    cv2.rectangle(image, corners[2], corners[3], (0, 0, 0), 2)
    cv2.imwrite(str(path), image)


def child(given: str, work: str, root: Path, traced: bool = False) -> dict[str, float]:
    """Run a step in a new interpreter."""
    code = f"{_PREPARE}\ngiven = {given}\nwork = {work}\n{_MEASURE}"
    result = subprocess.run(
        [sys.executable, "-c", code, str(root), "traced" if traced else ""],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    print(f"{root.name} {work}: {found}", file=sys.stderr)
    return found


def audit_seconds(folder: Path, count: int) -> float:
    """Audit images that are all different."""
    root = folder / f"different_{count}"
    if not root.exists():
        random = np.random.default_rng(count)
        for number in range(count):
            path = root / f"class_{number % 10}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, random)
    return child("None", "lambda _: audit(root)", root)["seconds"]


def growth(counts: list[int], seconds: list[float]) -> float:
    """Return the exponent of the number of files between the two largest counts."""
    if len(counts) < 2:
        return float("nan")
    return math.log(seconds[-1] / seconds[-2]) / math.log(counts[-1] / counts[-2])


def measure(folder: Path, counts: list[int]) -> list[Line]:
    found: dict[str, list[float]] = {name: [] for name in ("pack_images", *_STEPS)}
    held: dict[str, float] = {}
    for count in counts:
        root = make_folder(folder / f"files_{count}", count)
        shards = Path(f"{root}_shards")
        if shards.exists():
            found["pack_images"].append(float("nan"))
        else:
            packed = child("None", 'lambda _: pack_images(root, root + "_shards")', root)
            found["pack_images"].append(packed["seconds"])
        for name, (given, work) in _STEPS.items():
            found[name].append(child(given, work, root)["seconds"])
            if name in _HELD:
                held[name] = child(given, work, root, traced=True)["bytes"] / count
    return [
        Line(name, dict(zip(counts, seconds)), growth(counts, seconds), held.get(name))
        for name, seconds in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the files are made")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--audit", type=int, nargs="*", default=[2_000, 10_000])
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    folder = options.folder.expanduser().absolute()
    rows = measure(folder, options.counts) if options.counts else []
    if options.audit:
        seconds = [audit_seconds(folder, count) for count in options.audit]
        times = dict(zip(options.audit, seconds))
        rows.append(Line("audit", times, growth(options.audit, seconds)))
    for row in rows:
        taken = "  ".join(f"{value:8.2f}" for value in row.seconds.values())
        held = f"  {row.bytes_per_file:5.0f} bytes a file" if row.bytes_per_file else ""
        print(f"{row.step:<36} {taken} s  growth {row.growth:.2f}{held}")
    save(options.json, rows=[asdict(row) for row in rows])


if __name__ == "__main__":
    main()
