import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pykeras_tl.images.decoding import resampling, resizing

FILTERS = [name for name in resizing.INTERPOLATIONS if name != "nearest"]
SIZES = st.tuples(*[st.integers(1, 200)] * 2)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 400)] * 2), st.tuples(*[st.integers(1, 300)] * 2), st.integers())
def test_nearest_takes_pillows_pixels(size, target, seed):
    random = np.random.default_rng(abs(seed))
    image = random.integers(0, 256, (*size, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize(target[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(resizing.resize(image, target), expected)


def test_the_way_without_opencv_takes_the_same_pixels(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (61, 47, 3), np.uint8)
    fast = resizing.resize(image, (33, 80))
    indices = resizing._nearest_indices
    monkeypatch.setattr(resizing, "_nearest_indices", lambda *axis: (indices(*axis)[0], False))
    np.testing.assert_array_equal(resizing.resize(image, (33, 80)), fast)


@settings(max_examples=150, deadline=None)
@given(
    SIZES,
    st.one_of(SIZES, st.none()),
    st.sampled_from(["nearest", *FILTERS]),
    st.booleans(),
    st.sampled_from([(), (3,), (4,)]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_pixels_are_pillows(size, target, method, keep, channels, two_levels, seed):
    target = target or (max(1, size[0] // 2), max(1, size[1] // 2))  # Sums exactly halfway.
    image = np.random.default_rng(seed).integers(0, 256, (*size, *channels), np.uint8)
    if two_levels:  # Far beyond 0..255 between them.
        image = np.where(image < 128, np.uint8(0), np.uint8(255))
    box = resizing.crop_box(size, target, keep)
    expected = Image.fromarray(image)
    if size != target:
        expected = expected.resize(target[::-1], resizing.INTERPOLATIONS[method], box)
    np.testing.assert_array_equal(
        resizing.resize(image, target, method, keep), np.asarray(expected)
    )


@pytest.mark.parametrize("method", FILTERS)
def test_usual_images_are_resized_without_pillow(method):
    image = np.zeros((240, 320, 3), np.uint8)
    for target in ((120, 160), (224, 224)):
        filter_ = resizing.INTERPOLATIONS[method]
        assert resampling.resample(image, target, filter_, (0, 0, 320, 240)) is not None


def test_few_sums_at_a_time_are_the_same(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    expected = resizing.resize(image, (40, 50), "lanczos")
    monkeypatch.setattr(resampling, "_MOST_VALUES", 1)
    np.testing.assert_array_equal(resizing.resize(image, (40, 50), "lanczos"), expected)
