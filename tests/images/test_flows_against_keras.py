"""Flows against Keras's own, over settings drawn at random."""

import warnings

import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pykeras_tl.images import ImageDataGenerator

TOLERANCE = 0.01


def half(x):
    assert x.ndim == 3
    assert x.dtype == np.float32
    x /= 2
    return x - 1


MOVING = st.fixed_dictionaries(
    {},
    optional={
        "rotation_range": st.sampled_from([10, 90.0]),
        "width_shift_range": st.sampled_from([0.3, 5, [-4, 2]]),
        "height_shift_range": st.sampled_from([0.3, 2.5]),
        "shear_range": st.sampled_from([0.3, 30]),
        "zoom_range": st.sampled_from([0.2, [0.6, 2.0]]),
        "fill_mode": st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
        "cval": st.sampled_from([0.0, 99.5, -30.0, 300.0]),
        "interpolation_order": st.sampled_from([0, 1, 3]),
    },
)
COLOURS = st.fixed_dictionaries(
    {},
    optional={
        "channel_shift_range": st.just(40.0),
        "brightness_range": st.sampled_from([(0.4, 1.8), [1.1, 1.2]]),
        "horizontal_flip": st.just(True),
        "vertical_flip": st.just(True),
    },
)
STANDARDIZING = st.fixed_dictionaries(
    {},
    optional={
        "rescale": st.sampled_from([1 / 255, 0.5]),
        "preprocessing_function": st.just(half),
        "samplewise_center": st.just(True),
        "samplewise_std_normalization": st.just(True),
        "featurewise_center": st.just(True),
        "featurewise_std_normalization": st.just(True),
        "zca_whitening": st.just(True),
    },
)
SETTINGS = st.tuples(
    st.one_of(st.just({}), MOVING), COLOURS, st.one_of(st.just({}), STANDARDIZING)
).map(lambda parts: {**parts[0], **parts[1], **parts[2]})
FILES = st.fixed_dictionaries(
    {
        "target_size": st.sampled_from([(16, 16), (21, 12), (5, 30)]),
        "color_mode": st.sampled_from(["rgb", "rgb", "rgba", "grayscale"]),
        "batch_size": st.sampled_from([3, 7, 64]),
        "shuffle": st.booleans(),
        "seed": st.integers(0, 2**31),
        "interpolation": st.sampled_from(["nearest", "nearest", "bilinear", "lanczos"]),
        "subset": st.sampled_from([None, "training", "validation"]),
    }
)
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def generators(options, shape):
    """Make Keras's generator and ours, fitted to the same data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pair = [g(**options) for g in (theirs.ImageDataGenerator, ImageDataGenerator)]
        if any(name.startswith(("featurewise", "zca")) for name in options):
            data = np.random.default_rng(0).uniform(0, 255, (5, *shape))
            for generator in pair:
                generator.fit(data.copy())
    return pair


def tolerance_of(options, expected):
    """How far pixels may differ: not at all where no image is warped linearly."""
    moving = ("rotation_range", "width_shift_range", "height_shift_range", "shear_range",
              "zoom_range")  # fmt: skip
    if not any(name in options for name in moving) or options.get("interpolation_order", 1) != 1:
        return 0
    # Files of 16 bits reach beyond 255; there it is the same share of their range.
    tolerance = TOLERANCE * max(1.0, np.abs(expected).max() / 255)
    if any("std" in name or "zca" in name for name in options):
        # What is divided by a deviation is no longer in grey levels.
        tolerance *= max(1.0, np.abs(expected).max())
    return tolerance


def assert_same(options, expected, found):
    assert type(expected) is type(found)
    if isinstance(expected, (tuple, list)):
        assert len(expected) == len(found)
        for one, other in zip(expected, found, strict=True):
            assert_same(options, one, other)
        return
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if found.ndim < 4:
        np.testing.assert_array_equal(found, expected)
        return
    tolerance = tolerance_of(options, expected)
    if not tolerance:
        np.testing.assert_array_equal(found, expected)
    assert np.abs(found.astype(float) - expected.astype(float)).max() <= tolerance


def compare(options, theirs_flow, ours_flow, batches=5):
    for name in ("n", "samples", "batch_size", "class_indices", "filenames", "filepaths",
                 "image_shape", "class_mode", "shuffle", "seed", "target_size"):  # fmt: skip
        if hasattr(theirs_flow, name):
            assert getattr(ours_flow, name) == getattr(theirs_flow, name), name
    assert len(ours_flow) == len(theirs_flow)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(batches):
            expected = next(theirs_flow)
            state = np.random.get_state()[1].copy()  # noqa: NPY002
            assert_same(options, expected, next(ours_flow))
            assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.slow
@settings(max_examples=100, **SLOW)
@given(
    options=SETTINGS,
    files=FILES,
    class_mode=st.sampled_from(["categorical", "binary", "sparse", "input", None]),
    keep_aspect_ratio=st.booleans(),
    dtype=st.sampled_from(["float32", "float32", "float64"]),
    data_format=st.sampled_from(["channels_last", "channels_last", "channels_first"]),
)
def test_from_directory(
    two_classes, options, files, class_mode, keep_aspect_ratio, dtype, data_format
):
    if data_format == "channels_first":
        options = {name: value for name, value in options.items() if name != "brightness_range"}
    options = {**options, "validation_split": 0.3, "dtype": dtype, "data_format": data_format}
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[files["color_mode"]]
    size = files["target_size"]
    shape = (*size, channels) if data_format == "channels_last" else (channels, *size)
    pair = generators(options, shape)
    flows = [
        generator.flow_from_directory(
            two_classes, class_mode=class_mode, keep_aspect_ratio=keep_aspect_ratio, **files
        )
        for generator in pair
    ]
    compare(options, *flows)


@pytest.fixture(scope="module")
def table(two_classes):
    files = sorted(path for path in two_classes.rglob("*.*") if path.suffix != ".txt")
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "filename": [str(path.relative_to(two_classes)) for path in files],
            "class": [path.relative_to(two_classes).parts[0] for path in files],
            "many": [["a", "b"] if number % 3 else ["b"] for number in range(len(files))],
            "score": random.uniform(size=len(files)),
            "age": random.integers(0, 90, len(files)),
            "weight": random.uniform(size=len(files)),
        }
    )


@pytest.mark.slow
@settings(max_examples=50, **SLOW)
@given(
    options=SETTINGS,
    files=FILES,
    labels=st.sampled_from(
        [
            ("categorical", "class"),
            ("categorical", "many"),
            ("binary", "class"),
            ("sparse", "class"),
            ("raw", "score"),
            ("raw", ["score", "age"]),
            ("multi_output", ["score", "age"]),
            ("input", "class"),
            (None, "class"),
        ]
    ),
    classes=st.sampled_from([None, ["dog", "cat"]]),
    weight_col=st.sampled_from([None, "weight"]),
    validate_filenames=st.booleans(),
)
def test_from_dataframe(
    two_classes, table, options, files, labels, classes, weight_col, validate_filenames
):
    class_mode, y_col = labels
    if class_mode not in ("categorical", "binary", "sparse") or y_col == "many":
        classes = None
    options = {**options, "validation_split": 0.3}
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[files["color_mode"]]
    pair = generators(options, (*files["target_size"], channels))
    flows = [
        generator.flow_from_dataframe(
            table,
            str(two_classes),
            y_col=y_col,
            class_mode=class_mode,
            classes=classes,
            weight_col=weight_col,
            validate_filenames=validate_filenames,
            **files,
        )
        for generator in pair
    ]
    compare(options, *flows)
    for ours, theirs_too in zip(flows[1:], flows[:1], strict=True):
        if class_mode in ("raw", "multi_output"):
            for one, other in zip(ours.labels, theirs_too.labels, strict=True):
                np.testing.assert_array_equal(one, other)


@settings(max_examples=80, **SLOW)
@given(
    options=SETTINGS,
    shape=st.sampled_from([(12, 12, 3), (9, 17, 1), (8, 8, 4)]),
    kind=st.sampled_from(["uint8", "float32", "float64", "int64", "negative"]),
    dtype=st.sampled_from(["float32", "float32", "float64"]),
    data_format=st.sampled_from(["channels_last", "channels_last", "channels_first"]),
    given_labels=st.booleans(),
    given_weights=st.booleans(),
    others=st.sampled_from([0, 1, 2]),
    subset=st.sampled_from([None, "training", "validation"]),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_from_arrays(
    options, shape, kind, dtype, data_format, given_labels, given_weights, others, subset,
    shuffle, seed,
):  # fmt: skip
    if data_format == "channels_first":
        options = {name: value for name, value in options.items() if name != "brightness_range"}
        shape = (shape[2], *shape[:2])
    if dtype == "float64":
        options = {n: v for n, v in options.items() if n != "preprocessing_function"}
    options = {**options, "validation_split": 0.3, "dtype": dtype, "data_format": data_format}
    random = np.random.default_rng(seed)
    x = random.uniform(-100 if kind == "negative" else 0, 255, (13, *shape))
    x = x.astype("float32" if kind == "negative" else kind)
    extra = [random.uniform(size=13), random.uniform(size=(13, 2))][:others]
    images = x if not extra else (x, extra if others == 2 else extra[0])
    y = np.arange(13) % 2 if given_labels else None
    weight = random.uniform(size=13) if given_weights else None
    flows = [
        generator.flow(
            images, y, batch_size=4, shuffle=shuffle, sample_weight=weight, seed=seed, subset=subset
        )
        for generator in generators(options, shape)
    ]
    compare(options, *flows)


def test_files_saved_have_keras_names_and_pixels(two_classes, tmp_path):
    from PIL import Image

    options = {"rotation_range": 20, "horizontal_flip": True}
    for name, generator in zip(("keras", "ours"), generators(options, (16, 16, 3)), strict=True):
        (tmp_path / name).mkdir()
        flow = generator.flow_from_directory(
            two_classes, (16, 16), batch_size=4, seed=3, save_to_dir=tmp_path / name,
            save_prefix="cell", save_format="png",
        )  # fmt: skip
        for _ in range(2):
            next(flow)
        array = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3))
        next(generator.flow(array, seed=3, save_to_dir=tmp_path / name))
    expected = sorted(path.name for path in (tmp_path / "keras").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == expected
    assert len(expected) == 13
    for name in expected:
        pair = [np.asarray(Image.open(tmp_path / who / name), int) for who in ("keras", "ours")]
        assert np.abs(pair[0] - pair[1]).max() <= 1


def test_fit_finds_keras_statistics():
    random = np.random.default_rng(0)
    x = random.uniform(0, 255, (6, 7, 8, 3))
    options = {
        "featurewise_center": True, "featurewise_std_normalization": True, "rescale": 1 / 255,
        "rotation_range": 20, "dtype": "float64",
    }  # fmt: skip
    for arguments in ({}, {"augment": True, "rounds": 2, "seed": 4}):
        pair = [g(**options) for g in (theirs.ImageDataGenerator, ImageDataGenerator)]
        for generator in pair:
            generator.fit(x, **arguments)
        np.testing.assert_array_equal(pair[1].mean, pair[0].mean)
        np.testing.assert_array_equal(pair[1].std, pair[0].std)
    with pytest.warns(UserWarning, match="zca_whitening"):
        pair = [g(zca_whitening=True) for g in (theirs.ImageDataGenerator, ImageDataGenerator)]
    for generator in pair:
        generator.fit(x)
    np.testing.assert_array_equal(pair[1].zca_whitening_matrix, pair[0].zca_whitening_matrix)
