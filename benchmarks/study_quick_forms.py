"""What the studies give in their quick form, on images that they draw.

The published backbones have random weights, as a machine without a network has them. Given are the
number of trials, the best of them with its accuracy on the test images, and the time of all.

    python -m benchmarks.study_quick_forms --json FILE
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import pandas as pd

from benchmarks.measuring import save
from pykeras_tl.studies import study_names


@dataclass
class QuickForm:
    """What the quick form of a study gives.

    Attributes:
        study: Its name.
        trials: How many there are.
        best: The one with the highest test accuracy.
        accuracy: That accuracy, and the bounds of its 95 % interval.
        seconds: Time of all trials.
    """

    study: str
    trials: int
    best: str
    accuracy: tuple[float, float, float]
    seconds: float


def measure(study: str) -> QuickForm:
    """Run the quick form of a study with the command that users type."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pykeras_tl", "study", study, "--quick"]
        subprocess.run([*command, "--weights", "none", "--out", folder], check=True)
        table = pd.read_csv(Path(folder) / "intervals.csv")
    tests = table[table["split"] == "test"]
    best = tests.sort_values("accuracy").iloc[-1]
    accuracy = (float(best["accuracy"]), float(best["low"]), float(best["high"]))
    return QuickForm(study, len(tests), str(best["trial"]), accuracy, perf_counter() - start)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--studies", nargs="+", default=study_names(), metavar="NAME")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    rows = []
    for study in given.studies:
        rows.append(measure(study))
        print(rows[-1], flush=True)
    save(given.json, rows=[asdict(row) for row in rows])


if __name__ == "__main__":
    main()
