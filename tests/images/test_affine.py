import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykeras_tl import images

angles = st.sampled_from([0, 12.5, -75])


@settings(max_examples=120, deadline=None)
@given(
    parameters=st.fixed_dictionaries(
        {
            "theta": angles,
            "tx": st.sampled_from([0, 3, -2.25]),
            "ty": st.sampled_from([0, 3, 7.75]),
            "shear": angles,
            "zx": st.sampled_from([1, 0.7, 1.6]),
            "zy": st.sampled_from([1, 0.7, 1.6]),
            "fill_mode": st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
            "cval": st.sampled_from([0.0, 99.5]),
            "order": st.sampled_from([0, 1, 1, 2, 3, 5]),
        }
    ),
    axes=st.sampled_from([(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)]),
    dtype=st.sampled_from(["float32", "float64", "uint8", "int32"]),
    seed=st.integers(0, 1000),
)
def test_apply_affine_transform(parameters, axes, dtype, seed):
    x = np.random.default_rng(seed).uniform(0, 255, (23, 31, 3))
    x = (x if axes[2] == 2 else x.transpose(2, 0, 1)).astype(dtype)
    where = dict(zip(("row_axis", "col_axis", "channel_axis"), axes, strict=True))
    found = images.apply_affine_transform(x, **parameters, **where)
    expected = theirs.apply_affine_transform(x, **parameters, **where)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = 0.01 if dtype == "float32" and parameters["order"] == 1 else 0
    assert np.abs(found.astype(float) - expected.astype(float)).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random_rotation", (40,)),
        ("random_shift", (0.3, 0.2)),
        ("random_shear", (30,)),
        ("random_zoom", ((0.6, 1.4),)),
        ("random_zoom", ((1, 1),)),
    ],
)
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0)])
def test_random_functions(name, arguments, axes):
    x = np.random.default_rng(0).uniform(0, 255, (23, 23, 3)).astype(np.float32)
    where = dict(zip(("row_axis", "col_axis", "channel_axis"), axes, strict=True))
    x = x if axes[2] == 2 else x.transpose(2, 0, 1)
    np.random.seed(7)  # noqa: NPY002 Keras draws from NumPy's own.
    expected = getattr(theirs, name)(x, *arguments, fill_mode="reflect", **where)
    found = getattr(images, name)(x, *arguments, fill_mode="reflect", seed=7, **where)
    assert np.abs(found - expected).max() <= 0.01


def test_wrong_axes_are_refused():
    x = np.zeros((4, 4, 3))
    for axes in ((0, 0, 2), (0, 2, 1), (0, 1, 3)):
        with pytest.raises(ValueError, match=r"distinct|below 3|0 or 2"):
            images.apply_affine_transform(x, 1, 0, 0, 0, 1, 1, *axes)
    with pytest.raises(ValueError, match="rank 3"):
        images.apply_affine_transform(np.zeros((4, 4)), theta=3)
    with pytest.raises(ValueError, match="zoom_range"):
        images.random_zoom(x, (1, 2, 3))


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
def test_fill_modes_are_as_drawn_in_the_docstring(fill_mode):
    """Shift a row of four pixels by four and eight either way to see what is beside it."""
    letters = "abcd"
    row = np.array([float(ord(letter)) for letter in letters]).reshape(1, 4, 1)
    options = {"row_axis": 0, "col_axis": 1, "channel_axis": 2, "cval": ord("k")}
    for dtype in (np.float32, np.float64):
        tiles = [
            images.apply_affine_transform(row.astype(dtype), tx=tx, fill_mode=fill_mode, **options)
            for tx in (-8, -4, 0, 4, 8)
        ]
        text = "".join(chr(round(float(value))) for tile in tiles for value in tile.ravel())
        drawing = f"`{text[:8]}|{text[8:12]}|{text[12:]}`"
        assert f'"{fill_mode}": {drawing}' in images.ImageDataGenerator.__doc__
