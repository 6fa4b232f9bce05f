import io
import pathlib

import numpy as np
import pytest
from keras import utils
from PIL import Image

from pykeras_tl import images


@pytest.mark.parametrize("name", ["rgb.jpg", "rgba.png", "deep.png", "palette.png", "rgb.bmp"])
def test_load_img(kinds, name):
    for how in ({}, {"target_size": (20, 30), "interpolation": "bicubic"}, {"color_mode": "rgba"}):
        path = kinds / name
        for source in (path, str(path), str(path).encode(), io.BytesIO(path.read_bytes())):
            expected = utils.load_img(io.BytesIO(path.read_bytes()), **how)
            found = images.load_img(source, **how)
            assert (found.mode, found.size) == (expected.mode, expected.size)
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    with pytest.raises(TypeError, match="int"):
        images.load_img(3)


@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
def test_img_to_array(data_format):
    for image in (Image.new("RGB", (4, 3), 7), Image.new("L", (4, 3), 9), Image.new("I", (4, 3))):
        for dtype in (None, "float64", "uint8"):
            expected = utils.img_to_array(image, data_format, dtype)
            found = images.img_to_array(image, data_format, dtype)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
    with pytest.raises(ValueError, match="rank 2 or 3"):
        images.img_to_array(np.zeros(3))
    with pytest.raises(ValueError, match="data_format"):
        images.img_to_array(np.zeros((3, 3)), "channels_middle")


@pytest.mark.parametrize("scale", [True, False])
def test_array_to_img(scale):
    random = np.random.default_rng(0)
    for channels in (1, 3, 4):
        for low, high in ((0, 255), (0, 1), (3, 3)):
            x = random.uniform(low, high, (5, 6, channels))
            expected, found = (f(x, scale=scale) for f in (utils.array_to_img, images.array_to_img))
            assert found.mode == expected.mode
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    first = random.uniform(0, 255, (3, 5, 6))
    np.testing.assert_array_equal(
        np.asarray(images.array_to_img(first, "channels_first")),
        np.asarray(utils.array_to_img(first, "channels_first")),
    )
    assert images.array_to_img(np.full((2, 2, 1), 300.0), scale=False).mode == "I"
    with pytest.raises(ValueError, match="Received: 2"):
        images.array_to_img(np.zeros((3, 3, 2)))
    with pytest.raises(ValueError, match="rank 3"):
        images.array_to_img(np.zeros((3, 3)))


def test_save_img(tmp_path):
    x = np.random.default_rng(0).uniform(0, 255, (6, 5, 3))
    for name in ("1.png", "1.jpg", "1.bmp"):
        ours, theirs = tmp_path / name, tmp_path / f"keras-{name}"
        images.save_img(ours, x)
        utils.save_img(theirs, x)
        assert ours.read_bytes() == theirs.read_bytes()
    with pytest.warns(UserWarning, match="JPEG format does not support RGBA"):
        images.save_img(pathlib.Path(tmp_path / "4.jpg"), np.ones((4, 4, 4)))
