import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from pykeras_tl import images
from pykeras_tl.images.transforms.color import brightness_table


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([1, 3, 4]),
    st.sampled_from([(0, 255), (-20, 200), (10, 400), (5, 5), (0, 1)]),
    st.floats(0, 3),
    st.booleans(),
    st.integers(0, 100),
)
def test_brightness_is_keras_brightness(channels, bounds, brightness, scale, seed):
    x = np.random.default_rng(seed).uniform(*bounds, (7, 9, channels)).astype(np.float32)
    expected = theirs.apply_brightness_shift(x, brightness, scale)
    found = images.apply_brightness_shift(x, brightness, scale)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("brightness", [0, 0.37, 1, 1.5, 2.7, -0.5])
def test_the_table_is_what_pillow_makes_of_a_image(brightness):
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    expected = np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(brightness))
    np.testing.assert_array_equal(brightness_table(brightness)[image], expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_channel_shift_is_keras_channel_shift(axis):
    x = np.random.default_rng(0).uniform(0, 255, (5, 3, 4)).astype(np.float32)
    for intensity in (-300.0, 0.0, 17.3):
        expected = theirs.apply_channel_shift(x, intensity, axis)
        found = images.apply_channel_shift(x, intensity, axis)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
        assert found.strides == expected.strides


def test_random_ones_draw_as_keras_does():
    x = np.random.default_rng(0).uniform(0, 255, (5, 6, 3)).astype(np.float32)
    for name, argument in (("random_channel_shift", 40.0), ("random_brightness", (0.5, 1.5))):
        np.random.seed(5)  # noqa: NPY002 Keras draws from NumPy's own.
        expected = getattr(theirs, name)(x, argument)
        np.testing.assert_array_equal(getattr(images, name)(x, argument, seed=5), expected)
    with pytest.raises(ValueError, match="two floats"):
        images.random_brightness(x, (1, 2, 3))
