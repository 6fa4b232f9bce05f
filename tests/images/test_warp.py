import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pykeras_tl.images.transforms import scipy_warp
from pykeras_tl.images.transforms.color import apply_channel_shift
from pykeras_tl.images.transforms.warp import warp, warp_truncated

MODES = ["nearest", "reflect", "constant", "wrap"]


def oracle(image, matrix, mode, cval):
    return np.stack(
        [
            ndimage.affine_transform(
                image[..., c].astype(np.float32), matrix[:, :2], matrix[:, 2],
                order=1, mode=mode, cval=cval,
            )
            for c in range(image.shape[2])
        ],
        axis=2,
    )  # fmt: skip


@st.composite
def cases(draw, largest=80):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    image = random.choice(
        [
            random.integers(0, 256, (height, width, 4)),
            random.integers(0, 2, (height, width, 4)) * 255,
            np.full((height, width, 4), random.integers(0, 256)),
            (random.random((height, width, 4)) < 0.02) + random.integers(0, 255),
            np.add.outer(np.arange(height), np.arange(width))[:, :, None] % 256 + np.zeros(4),
        ]
    )[..., : draw(st.sampled_from([1, 2, 3, 4]))]
    kind = draw(st.sampled_from(["turn", "stretch", "whole", "mirror"]))
    linear = np.eye(2) + random.uniform(-0.4, 0.4, (2, 2))
    if kind == "stretch":
        linear = np.diag(random.choice([0.02, 0.5, 1, 3, 30], 2))
    elif kind != "turn":
        linear = np.diag([1.0, 1.0 if kind == "whole" else -1.0])
    offset = random.uniform(-1, 1, 2) * draw(st.sampled_from([1, 50, 500]))
    if kind == "whole":
        offset = np.round(offset)
    dtype = draw(st.sampled_from([np.uint8, np.float32]))
    return np.ascontiguousarray(image.astype(dtype)), np.column_stack([linear, offset])


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=120, deadline=None)
@given(case=cases(), cval=st.sampled_from([0.0, 7.5, -30.0]))
def test_within_a_hundredth_of_scipy(mode, case, cval):
    image, matrix = case
    found = warp(image, matrix, mode, cval)
    assert found.dtype == np.float32
    assert np.abs(found - oracle(image, matrix, mode, cval)).max() <= 0.01


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(150, 150), (224, 224), (299, 331), (700, 90)])
def test_large_images_with_the_sharpest_edges(mode, size):
    random = np.random.default_rng(0)
    image = (random.integers(0, 2, (*size, 3)) * 255).astype(np.uint8)
    for angle in (0.1, 1.4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 1.2
        matrix = np.column_stack([turn, random.uniform(-0.5, 0.5, 2) * size])
        assert np.abs(warp(image, matrix, mode) - oracle(image, matrix, mode, 0)).max() <= 0.01


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(case=cases(largest=50))
def test_cut_to_whole_numbers_it_is_scipys(mode, case):
    image, matrix = case
    image = image.astype(np.uint8)
    expected = oracle(image, matrix, mode, 9)
    found = warp_truncated(image, matrix, mode, 9)
    np.testing.assert_array_equal(found, expected.astype(np.uint8))
    for shift in (-40.3, 12.0, 200.0):
        found = warp_truncated(image, matrix, mode, 9, shift)
        expected_shifted = apply_channel_shift(expected, shift, 2)
        np.testing.assert_array_equal(found, expected_shifted.astype(np.uint8))


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(case=cases(largest=40))
def test_single_places_have_scipys_very_numbers(mode, case):
    image, matrix = case
    height, width, channels = image.shape
    rows, columns = np.broadcast_arrays(
        *scipy_warp.coordinates(matrix, *scipy_warp.grid(height, width))
    )
    found = scipy_warp.sample_bilinear(image, rows.ravel(), columns.ravel(), mode, 9.0)
    expected = oracle(image, matrix, mode, 9.0).reshape(-1, channels)
    np.testing.assert_array_equal(found.astype(np.float32), expected)


def test_the_result_goes_where_it_should():
    batch = np.full((3, 4, 5, 3), -1, np.float32)
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    warp(image, np.array([[1, 0, 0], [0, 1, 0.5]]), out=batch[1])
    assert (batch[[0, 2]] == -1).all()
    np.testing.assert_array_equal(batch[1, 0, 0], [1.5, 2.5, 3.5])
