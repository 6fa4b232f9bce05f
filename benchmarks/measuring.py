"""What the benchmarks share: arguments, medians, a table on the screen and in a file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from pykeras_tl.evaluation import Evaluation
from pykeras_tl.versions import training_versions

# Which malaria cells are of one patient.
MALARIA_PATIENTS = "^C[0-9]+[NB]?(?:P[0-9]+)?"


@dataclass
class Row:
    """One line of a benchmark's table.

    Attributes:
        what: What is measured.
        against: The peer, or what else it is held against.
        ours: Our figure.
        peer: The peer's; `None` where a bound is held.
        ratio: How many times better ours is, or the figure that is held to the bound.
        wanted: The bound, such as `"at least 2.7"`.
        reached: Whether it holds.
        unit: Of `ours` and `peer`.
    """

    what: str
    against: str
    ours: float
    peer: float | None
    ratio: float
    wanted: str
    reached: bool
    unit: str = "s"


def arguments(description: str) -> argparse.ArgumentParser:
    """Make the command line that every benchmark has: `--data` and `--json`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the blood cells' folder")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    return parser


def median_seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Time `work` several times, after once without a clock."""
    work()
    seconds = []
    for _ in range(rounds):
        begin = perf_counter()
        work()
        seconds.append(perf_counter() - begin)
    return statistics.median(seconds)


def faster(what: str, against: str, ours: float, peer: float, least: float) -> Row:
    """Compare two times."""
    ratio = peer / ours
    return Row(what, against, ours, peer, ratio, f"at least {least:g}", ratio >= least)


def below(what: str, against: str, figure: float, most: float, unit: str) -> Row:
    """Hold a figure to an upper bound."""
    return Row(what, against, figure, None, figure, f"under {most:g}", figure < most, unit)


def report(rows: list[Row], path: Path | None) -> None:
    """Print the table, and write it to `path` with what it was measured on."""
    width = max(len(row.what) for row in rows)
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer:10.3g} {row.unit}"
        mark = "" if row.reached else "   NOT REACHED"
        print(
            f"{row.what:<{width}}  {row.ours:10.3g} {row.unit} {peer:>14}"
            f"  {row.ratio:8.3g}  ({row.wanted}; {row.against}){mark}"
        )
    save(path, rows=[asdict(row) for row in rows])


def save(path: Path | None, **figures: Any) -> None:
    """Write figures to `path`, if one is given, with the command, the date and the machine."""
    if path is None:
        return
    head = {"command": _command(), "date": date.today().isoformat(), "machine": machine()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(head | figures, indent=1) + "\n", encoding="utf-8")


def _command() -> str:
    """Return the command that runs, without `--json`."""
    given = sys.argv[1:]
    if "--json" in given:
        at = given.index("--json")
        del given[at : at + 2]
    return shlex.join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *given])


def interval(evaluation: Evaluation, metric: str) -> tuple[float, float, float]:
    """Return a metric of an evaluation and the bounds of its interval."""
    table = evaluation.intervals
    row = table[table["metric"] == metric].iloc[0]
    return float(row["value"]), float(row["low"]), float(row["high"])


def machine() -> dict[str, str | int | None]:
    """Describe where a benchmark ran."""
    # Not above: benchmarks measure how long Keras takes to load, and how much memory.
    import keras

    return {
        "processors": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "gpu": gpu_name(),
        "backend": keras.backend.backend(),
        **training_versions(),
    }


def gpu_name() -> str | None:
    """Return the name of the GPU that Keras computes on; None without one."""
    import keras

    from pykeras_tl.training.devices.selection import accelerated

    if not accelerated():
        return None
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    if backend == "torch":
        import torch

        return str(torch.cuda.get_device_name())
    import tensorflow as tf

    device = tf.config.list_physical_devices("GPU")[0]
    return str(tf.config.experimental.get_device_details(device)["device_name"])
