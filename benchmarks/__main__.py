"""Runs the benchmarks again, and writes their tables into README.md and docs/.

DATA holds `blood-cells` (with TRAIN, TEST and TEST_SIMPLE), `malaria`, `skin`, `cifar100/train` and
`weights/squeezenet_v1.1_imagenet_notop.h5`. In full this takes hours, and figures are only good on
a machine that does nothing else; `--quick` shows in minutes that every benchmark still runs, and
changes no page.

    python -m benchmarks --data DATA                     # all
    python -m benchmarks --data DATA startup doubt       # some
    python -m benchmarks --data DATA --quick
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import MALARIA_PATIENTS
from benchmarks.tables import RESULTS
from benchmarks.write_tables import write_tables

_ROOT = Path(__file__).resolve().parents[1]
_BLOOD = "--data blood-cells"
_SETS = "malaria skin cifar100/train"
_SQUEEZENET = "--weights weights/squeezenet_v1.1_imagenet_notop.h5"
# What each takes, and what its quick form takes besides: of an option given twice, the last counts.
ARGUMENTS = {
    "startup": (_BLOOD, ""),
    "input_pipeline": (_BLOOD, "--rounds 5"),
    "augmentations": (_BLOOD, "--images 10 --rounds 1"),
    "folded_batch_norm": ("", "--size 64 64"),
    "fine_tuning": (_BLOOD, "--images 60 --rounds 1"),
    "r_overhead": (_BLOOD, ""),
    "large_sets": (
        "--folder FOLDER --counts 100000 1000000 --audit",
        "--counts 1000 10000 --audit 100 200",
    ),
    "copies": (
        f"blood-cells/TRAIN {_SETS}",
        "--images 100 --copies 24 --counts 1000 2000",
    ),
    "image_quality": (f"{_SETS} blood-cells/TRAIN --count 2000", "--count 100"),
    "label_errors": (_SETS, "--count 200"),
    "doubt": ("--data .", "--images 300"),
    "pointing_game": ("", "--train 100 --test 40 --epochs 2"),
    "device_augmentation": ("", "--images 96 --size 96 --batch-size 16 --epochs 2"),
    "leaks": (f"{_BLOOD} {_SQUEEZENET}", "--seeds 1 --epochs 1"),
    "grouped_folds": (
        "blood-cells/TRAIN blood-cells/TEST --size 120 160",
        "--per-class 20 --folds 2 --epochs 2 --size 64 64",
    ),
    "recipe_choices": ("--data .", "--sets skin --per-class 8 --epochs 1"),
    "trained_sets": (
        "blood-cells malaria skin cifar100 --seeds 0 1 2",
        "--seeds 0 --quality fast --minutes 0.3",
    ),
    "time_to_accuracy": (
        f"--data malaria --groups {MALARIA_PATIENTS} --targets 0.93 0.95",
        "--images 300 --minutes 1 --epochs 1",
    ),
    "study_quick_forms": ("", "--studies soco"),
}


def arguments_of(name: str, quick: bool, folder: str) -> list[str]:
    """Return the arguments of a benchmark.

    Args:
        name: The benchmark.
        quick: Whether to run its quick form.
        folder: Where it may make files.
    """
    full, besides = ARGUMENTS[name]
    words = f"{full} {besides if quick else ''}".split()
    return [folder if word == "FOLDER" else word for word in words]


def run(name: str, data: Path, results: Path, quick: bool) -> bool:
    """Run a benchmark in a process of its own; return whether it ended well."""
    start = perf_counter()
    # Relative paths, so that the records do not name folders of this machine.
    environment = os.environ | {"PYTHONPATH": str(_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments_of(name, quick, folder)]
        command += ["--json", str(results / f"{name}.json")]
        ended = subprocess.run(command, cwd=data, env=environment)
    print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    return ended.returncode == 0


def main() -> int:
    """Read the arguments, run, and write the tables."""
    parser = ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", choices=[[], *ARGUMENTS], metavar="NAME")
    parser.add_argument("--data", type=Path, required=True, help="the folder of image sets")
    parser.add_argument("--quick", action="store_true", help="short forms; no page is changed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) if given.quick else RESULTS
        names = given.names or list(ARGUMENTS)
        failed = [
            name for name in names if not run(name, given.data.resolve(), results, given.quick)
        ]
    if not given.quick:
        write_tables()
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
