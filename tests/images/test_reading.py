import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from keras.utils import img_to_array, load_img
from PIL import Image

from pykeras_tl.images.decoding import reading
from pykeras_tl.images.decoding.reading import BadImageError, read_image

NAMES = [
    "rgb.jpg", "subsampled.jpeg", "progressive.JPG", "cmyk.jpg", "gray.jpg", "rgb.png", "rgba.png",
    "gray.png", "gray-alpha.png", "palette.png", "deep.png", "bits.png", "clear.png", "rgb.bmp",
    "gray.bmp", "rgb.ppm", "rgba.tif", "turned.jpg",
]  # fmt: skip
OPENCV = ["rgb.jpg", "subsampled.jpeg", "progressive.JPG", "gray.jpg", "rgb.png", "gray.png"]


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_keras_pixels(kinds, name, color_mode):
    expected = img_to_array(load_img(kinds / name, color_mode=color_mode))
    found = read_image(kinds / name, color_mode)
    assert found.dtype.kind in "iu"
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
@pytest.mark.parametrize(
    "interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"]
)
@pytest.mark.parametrize("name", ["rgb.jpg", "rgba.png", "gray.png", "deep.png"])
def test_resized_pixels_are_keras_pixels(kinds, name, interpolation, keep_aspect_ratio):
    for color_mode in ("rgba", "grayscale"):
        for size in ((20, 33), (64, 17), (1, 90), (37, 52)):
            how = (color_mode, size, interpolation, keep_aspect_ratio)
            expected = img_to_array(load_img(kinds / name, *how))
            np.testing.assert_array_equal(read_image(kinds / name, *how), expected, str(how))


@pytest.mark.parametrize("name", OPENCV)
def test_common_files_take_the_fast_way(kinds, name, monkeypatch):
    monkeypatch.setattr(reading, "_decode_with_pillow", None)
    assert read_image(kinds / name).shape[2] == 3


def test_real_files_have_keras_pixels(real_data):
    files = [
        *sorted((real_data / "blood-cells" / "TEST_SIMPLE").glob("*/*"))[::9],
        *sorted((real_data / "malaria").glob("*/*"))[::500],
        *sorted((real_data / "skin").glob("*/*.jpg"))[::300],
    ]
    assert len(files) > 10
    for file in files:
        expected = img_to_array(load_img(file, target_size=(75, 60)))
        np.testing.assert_array_equal(read_image(file, target_size=(75, 60)), expected, str(file))


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def broken(kinds: Path, what: str) -> bytes:
    jpeg, good_png = (kinds / "rgb.jpg").read_bytes(), (kinds / "rgb.png").read_bytes()
    return {
        "empty": b"",
        "text": b"Not an image at all, but long enough.",
        "truncated jpeg": jpeg[: len(jpeg) // 2],
        "jpeg without its end": jpeg[:-40],
        "jpeg header only": jpeg[:30],
        "truncated png": good_png[: len(good_png) // 2],
        "damaged png": good_png[:900] + b"\xff\x00\xff" * 5 + good_png[915:],
        "truncated bmp": (kinds / "rgb.bmp").read_bytes()[:600],
        "gigantic png": png(200_000, 200_000),
        "png with too few rows": png(5000, 5000),
    }[what]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("empty", "is empty"),
        ("text", "is not a readable image"),
        ("truncated jpeg", "truncated"),
        ("jpeg without its end", "truncated"),
        ("jpeg header only", "cannot be decoded|is not a readable image"),
        ("truncated png", "cannot be decoded"),
        ("damaged png", "cannot be decoded"),
        ("truncated bmp", "truncated"),
        ("gigantic png", "too large"),
        ("png with too few rows", "truncated|cannot be decoded"),
    ],
)
def test_bad_files_are_named_with_the_reason(kinds, tmp_path, what, why):
    file = tmp_path / "cell.jpg"
    file.write_bytes(broken(kinds, what))
    with pytest.raises(BadImageError, match=why) as caught:
        read_image(file)
    assert str(file) in str(caught.value)


def test_gigantic_files_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_PIXELS", 100)
    Image.new("RGB", (20, 20)).save(tmp_path / "1.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "1.bmp")
    monkeypatch.setattr(reading.cv2, "imdecode", None)
    monkeypatch.setattr(Image.Image, "load", None)
    for name in ("1.png", "1.bmp"):
        with pytest.raises(BadImageError, match="20 × 20 pixels, at most 100"):
            read_image(tmp_path / name)
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    with pytest.raises(BadImageError, match="too large"):
        read_image(tmp_path / "1.png")


def test_a_folder_or_pipe_is_no_image(tmp_path):
    with pytest.raises(BadImageError, match="is not a file"):
        read_image(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(BadImageError, match="is not a file"):
            read_image(tmp_path / "pipe.jpg")
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.jpg")


def test_a_jpeg_with_something_after_its_end_is_read(kinds, tmp_path):
    (tmp_path / "1.jpg").write_bytes((kinds / "rgb.jpg").read_bytes() + b"\0" * 100)
    expected = img_to_array(load_img(tmp_path / "1.jpg"))
    np.testing.assert_array_equal(read_image(tmp_path / "1.jpg"), expected)


def test_unknown_settings_are_refused(kinds):
    with pytest.raises(ValueError, match="Received: 'cmyk'"):
        read_image(kinds / "rgb.jpg", "cmyk")
    with pytest.raises(ValueError, match="Received: 'cubic'"):
        read_image(kinds / "rgb.jpg", target_size=(5, 5), interpolation="cubic")


def test_an_image_in_memory(kinds):
    content = io.BytesIO((kinds / "rgba.png").read_bytes())
    assert reading.open_image(content, "grayscale").mode == "L"
    with pytest.raises(BadImageError, match="The image in memory"):
        reading.open_image(io.BytesIO(b"none"), "rgb")
