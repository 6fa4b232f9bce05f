"""A folder of drawn blood cells, laid out as the blood-cell study's own data."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from ...storage.atomic_files import atomic_directory
from .smear import generate_smear
from .white_cells import CELL_KINDS

RECORD = "drawn.json"
_QUALITY = 90


def generate_blood_cells(
    directory: str | os.PathLike[str],
    train: int = 300,
    test: int = 100,
    test_simple: int = 20,
    seed: int = 0,
    size: tuple[int, int] = (240, 320),
) -> Path:
    """Draw a blood-cell data set: JPEG files in three parts, each with four classes.

    The folders are TRAIN, TEST and TEST_SIMPLE, and in each EOSINOPHIL, LYMPHOCYTE, MONOCYTE
    and NEUTROPHIL. The same seed gives the same files whatever the number of threads, and more
    images of a class leave its first ones as they were. The folder appears when it is
    complete. A folder that already holds this very drawing is left as it is.

    Args:
        directory: The folder to make.
        train: Images of each class in TRAIN; 0 leaves the part out.
        test: Images of each class in TEST.
        test_simple: Images of each class in TEST_SIMPLE.
        seed: Number that determines the drawing, 0 or more.
        size: Height and width of the images in pixels, 24 or more each.

    Returns:
        The folder's path.

    Raises:
        FileExistsError: When the folder holds something else.
        ValueError: When a count is below 0, all are 0, or the size or seed is out of range.
        OSError: When the folder cannot be written or the disk is full.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "cells"
        >>> drawn = generate_blood_cells(folder, train=2, test=1, test_simple=0, size=(60, 80))
        >>> sorted(path.name for path in drawn.iterdir())
        ['TEST', 'TRAIN', 'drawn.json']
        >>> len(list(drawn.glob("TRAIN/*/*.jpeg")))
        8
    """
    parts = {"TRAIN": train, "TEST": test, "TEST_SIMPLE": test_simple}
    _check(parts, seed, size)
    target = Path(directory).expanduser().absolute()
    record = {"drawn": "blood cells", "images": parts, "seed": seed, "size": list(size)}
    if _is_there(target, record):
        return target
    images = [
        (part, kind, number)
        for part, count in parts.items()
        for kind in CELL_KINDS
        for number in range(count)
    ]
    with atomic_directory(target) as folder:
        for part, kind, number in images:
            if number == 0:
                (folder / part / kind).mkdir(parents=True)

        def draw(image: tuple[str, str, int]) -> None:
            part, kind, number = image
            path = folder / part / kind / f"{number:05}.jpeg"
            _save(path, generate_smear(kind, _random(seed, part, kind, number), size))

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            done = threads.map(draw, images)
            console = Console(stderr=True)
            try:
                for _ in track(
                    done,
                    "Drawing blood cells",
                    total=len(images),
                    console=console,
                    disable=not console.is_terminal,
                ):
                    pass
            finally:
                threads.shutdown(cancel_futures=True)
        (folder / RECORD).write_text(json.dumps(record, indent=2))
    return target


def _random(seed: int, part: str, kind: str, number: int) -> np.random.Generator:
    # Each image has a stream of its own, so that neither threads nor counts change it.
    name = int.from_bytes(f"{part}/{kind}".encode(), "big")
    return np.random.default_rng([seed, name, number])


def _save(path: Path, image: np.ndarray) -> None:
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    path.write_bytes(cv2.imencode(".jpeg", image[..., ::-1], settings)[1].tobytes())


def _check(parts: dict[str, int], seed: int, size: tuple[int, int]) -> None:
    for part, count in parts.items():
        if count < 0:
            raise ValueError(f"{part.lower()}={count} images; expected 0 or more.")
    if not any(parts.values()):
        raise ValueError("No images asked for; train, test and test_simple are all 0.")
    if seed < 0:
        raise ValueError(f"seed={seed}; expected 0 or more.")
    if len(size) != 2 or min(size) < 24:
        raise ValueError(f"size={size}; expected a height and width of 24 pixels or more.")


def _is_there(target: Path, record: dict[str, object]) -> bool:
    """Tell whether `target` holds this drawing already; refuse anything else in it."""
    if target.is_file():
        raise FileExistsError(f"{target} is a file; name a folder to draw into.")
    if not target.is_dir() or not any(target.iterdir()):
        return False
    try:
        there = json.loads((target / RECORD).read_text())
    except (OSError, ValueError):
        raise FileExistsError(
            f"{target} holds something that was not drawn here; name another folder."
        ) from None
    if isinstance(there, dict) and "pictures" in there:
        there["images"] = there.pop("pictures")  # As earlier versions called them.
    if there != record:
        raise FileExistsError(
            f"{target} holds another drawing ({there}); this one would be {record}. "
            "Name another folder, or remove that one."
        )
    counts = record["images"]
    assert isinstance(counts, dict)
    missing = len(CELL_KINDS) * sum(counts.values()) - len(list(target.glob("*/*/*.jpeg")))
    if missing:
        raise FileExistsError(
            f"{target} holds this drawing with {missing} images missing; remove it and draw anew."
        )
    return True
