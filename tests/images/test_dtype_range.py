"""Images of 16 bits and of floating-point numbers keep their contents with `dtype_range`."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import ImageDataGenerator
from pykeras_tl.images import duplicate_groups
from pykeras_tl.images.decoding.reading import BadImageError, read_image
from pykeras_tl.images.decoding.thumbnails import read_thumbnail
from pykeras_tl.training.feature_cache.keys import settings_key

SHAPE = (7, 9)
GRAY = np.array([0.299, 0.587, 0.114])


def values_of(kind: str) -> np.ndarray:
    random = np.random.default_rng(3)
    if kind == "float":
        return random.random(SHAPE).astype("float32")
    if kind == "int32":
        return random.integers(-5, 2**31, SHAPE).astype("int32")
    channels = {"gray": (), "rgb": (3,), "rgba": (4,)}[kind]
    return random.integers(0, 65536, (*SHAPE, *channels)).astype("uint16")


def saved(path: Path, values: np.ndarray) -> Path:
    channels = values.shape[2] if values.ndim == 3 else 1
    orders = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    stored = cv2.cvtColor(values, orders[channels]) if channels > 1 else values
    if values.dtype in (np.float32, np.int32):
        Image.fromarray(values).save(path)
    else:
        assert cv2.imwrite(str(path), stored)
    return path


def slowly(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale in the plainest way."""
    return np.clip((values.astype("float64") - low) / (high - low) * 255, 0, 255)


@pytest.mark.parametrize("dtype_range", ["dtype", (1000, 40_000)])
@pytest.mark.parametrize(
    ("kind", "ending", "largest"),
    [
        ("gray", "png", 65535),
        ("gray", "tif", 65535),
        ("rgb", "png", 65535),
        ("rgb", "tif", 65535),
        ("int32", "tif", 2**31 - 1),
        ("float", "tif", 1),
    ],
)
def test_values_are_those_of_the_slow_form(tmp_path, kind, ending, largest, dtype_range):
    values = values_of(kind)
    if kind == "float" and dtype_range != "dtype":
        values = values * 50_000
    path = saved(tmp_path / f"deep.{ending}", values)
    low, high = (0, largest) if dtype_range == "dtype" else dtype_range
    expected = slowly(values, low, high)
    pixels = read_image(path, dtype_range=dtype_range)
    assert pixels.dtype == np.uint8
    colors = expected if kind == "rgb" else np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_allclose(pixels, colors, atol=0.501)
    gray = read_image(path, "grayscale", dtype_range=dtype_range)
    in_gray = colors @ GRAY
    np.testing.assert_allclose(gray[..., 0], in_gray, atol=1.01)
    rgba = read_image(path, "rgba", dtype_range=dtype_range)
    assert np.array_equal(rgba[..., :3], pixels)
    assert (rgba[..., 3] == 255).all()


def test_alpha_is_not_scaled_by_the_colors_range(tmp_path):
    values = values_of("rgba")
    pixels = read_image(saved(tmp_path / "deep.png", values), "rgba", dtype_range=(0, 4095))
    np.testing.assert_allclose(pixels[..., :3], slowly(values[..., :3], 0, 4095), atol=0.501)
    np.testing.assert_allclose(pixels[..., 3], slowly(values[..., 3], 0, 65535), atol=0.501)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_8_bit_files_stay_as_they_are_or_follow_a_pair(tmp_path, ending, color_mode):
    path = tmp_path / f"plain.{ending}"
    pixels = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    plain = read_image(path, color_mode)
    assert np.array_equal(read_image(path, color_mode, dtype_range="dtype"), plain)
    halved = read_image(path, color_mode, dtype_range=(0, 510))
    colors = slice(0, 3)
    np.testing.assert_allclose(halved[..., colors], plain[..., colors] / 2, atol=0.501)
    if color_mode == "rgba":
        assert (halved[..., 3] == 255).all()


