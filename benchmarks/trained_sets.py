"""What `pykeras-tl train` gives on a set, with nothing else said: accuracy, calibration, time.

Each set is trained on in a process of its own, as a user would, for each seed; the seed also draws
the split. What was measured before stays in the file of `--json`, unless it is measured again.

    python -m benchmarks.trained_sets malaria skin cifar100 --seeds 0 1 2 --json FILE
    python -m benchmarks.trained_sets skin --quality best --minutes 20 --json FILE
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import MALARIA_PATIENTS, interval, save
from pykeras_tl.evaluation import Evaluation

# Which files are of one patient.
_GROUPS = {"malaria": MALARIA_PATIENTS}


@dataclass
class Run:
    """A classifier that `train` made.

    Attributes:
        folder: The set.
        quality: As for `train`.
        asked: The minutes that were asked for; None leaves them to `train`.
        seed: Of the training, and of the split where there is none on disk.
        size: The test images, and how many are distinct or of how many patients.
        validation: Accuracy, and the bounds of its 95 % interval.
        test: The same on the test images, which were looked at once.
        balanced: The mean of the classes' accuracies on the test images, with its interval.
        calibration_error: Expected, on the test images.
        minutes: What the command took.
        others: Accuracy on further test folders, with its interval.
    """

    folder: str
    quality: str
    asked: float | None
    seed: int
    size: str
    validation: tuple[float, float, float]
    test: tuple[float, float, float]
    balanced: tuple[float, float, float]
    calibration_error: float
    minutes: float
    others: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, float | None, int]:
        """What tells runs apart."""
        return self.folder, self.quality, self.asked, self.seed


def measure(folder: str, quality: str, minutes: float | None, seed: int, out: Path) -> Run:
    """Train on a set, and evaluate what `train` left in its folder."""
    command = [sys.executable, "-m", "pykeras_tl", "train", folder, "--out", str(out)]
    command += ["--quality", quality, "--seed", str(seed)]
    command += ["--minutes", str(minutes)] if minutes is not None else []
    if folder in _GROUPS:
        command += ["--groups", _GROUPS[folder]]
    start = perf_counter()
    subprocess.run(command, check=True)
    taken = (perf_counter() - start) / 60
    # An average of several networks has its own evaluation, one network that of its trial.
    evaluations = out / "evaluation"
    if not evaluations.exists():
        (evaluations,) = out.glob("trials/*/evaluation")
    validation, test = (Evaluation.load(evaluations / name) for name in ("validation", "test"))
    others = {
        each.name: interval(Evaluation.load(each), "accuracy")
        for each in sorted(evaluations.glob("test_*"))
    }
    return Run(
        folder, quality, minutes, seed, test.size, interval(validation, "accuracy"),
        interval(test, "accuracy"), interval(test, "balanced_accuracy"),
        test.calibration_error, taken, others,
    )  # fmt: skip


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", help="folders with one folder per class")
    parser.add_argument("--quality", default="good", choices=["fast", "good", "best"])
    parser.add_argument("--minutes", type=float, help="the most for each; default of `train`")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    runs = {}
    if given.json and given.json.exists():
        rows = json.loads(given.json.read_text("utf-8"))["rows"]
        runs = {run.key: run for run in (Run(**row) for row in rows)}
    for seed in given.seeds:
        for folder in given.folders:
            with tempfile.TemporaryDirectory() as temporary:
                out = Path(temporary) / "out"
                run = measure(folder, given.quality, given.minutes, seed, out)
            runs[run.key] = run
            print(json.dumps(asdict(run)), flush=True)
            save(given.json, rows=[asdict(runs[key]) for key in sorted(runs, key=str)])


if __name__ == "__main__":
    main()
