"""The tables of the documentation that show what benchmarks measured.

`benchmarks/results/NAME.json` holds what `python -m benchmarks.NAME --json` wrote last. Each table
here is made from some of these files, and `benchmarks.write_tables` puts it where a page says
`<!-- measured: TABLE -->`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

RESULTS = Path(__file__).parent / "results"
Record = Mapping[str, Any]
_NUMBER = re.compile(r"^[\W_]*\d")


@dataclass(frozen=True)
class Table:
    """How a table is made.

    Attributes:
        sources: The benchmarks whose records it shows.
        columns: Its header.
        rows: Makes its rows from the records, in the order of `sources`.
    """

    sources: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Callable[..., Iterable[Sequence[str]]]

    @property
    def is_measured(self) -> bool:
        """Whether there are results of all its benchmarks."""
        return all((RESULTS / f"{name}.json").exists() for name in self.sources)

    def markdown(self) -> str:
        """Return the table, and a line that says how, when and on what it was measured."""
        records = [read_record(name) for name in self.sources]
        rows = [list(row) for row in self.rows(*records)]
        numeric = [
            any(map(_NUMBER.match, column)) and all(_NUMBER.match(cell) for cell in column if cell)
            for column in zip(*rows)
        ]
        lines = [self.columns, ["---:" if each else "---" for each in numeric], *rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{text}\n\n{' '.join(dict.fromkeys(map(provenance, records)))}"


def read_record(name: str) -> dict[str, Any]:
    """Read what a benchmark measured last."""
    record: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return record


def provenance(record: Record) -> str:
    """Say how a record was measured."""
    machine = record["machine"]
    gpu = f", {machine['gpu']}" if machine.get("gpu") else ""
    backend = machine.get("backend", "tensorflow")
    on = "" if backend == "tensorflow" else f" on {backend}"
    return (
        f"`{record['command']}`, {record['date']}, {machine['processors']} cores "
        f"({machine['processor']}){gpu}, Keras {machine['keras']}{on}."
    )


def _short(value: float, digits: int = 3) -> str:
    """Write a number with three digits, and no exponent."""
    if not value:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{value:#.{digits}g}"


def _named(record: Record) -> dict[str, Record]:
    return {row["what"]: row for row in record["rows"]}


def _against(row: Record, name: str, scale: float = 1.0, unit: str | None = None) -> list[str]:
    unit = unit or row["unit"]
    ours, peer = (f"{_short(scale * row[side])} {unit}" for side in ("ours", "peer"))
    ratio = row["ratio"]
    return [name, ours, peer, f"{_short(ratio, 3 if ratio < 2 else 2)} ×"]


def _readme(flows: Record, training: Record) -> Iterable[Sequence[str]]:
    keras = "against Keras's `ImageDataGenerator`"
    found = {
        (row["what"], row["against"][:5]): row | {"unit": "/s"}
        for row in flows["rows"]
        if row["against"].startswith("Keras")
    }
    yield _against(
        found["augmented, decoded each time", "Keras"],
        f"augmented batches, files decoded each time, {keras}",
    )
    cached = found["augmented, cache warm", "Keras"]
    yield _against(cached, "the same, decoded images cached")
    yield _against(
        found["rescaled, decoded each time", "Keras"], "rescaled only, files decoded each time"
    )
    rows = _named(training)
    first = "VGG16 trained from `block5_conv1`, 6 epochs"
    stored = "the same, frozen layers' output stored before"
    yield _against(rows["VGG16 from block5_conv1, 6 epochs, cold cache"], f"{first}, `fit`")
    yield _against(rows["VGG16 from block5_conv1, 6 epochs, cache warm"], stored)
    yield _against(rows["VGG16 all frozen, 30 epochs, cold cache"], "VGG16's head, 30 epochs")
    yield _against(rows["VGG16 all frozen, 30 epochs, cache warm"], stored)


def _bounds(*records: Record) -> Iterable[Sequence[str]]:
    for record in records:
        for row in record["rows"]:
            if row["peer"] is None:
                yield [row["what"], f"{_short(row['ours'], 2)} {row['unit']}", row["against"]]
            else:
                peer = f"{row['against']}: {_short(row['peer'])} {row['unit']}"
                yield [row["what"], f"{_short(row['ours'])} {row['unit']}", peer]


def _copies_found(record: Record) -> Iterable[Sequence[str]]:
    compared, near = (way["by alteration"] for way in record["found"].values())
    for name in compared:
        yield [name, compared[name], near[name]]
    total = sum(int(found.split()[-1]) for found in compared.values())
    yield ["all", *(f"{way['found']} of {total}" for way in record["found"].values())]


def _copies_time(record: Record) -> Iterable[Sequence[str]]:
    seconds = {(row["images"], row["way"]): row["seconds"] for row in record["times"]}
    for images in dict.fromkeys(row["images"] for row in record["times"]):
        ways = [seconds.get((images, way)) for way in record["found"]]
        yield [f"{images:,}", *("" if each is None else f"{_short(each)} s" for each in ways)]


def _folded(record: Record) -> Iterable[Sequence[str]]:
    for row in record["rows"]:
        name, ours, peer, ratio = _against(row, row["what"], 1000, "ms")
        yield [name, ours, row["against"], peer, ratio]


def _augmentations(record: Record) -> Iterable[Sequence[str]]:
    rows = _named(record)
    yield ["decoding", *_milliseconds(rows["decoding"]), "", ""]
    for name in rows:
        step, _, size = name.rpartition(", ")
        if size == "120×160" and not step.endswith("keep_aspect_ratio"):
            small, large = (_milliseconds(rows[f"{step}, {each}"]) for each in (size, "224×224"))
            yield [step, *small, *large]


def _milliseconds(row: Record) -> list[str]:
    return [f"{row[side]:.2f}" for side in ("ours", "peer")]


def _large_sets(record: Record) -> Iterable[Sequence[str]]:
    for row in record["rows"]:
        if row["step"] == "audit":
            continue
        step = row["step"].replace("Keras: image_dataset", "Keras's image_dataset")
        held = row["bytes_per_file"]
        seconds = [f"{_short(value)} s" for value in row["seconds"].values()]
        yield [f"{step}", *seconds, f"{row['growth']:.2f}", f"{held:.0f} B a file" if held else ""]


def _quality(record: Record) -> Iterable[Sequence[str]]:
    for each in record["sets"]:
        found = sum(each["as it is"].values())
        spoilt = [f"{share:.0%}".replace("%", " %") for share in each["spoilt"].values()]
        times = each["milliseconds"]
        added = f"+{100 * times['measures'] / times['reading']:.1f} %"
        yield [_set(each["folder"]), f"{100 * found:.1f} %", *spoilt, added]


def _planted(record: Record) -> Iterable[Sequence[str]]:
    ways = {"random": "at random", "similar": "by the most similar"}
    for each in record["found"]:
        shares = [f"{each[name]:.2f}" for name in ("precision", "recall", "precision_first")]
        agree = f"{100 * each['accuracy']:.0f} %"
        yield [_set(each["folder"]), ways[each["planted"]], agree, str(each["suspects"]), *shares]


def _set(folder: str) -> str:
    names = {"cifar100/train": "CIFAR-100, 25 classes", "blood-cells/TRAIN": "blood cells"}
    return names.get(folder, folder)


def _coverage(record: Record) -> Iterable[Sequence[str]]:
    rows = [row for row in record["coverage"] if row["promised"] == 0.9]
    for name in dict.fromkeys(row["data"] for row in rows):
        found = {(row["method"], row["by_class"]): row for row in rows if row["data"] == name}
        first = found["lac", False]
        interval = _with_interval([first[name] for name in ("measured", "low", "high")])
        others = [found["lac", True], found["aps", False]]
        sizes = [f"{row['measured']:.3f}, {_short(row['mean_size'])}" for row in others]
        yield [
            name, f"{first['accuracy']:.3f}", f"{interval}, {_short(first['mean_size'])}", *sizes
        ]  # fmt: skip


def _novelty(record: Record) -> Iterable[Sequence[str]]:
    groups: dict[tuple[str, str], list[Record]] = {}
    for row in record["novelty"]:
        kind = "a class left out" if row["foreign"].startswith("class ") else "other sets and noise"
        groups.setdefault((row["known"], kind), []).append(row["auroc"])
    for (known, kind), found in groups.items():
        scores = [
            f"{mean(each[method] for each in found):.3f}"
            for method in ("knn", "mahalanobis", "energy", "probability")
        ]
        yield [known, f"{kind} (mean of {len(found)})", *scores]


def _pointing(record: Record) -> Iterable[Sequence[str]]:
    names = {"center": "the center of the image", "random": "a random pixel"}
    for row in record["rows"]:
        seconds, correlation = row["seconds_per_image"], row["correlation_with_random_head"]
        yield [
            names.get(row["method"], f"`{row['method']}`"),
            f"{row['hit_rate']:.2f}",
            f"{row['energy']:.2f}",
            f"{seconds:.2f}" if seconds else "",
            "" if correlation is None else f"{correlation:.2f}",
        ]


def _leaks(record: Record) -> Iterable[Sequence[str]]:
    for row in record["rows"]:
        random, grouped = (mean(row[name]) for name in ("at_random", "by_group"))
        spread = f"{grouped:.3f} ({min(row['by_group']):.3f} to {max(row['by_group']):.3f})"
        test = mean([*row["test_at_random"], *row["test_by_group"]])
        fall = f"{grouped - random:+.3f}".replace("-", "−")
        yield [row["classifier"], f"{random:.3f}", spread, fall, f"{test:.3f}"]


def _folds(record: Record) -> Iterable[Sequence[str]]:
    for row in record["folds"]:
        cells = [_with_interval(row[name]) for name in ("accuracy", "balanced_accuracy")]
        pixels = " × ".join(map(str, row["pixels"]))
        trained = f"{row['per_class']} × {row['epochs']}"
        yield [row["backbone"], pixels, trained, *cells, f"{row['seconds'] / 60:.0f} min"]


def _trained_sets(record: Record) -> Iterable[Sequence[str]]:
    seeds: defaultdict[str, list[Record]] = defaultdict(list)
    for row in record["rows"]:
        command = f"`train {row['folder']}"
        command += " --quality best" if row["quality"] == "best" else ""
        command += f" --minutes {row['asked']:g}" if row["asked"] else ""
        tests = [
            _with_interval(row["test"]),
            *(f"{name}: {_with_interval(value)}" for name, value in row["others"].items()),
        ]
        command += "`"
        seeds[command].append(row)
        yield [
            f"{command}, seed {row['seed']}", _with_interval(row["validation"]),
            "; ".join(tests), _with_interval(row["balanced"]), row["size"],
            f"{row['calibration_error']:.3f}", f"{row['minutes']:.1f}",
        ]  # fmt: skip
    for command, rows in seeds.items():
        if len(rows) == 1:
            continue
        parts = [[row[name][0] for row in rows] for name in ("validation", "test", "balanced")]
        yield [
            f"{command}, mean of {len(rows)} seeds (lowest to highest)",
            *(_with_interval((mean(values), min(values), max(values))) for values in parts),
            "",
            f"{mean(row['calibration_error'] for row in rows):.3f}",
            f"{mean(row['minutes'] for row in rows):.1f}",
        ]


def _recipe_choices(record: Record) -> Iterable[Sequence[str]]:
    for row in record["choices"]:
        yield [
            f"{row['folder']}, {row['trained_on']:,} images", row["change"],
            _with_interval(row["accuracy"]), f"{row['loss']:.3f}",
        ]  # fmt: skip


def _with_interval(value: Sequence[float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*value)


def _time_to_accuracy(record: Record) -> Iterable[Sequence[str]]:
    for target in record["targets"]:
        ours = _first(record["curves"]["train"], target)
        for name, points in record["curves"].items():
            point = _first(points, target)
            if point is None:
                best = max((each["accuracy"] for each in points), default=0.0)
                minutes = max((each["seconds"] for each in points), default=0.0) / 60
                yield [f"{target}", name, f"not in {minutes:.0f} min ({best:.3f})", "", ""]
                continue
            ratio = point["seconds"] / ours["seconds"] if ours else None
            seconds = [f"{point[each]:.0f} s" for each in ("seconds", "processor_seconds")]
            yield [f"{target}", name, *seconds, f"{ratio:.2f} ×" if ratio else ""]


def _first(points: Sequence[Record], target: float) -> Record | None:
    return next((each for each in points if each["accuracy"] >= target), None)


def _device(record: Record) -> Iterable[Sequence[str]]:
    for row in record["rows"]:
        speeds = [_short(row[name]) for name in ("augmented", "on_cpu", "on_device")]
        yield [row["precision"], str(row["cores"]), *speeds]


def _studies(record: Record) -> Iterable[Sequence[str]]:
    for row in record["rows"]:
        accuracy, seconds = _with_interval(row["accuracy"]), f"{row['seconds']:.0f} s"
        yield [f"`{row['study']}`", str(row["trials"]), row["best"], accuracy, seconds]


TABLES = {
    "copies_found": Table(
        ("copies",), ("altered copies", "all with all", "near pivots"), _copies_found
    ),
    "copies_time": Table(("copies",), ("images", "all with all", "near pivots"), _copies_time),
    "readme": Table(
        ("input_pipeline", "fine_tuning"), ("what", "ours", "Keras", "ratio"), _readme
    ),
    "bounds": Table(("startup", "r_overhead"), ("what", "measured", "against"), _bounds),
    "folded_batch_norm": Table(
        ("folded_batch_norm",), ("one image", "ours", "against", "", "ratio"), _folded
    ),
    "augmentations": Table(
        ("augmentations",), ("step", "120×160", "Keras", "224×224", "Keras"), _augmentations
    ),
    "large_sets": Table(
        ("large_sets",), ("", "100,000 files", "1,000,000 files", "growth", "memory"), _large_sets
    ),
    "image_quality": Table(
        ("image_quality",),
        (
            "set", "found as it is", "one color", "brightness / 5", "brightness × 3",
            "blur by 2 % of the side", "by 4 %", "time of reading",
        ),
        _quality,
    ),
    "label_errors": Table(
        ("label_errors",),
        (
            "set", "replaced", "probes agree with labels", "suspects", "precision", "recall",
            "precision of the first 5 %",
        ),
        _planted,
    ),
    "coverage": Table(
        ("doubt",),
        ("promised 0.9", "accuracy", "LAC: measured, size", "LAC by class", "APS"),
        _coverage,
    ),
    "novelty": Table(
        ("doubt",),
        (
            "AUROC, trained on", "foreign", "nearest neighbours", "Mahalanobis", "energy",
            "largest probability",
        ),
        _novelty,
    ),
    "pointing_game": Table(
        ("pointing_game",), ("", "hits", "energy", "seconds per image", "random head"), _pointing
    ),
    "leaks": Table(
        ("leaks",),
        ("classifier", "validation at random", "validation by group", "drop", "TEST, not in TRAIN"),
        _leaks,
    ),
    "grouped_folds": Table(
        ("grouped_folds",),
        (
            "backbone", "pixels", "images of a class × epochs", "accuracy", "balanced accuracy",
            "time",
        ),
        _folds,
    ),
    "trained_sets": Table(
        ("trained_sets",),
        (
            "command", "validation", "test", "balanced accuracy", "test images",
            "calibration error", "minutes",
        ),
        _trained_sets,
    ),
    "recipe_choices": Table(
        ("recipe_choices",),
        ("set", "changed", "validation accuracy", "validation loss"),
        _recipe_choices,
    ),
    "time_to_accuracy": Table(
        ("time_to_accuracy",),
        ("accuracy", "script", "time", "processor time", "against `train`"),
        _time_to_accuracy,
    ),
    "device_augmentation": Table(
        ("device_augmentation",),
        (
            "precision", "cores", "augmented by the CPU alone", "trained, augmented on the CPU",
            "trained, augmented on the device",
        ),
        _device,
    ),
    "study_quick_forms": Table(
        ("study_quick_forms",), ("study", "trials", "best", "test accuracy", "time"), _studies
    ),
}  # fmt: skip
