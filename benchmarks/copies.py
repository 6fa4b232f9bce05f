"""How fast altered copies are found in a large set, and how many, near pivots and by comparing all.

Images of the folders, and copies of some of them that are altered in twelve ways, are searched by
comparing all with all, and near pivots. Then the time of finding candidates is measured among more
images, whose features are those of the real ones recombined and changed by noise.

    python -m benchmarks.copies blood-cells/TRAIN malaria skin cifar100/train
"""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from benchmarks.measuring import save
from pykeras_tl import list_images
from pykeras_tl.images import read_image
from pykeras_tl.images.duplicates import candidates, group_images
from pykeras_tl.images.duplicates.features import Features, describe
from pykeras_tl.images.threads import default_workers, parallel_for

_ALL, _PIVOTS = "all with all", "near pivots"
_LIMITS = {_ALL: 10**9, _PIVOTS: 0}
# Comparing more with each other takes too long to measure.
_MOST_COMPARED = 30_000
_CANDIDATES = 6


def _moved(
    image: np.ndarray, turn: float = 0, shift: float = 0, zoom: float = 1, edges: bool = False
) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    matrix[:, 2] += (shift * width, -0.75 * shift * height)
    border = cv2.BORDER_REPLICATE if edges else cv2.BORDER_CONSTANT
    return cv2.warpAffine(image, matrix, (width, height), borderMode=border)


def _recompressed(image: np.ndarray, quality: int = 30) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


ALTERATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "quarter turn": np.rot90,
    "recompressed": _recompressed,
    "brighter": lambda image: np.clip(image * 1.2 + 5, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "halved": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "turned": lambda image: _moved(image, turn=37),
    "turned, edges repeated": lambda image: _moved(image, turn=15, edges=True),
    "moved": lambda image: _moved(image, shift=0.2),
    "zoomed": lambda image: _moved(image, zoom=1.2),
    "all at once": lambda image: _recompressed(_moved(image[:, ::-1], 120, 0.1), 60),
}


@contextmanager
def searching(way: str) -> Iterator[None]:
    """Compare all with all, or near pivots, whatever the number of images."""
    before = candidates._EXHAUSTIVE
    candidates._EXHAUSTIVE = _LIMITS[way]
    try:
        yield
    finally:
        candidates._EXHAUSTIVE = before


def described(names: list[str], alter: bool = False) -> list[Features]:
    """Return the features of images, or of copies that are altered in turn in each of the ways."""
    features: dict[int, Features] = {}
    ways = list(ALTERATIONS.values())

    def work(number: int) -> None:
        image = read_image(names[number])
        if alter:
            image = np.ascontiguousarray(ways[number % len(ways)](image))
        features[number] = describe(image)

    parallel_for(work, len(names), default_workers())
    return [features[number] for number in range(len(names))]


def recombined(features: list[Features], count: int) -> list[Features]:
    """Return features of images that are no copies of each other, but have real statistics."""
    random = np.random.default_rng(0)
    pool = np.concatenate([entry.descriptors for entry in features])
    tiny = np.stack([entry.tiny for entry in features if entry.tiny.any()])
    made = []
    for number in random.integers(0, len(features), count):
        entry = features[number]
        chosen = pool[random.integers(0, len(pool), len(entry.points))]
        noisy = np.clip(chosen + np.rint(random.normal(0, 4, chosen.shape)), 0, 255)
        one, other = tiny[random.integers(0, len(tiny), 2)]
        mixed = 0.6 * one + 0.8 * other
        made.append(
            Features(
                random.bytes(16), entry.points, noisy.astype(np.uint8), entry.small,
                (mixed / np.linalg.norm(mixed)).astype(np.float32),
            )
        )  # fmt: skip
    return made


def seconds_for_candidates(features: list[Features]) -> float:
    """Return the processor's seconds for all candidates, with both passes over the words."""
    begin = process_time()
    candidates.candidates_by_thumbnail(features, _CANDIDATES)
    words = candidates.bow_tfidf(features)
    for _ in range(2):
        candidates.candidates_by_words(words, np.arange(len(features)), _CANDIDATES)
    return process_time() - begin


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with one folder per class")
    parser.add_argument("--images", type=int, default=10_000, help="at most, of each set")
    parser.add_argument("--copies", type=int, default=195, help="altered copies of each set")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    names: list[str] = []
    originals: list[int] = []
    for folder in given.folders:
        files = list_images(folder)["filename"].tolist()
        files = files[:: -(-len(files) // given.images)]
        step = max(1, len(files) // given.copies)
        originals += range(len(names), len(names) + len(files), step)[: given.copies]
        names += files
    features = described(names)
    copies = described([names[number] for number in originals], alter=True)
    found = {}
    for way in _LIMITS:
        begin = process_time()
        with searching(way):
            groups = group_images([*features, *copies])
        same = groups[originals] == groups[len(features) :]
        found[way] = {
            "seconds": process_time() - begin,
            "found": int(same.sum()),
            "by alteration": {
                name: f"{same[number :: len(ALTERATIONS)].sum()} of "
                f"{len(same[number :: len(ALTERATIONS)])}"
                for number, name in enumerate(ALTERATIONS)
            },
        }
        print(f"{way}, {len(groups):,} images: {found[way]}", flush=True)
    times = []
    for count in given.counts:
        made = recombined(features, count)
        for way in _LIMITS:
            if way == _PIVOTS or count <= _MOST_COMPARED:
                with searching(way):
                    seconds = seconds_for_candidates(made)
                times.append({"images": count, "way": way, "seconds": seconds})
                print(f"{count:,} images, {way}: {seconds:.1f} s", flush=True)
    save(given.json, found=found, times=times)


if __name__ == "__main__":
    main()
