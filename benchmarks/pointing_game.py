"""Whether saliency maps are bright where the evidence is: the pointing game on planted marks.

Images of blood smears are drawn; half of them get a small green square at a random place, and a
network learns from scratch to tell these apart. For test images with a mark, the map of the class
"marked" has to be brightest on the mark: a hit. The tolerance is a sixteenth of the image's
shorter side, about that of Zhang et al., 2018 (15 pixels). `energy` is the share of the map that
lies on the mark, as in the paper of Score-CAM. A center and a random pixel stand for no knowledge.

The last column is the sanity check of Adebayo et al., 2018: the median rank correlation of the
maps with those of the same network whose last layer has random weights, over eight of them.

    python -m benchmarks.pointing_game [--json FILE]
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from scipy.stats import spearmanr

from benchmarks.measuring import save
from pykeras_tl.explanation import saliency_maps
from pykeras_tl.images.synthetic import generate_smear
from pykeras_tl.models import blood_cells

_SIZE, _SIDE = (96, 128), 10
_TOLERANCE = min(_SIZE) // 16
# Random heads, and images that each is asked about.
_HEADS, _FEW = 8, 8
_KINDS = ("EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE", "NEUTROPHIL")
# Index of the last activation but one of `blood_cells.modern`.
_EARLIER = -9
_GREEN = np.array([40, 150, 70])
# Each method at the default layer, whose maps have 6 × 8 pixels, and two one stage before.
_METHODS: tuple[tuple[str, int | None], ...] = (
    ("grad_cam", None),
    ("grad_cam", _EARLIER),
    ("grad_cam++", None),
    ("grad_cam++", _EARLIER),
    ("score_cam", None),
    ("occlusion", None),
)


@dataclass
class Result:
    """What one method reached."""

    method: str
    images: int
    hit_rate: float
    energy: float
    seconds_per_image: float
    correlation_with_random_head: float | None = None


def draw(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw images from 0 to 1, their classes, and the corners of the marks."""
    images = np.zeros((count, *_SIZE, 3), "float32")
    classes = np.arange(count) % 2
    corners = np.stack([random.integers(0, side - _SIDE, count) for side in _SIZE], axis=1)
    for image, marked, (row, column) in zip(images, classes, corners):
        image[:] = generate_smear(str(random.choice(_KINDS)), random, _SIZE)
        if marked:
            part = image[row : row + _SIDE, column : column + _SIDE]
            part[:] = 0.3 * part + 0.7 * (_GREEN + random.normal(0, 10, part.shape))
    return images.clip(0, 255) / 255, classes, corners


def train(images: np.ndarray, classes: np.ndarray, epochs: int) -> keras.Model:
    """Train the network to find the mark."""
    model = blood_cells.modern(classes=2, seed=0)
    model.compile(
        keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, classes, batch_size=32, epochs=epochs, verbose=2)
    return model


def score(maps: np.ndarray, corners: np.ndarray) -> tuple[float, float]:
    """Return the hit rate and the share of the maps on the marks."""
    hits, energies = [], []
    for each, (row, column) in zip(maps, corners):
        y, x = np.unravel_index(each.argmax(), each.shape)
        hits.append(
            row - _TOLERANCE <= y < row + _SIDE + _TOLERANCE
            and column - _TOLERANCE <= x < column + _SIDE + _TOLERANCE
            and each.max() > 0
        )
        total = each.sum()
        inside = each[row : row + _SIDE, column : column + _SIDE].sum()
        energies.append(inside / total if total else 0.0)
    return float(np.mean(hits)), float(np.mean(energies))


def with_random_head(model: keras.Model, random: np.random.Generator) -> keras.Model:
    """Copy the network with random weights in its last layer."""
    changed = keras.models.clone_model(model)
    changed.set_weights(model.get_weights())
    last = changed.layers[-1]
    last.set_weights([random.normal(size=each.shape) for each in last.get_weights()])
    return changed


def measure(model: keras.Model, images: np.ndarray, corners: np.ndarray) -> list[Result]:
    """Play the game with each method, and with two that know nothing."""
    random = np.random.default_rng(1)
    count = len(images)
    center = np.zeros((count, *_SIZE))
    center[:, _SIZE[0] // 2, _SIZE[1] // 2] = 1
    guesses = {"center": center, "random": random.uniform(size=(count, *_SIZE))}
    results = [Result(name, count, *score(maps, corners), 0.0) for name, maps in guesses.items()]
    changed = [with_random_head(model, random) for _ in range(_HEADS)]
    for method, layer in _METHODS:
        begin = perf_counter()
        maps = saliency_maps(model, images, 1, method, layer)
        seconds = (perf_counter() - begin) / count
        correlations = [
            float(spearmanr(one.ravel(), two.ravel()).statistic) if two.any() and one.any() else 0.0
            for each in changed
            for one, two in zip(maps, saliency_maps(each, images[:_FEW], 1, method, layer))
        ]
        median = float(np.median(correlations))
        name = method if layer is None else f"{method}, earlier"
        results.append(Result(name, count, *score(maps, corners), seconds, median))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--train", type=int, default=600, help="images to learn from")
    parser.add_argument("--test", type=int, default=120, help="images, half of them marked")
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    images, classes, _ = draw(options.train, random)
    model = train(images, classes, options.epochs)
    images, classes, corners = draw(options.test, random)
    accuracy = float(model.evaluate(images, classes, verbose=0)[1])
    print(f"accuracy on {options.test} images: {accuracy:.3f}")
    marked = classes == 1
    results = measure(model, images[marked], corners[marked])
    print(f"{'method':<20}{'hits':>8}{'energy':>8}{'s/image':>9}{'random head':>13}")
    for each in results:
        correlation = each.correlation_with_random_head
        last = "" if correlation is None else f"{correlation:13.2f}"
        print(
            f"{each.method:<20}{each.hit_rate:8.2f}{each.energy:8.2f}"
            f"{each.seconds_per_image:9.3f}{last}"
        )
    save(options.json, accuracy=accuracy, rows=[asdict(each) for each in results])


if __name__ == "__main__":
    main()