def test_what_is_not_a_number_becomes_black(tmp_path):
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]], "float32")
    pixels = read_image(saved(tmp_path / "holes.tif", values), dtype_range="dtype")
    assert pixels[0, :, 0].tolist() == [0, 255, 0, 128]


def test_a_color_layout_that_only_pillow_knows_is_read_with_8_bits(tmp_path, monkeypatch):
    values = values_of("rgb")
    path = saved(tmp_path / "deep.png", values)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    pixels = read_image(path, dtype_range=(0, 32_000))
    np.testing.assert_allclose(pixels, slowly(values, 0, 32_000), atol=2.1)


def test_damaged_deep_files_say_so(tmp_path):
    content = io.BytesIO()
    Image.fromarray(values_of("gray")).save(content, "PNG")
    path = tmp_path / "cut.png"
    path.write_bytes(content.getvalue()[:-60])
    with pytest.raises(BadImageError, match=r"cut\.png"):
        read_image(path, dtype_range="dtype")


@pytest.mark.parametrize("wrong", ["float", (1, 1), (5, 2), (0, np.inf), (1, 2, 3), 255])
def test_wrong_ranges_are_refused(tmp_path, wrong):
    path = saved(tmp_path / "deep.png", values_of("gray"))
    with pytest.raises(ValueError, match="Expected dtype_range to be None"):
        read_image(path, dtype_range=wrong)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, kind in enumerate(["gray", "rgb", "gray", "rgb"]):
        place = tmp_path / "deep" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        saved(place / f"{number}.png", values_of(kind) // 16)
    return tmp_path / "deep"


@pytest.mark.parametrize("cache", [True, False])
def test_flows_scale_in_every_epoch(folder, cache):
    settings = {"target_size": SHAPE, "shuffle": False, "cache": cache}
    generator = ImageDataGenerator()
    raw = generator.flow_from_directory(folder, **settings)
    low = generator.flow_from_directory(folder, dtype_range=(0, 4095), **settings)
    files = pd.DataFrame({"filename": raw.filepaths, "class": ["a", "a", "b", "b"]})
    table = generator.flow_from_dataframe(files, dtype_range=[0, 4095], **settings)
    full = generator.flow_from_directory(folder, dtype_range="dtype", **settings)
    expected = np.stack([read_image(path, dtype_range=(0, 4095)) for path in raw.filepaths])
    assert expected.std() > 50
    for _ in range(2):
        # In turns: each must find its own pixels in the cache.
        blank = next(raw)[0][:2]
        np.testing.assert_array_equal(next(low)[0], expected)
        np.testing.assert_array_equal(next(table)[0], expected)
        np.testing.assert_allclose(next(full)[0], expected / 16, atol=0.6)
        assert np.mean(blank == 255) > 0.8


def test_the_range_is_part_of_fingerprint_and_keys(folder):
    def flow(**settings):
        return ImageDataGenerator().flow_from_directory(folder, target_size=SHAPE, **settings)

    flows = [flow(), flow(dtype_range="dtype"), flow(dtype_range=(0, 4095))]
    assert len({each.fingerprint() for each in flows}) == 3
    assert len({settings_key(each) for each in flows}) == 3
    assert flow(dtype_range=[0, 4095]).fingerprint() == flows[2].fingerprint()


def test_deep_images_are_no_copies_because_they_are_white_in_eight_bits(tmp_path):
    random = np.random.default_rng(0)
    values = [random.integers(1000, 4096, (40, 40)).astype("uint16") for _ in range(3)]
    names = [
        saved(tmp_path / f"{number}.png", image)
        for number, image in enumerate([*values, values[0][:, ::-1]])
    ]
    assert all((read_image(name) == 255).all() for name in names)
    table = pd.DataFrame({"filename": list(map(str, names))})
    assert duplicate_groups(table)["group"].tolist() == [0, 1, 2, 0]
    assert 100 < read_thumbnail(names[0]).mean() < 155
