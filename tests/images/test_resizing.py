import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pykeras_tl.images.decoding import resizing


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
