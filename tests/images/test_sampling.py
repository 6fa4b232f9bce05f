import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasGenerator

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.images.transforms.sampling import sample_batch_params, sample_params

shifts = st.sampled_from(
    [0, 0.0, 0.3, 1.0, 2.5, 3, -0.2, -2, np.float64(0.2), np.int64(4), [-3, 1, 4], (0.1, 0.3), [-2]]
)
RANGES = st.fixed_dictionaries(
    {
        "rotation_range": st.sampled_from([0, 10, 33.5]),
        "width_shift_range": shifts,
        "height_shift_range": shifts,
        "shear_range": st.sampled_from([0.0, 0.3, 20]),
        "zoom_range": st.sampled_from([0.0, 0.2, [0.5, 1.5], (1, 1), [1, 1.0]]),
        "channel_shift_range": st.sampled_from([0.0, 40.0]),
        "brightness_range": st.sampled_from([None, (0.5, 1.5), [1, 2]]),
        "horizontal_flip": st.booleans(),
        "vertical_flip": st.booleans(),
        "data_format": st.sampled_from(["channels_last", "channels_first"]),
    }
)


@settings(max_examples=150, deadline=None)
@given(RANGES, st.integers(0, 2**32 - 1))
def test_draws_are_keras_draws(ranges, seed):
    shape = (3, 41, 60) if ranges["data_format"] == "channels_first" else (41, 60, 3)
    ours, theirs = ImageDataGenerator(**ranges), KerasGenerator(**ranges)
    assert ours.get_random_transform(shape, seed) == theirs.get_random_transform(shape, seed)
    # Without a seed the draws go on from there.
    assert ours.get_random_transform(shape) == theirs.get_random_transform(shape)


@settings(max_examples=150, deadline=None)
@given(RANGES, st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_many_at_once_are_many_one_by_one(ranges, seed, count):
    generator = ImageDataGenerator(**ranges)
    at_once, one_by_one = np.random.RandomState(seed), np.random.RandomState(seed)
    many = sample_batch_params(generator, 41, 60, count, at_once)
    for number in range(count):
        assert many.one(number) == sample_params(generator, 41, 60, one_by_one)
    assert at_once.random_sample() == one_by_one.random_sample()


@pytest.mark.parametrize("value", ["wide", [[0.1, 0.2]], None, [0.1, "a"]])
def test_what_no_shift_can_be_drawn_from_is_refused(value):
    with pytest.raises(ValueError, match="Expected width_shift_range to be"):
        ImageDataGenerator(width_shift_range=value)
