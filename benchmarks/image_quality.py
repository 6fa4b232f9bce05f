"""How many images of a set `audit` calls blank, dark, blurred and so on, and how many it should.

Counts what is found in a set as it is, where most findings are false alarms if the set is clean,
and what is found after some of its images were spoilt. Measures what it adds to the time of
reading the images.

    python -m benchmarks.image_quality malaria skin blood-cells/TRAIN cifar100/train
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pandas as pd

from benchmarks.measuring import save
from pykeras_tl import list_images
from pykeras_tl.images.auditing.examine import examine
from pykeras_tl.images.auditing.quality import KINDS, Quality, find_quality_problems, measure
from pykeras_tl.images.decoding.reading import read_image
from pykeras_tl.images.duplicates.features import describe

_SPOILT = 200


def blurred(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a blur by a share of the longer side."""
    return lambda image: cv2.GaussianBlur(image, (0, 0), share * max(image.shape))


CHANGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "one color": ("blank", lambda image: np.full_like(image, image.mean())),
    "brightness / 5": ("dark", lambda image: image // 5),
    "brightness × 3": ("overexposed", lambda image: np.clip(image * 3.0, 0, 255).astype("uint8")),
    "blur by 2 %": ("blurred", blurred(0.02)),
    "blur by 4 %": ("blurred", blurred(0.04)),
}


def examined(folder: Path, count: int) -> pd.DataFrame:
    """Measure images of a set."""
    table = list_images(folder)
    table = table.sample(min(count, len(table)), random_state=0).reset_index(drop=True)
    contents, _ = examine(table["filename"].tolist(), workers=1)
    return table.assign(
        split="",
        width=[each.width for each in contents],
        height=[each.height for each in contents],
        **pd.DataFrame([each.quality for each in contents]),
    )


def shares(files: pd.DataFrame) -> dict[str, float]:
    """Return the share of images with each problem."""
    found = find_quality_problems(files)["problem"].value_counts()
    return {kind: found.get(kind, 0) / len(files) for kind in KINDS}


def after(files: pd.DataFrame, problem: str, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return the share of spoilt images that are found, among many that are not."""
    spoilt = files.head(_SPOILT)
    measures = [measure(describe(change(read_image(name))).small) for name in spoilt["filename"]]
    spoilt = spoilt.assign(**pd.DataFrame(measures, index=spoilt.index))
    rest = files.iloc[len(spoilt) :]
    found = find_quality_problems(pd.concat([spoilt, rest], ignore_index=True))
    # Spoilt so much that nothing is left, it is blank.
    named = found[found["problem"].isin([problem, "blank"])]
    return float(spoilt["filename"].isin(named["filename"]).mean())


def added_time(files: pd.DataFrame) -> tuple[float, float]:
    """Return the processor's seconds for one image of `examine`, and of the measures in it."""
    names = files["filename"].head(_SPOILT).tolist()
    thumbnails = [describe(read_image(name)).small for name in names]
    begin = process_time()
    examine(names, workers=1)
    between = process_time()
    for thumbnail in thumbnails:
        measure(thumbnail)
    return (between - begin) / len(names), (process_time() - between) / len(names)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with one folder per class")
    parser.add_argument("--count", type=int, default=3000, help="images of each set")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    report = []
    for folder in given.folders:
        files = examined(folder, given.count)
        whole, own = added_time(files)
        row = {
            "folder": str(folder),
            "images": len(files),
            "as it is": shares(files),
            "spoilt": {
                name: after(files, problem, change) for name, (problem, change) in CHANGES.items()
            },
            "milliseconds": {"reading": 1000 * whole, "measures": 1000 * own},
            "medians": {name: float(files[name].median()) for name in Quality._fields},
        }
        print(json.dumps(row), flush=True)
        report.append(row)
    save(given.json, sets=report)


if __name__ == "__main__":
    main()
