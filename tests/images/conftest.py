"""Small image files of many kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """Draw an image with every kind of edge: noise over patches."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (height // 5 + 1, width // 5 + 1, channels))
    image = np.kron(patches, np.ones((5, 5, 1)))[:height, :width]
    image += random.integers(-60, 61, image.shape) * (random.random(image.shape) < 0.5)
    return image.clip(0, 255).astype(np.uint8)


def write_kinds(folder: Path, seed: int = 0) -> None:
    """Write one file of each kind that the pipeline should read as Keras does."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb = Image.fromarray(noise(37, 52, 3, seed))
    rgba = Image.fromarray(noise(41, 23, 4, seed + 1))
    gray = Image.fromarray(noise(30, 31, 1, seed + 2)[..., 0])
    # Half of it below 256: where Pillow cuts it to 8 bits there, it must not be all one grey.
    deep = np.exp2(np.random.default_rng(seed).uniform(0, 16, (29, 40))).astype(np.uint16)
    rgb.save(folder / "rgb.jpg", quality=92)
    rgb.save(folder / "subsampled.jpeg", quality=60, subsampling=2)
    rgb.save(folder / "progressive.JPG", progressive=True)
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    gray.save(folder / "gray.jpg")
    rgb.save(folder / "rgb.png")
    rgba.save(folder / "rgba.png")
    gray.save(folder / "gray.png")
    gray.convert("LA").save(folder / "gray-alpha.png")
    rgb.quantize(17).save(folder / "palette.png")
    Image.fromarray(deep).save(folder / "deep.png")
    rgb.convert("1").save(folder / "bits.png")
    rgb.save(folder / "clear.png", transparency=(0, 0, 0))
    rgb.save(folder / "rgb.bmp")
    gray.save(folder / "gray.bmp")
    rgb.save(folder / "rgb.ppm")
    rgba.save(folder / "rgba.tif")
    turned = Image.Exif()
    turned[0x0112] = 6
    rgb.save(folder / "turned.jpg", exif=turned)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one image file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    write_kinds(folder)
    return folder


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two classes of images of every kind, one of them nested."""
    root = tmp_path_factory.mktemp("classes")
    write_kinds(root / "cat", seed=10)
    write_kinds(root / "dog" / "deeper", seed=20)
    (root / "dog" / "notes.txt").write_text("no image")
    for number in range(4):
        Image.fromarray(noise(33, 47, 3, 30 + number)).save(root / "dog" / f"{number}.png")
    return root
