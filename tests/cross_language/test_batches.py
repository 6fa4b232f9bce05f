"""Batches in R equal those in Python, and R objects are passed on unchanged."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images import ImageDataGenerator, list_images

SETTINGS = {
    "plain": ("rescale = 1 / 255", {"rescale": 1 / 255}),
    "rotated": (
        "rotation_range = 30, fill_mode = 'reflect'",
        {"rotation_range": 30, "fill_mode": "reflect"},
    ),
    "the study's": (
        "rescale = 1/255, rotation_range = 10, width_shift_range = 0.3, height_shift_range = 0.3,"
        "shear_range = 0.3, zoom_range = 0.2, horizontal_flip = TRUE, fill_mode = 'nearest'",
        {
            "rescale": 1 / 255,
            "rotation_range": 10,
            "width_shift_range": 0.3,
            "height_shift_range": 0.3,
            "shear_range": 0.3,
            "zoom_range": 0.2,
            "horizontal_flip": True,
            "fill_mode": "nearest",
        },
    ),
    "ranges and points": (
        "width_shift_range = c(-2, 0, 2), brightness_range = c(0.5, 1.5), zoom_range = c(0.7, 1),"
        "channel_shift_range = 20, cval = 9, fill_mode = 'constant', samplewise_center = TRUE",
        {
            "width_shift_range": [-2, 0, 2],
            "brightness_range": [0.5, 1.5],
            "zoom_range": [0.7, 1.0],
            "channel_shift_range": 20.0,
            "cval": 9.0,
            "fill_mode": "constant",
            "samplewise_center": True,
        },
    ),
}


def assert_same(from_r: Any, ours: Any) -> None:
    assert len(from_r) == len(ours)
    for theirs, mine in zip(from_r, ours):
        # R has only doubles, which represent every float32 exactly.
        np.testing.assert_array_equal(np.asarray(theirs), np.asarray(mine, dtype=float))


@pytest.mark.parametrize("name", SETTINGS)
def test_flows_from_directories_are_equal(r: Any, images: Path, name: str) -> None:
    in_r, in_python = SETTINGS[name]
    flow = ImageDataGenerator(**in_python).flow_from_directory(
        images, target_size=(20, 16), batch_size=5, seed=4
    )
    theirs = r(
        f"""
        flow <- flow_images_from_directory(py$folder, image_data_generator({in_r}),
          target_size = c(20, 16), batch_size = 5, seed = 4)
        lapply(1:6, function(i) generator_next(flow))
        """,
        folder=str(images),
    )
    for batch in theirs:
        assert_same(batch, next(flow))


def test_flows_from_data_frames_are_equal(r: Any, images: Path) -> None:
    table = list_images(images)
    flow = ImageDataGenerator(validation_split=0.25).flow_from_dataframe(
        table, target_size=(16, 16), batch_size=4, seed=1, subset="training"
    )
    theirs = r(
        """
        table <- list_images(py$folder)
        stopifnot(is.factor(table$class))
        flow <- flow_images_from_dataframe(table,
          generator = image_data_generator(validation_split = 0.25),
          target_size = c(16, 16), batch_size = 4, seed = 1, subset = "training")
        list(n = flow$n, batch = generator_next(flow))
        """,
        folder=str(images),
    )
    assert theirs["n"] == flow.n
    assert_same(theirs["batch"], next(flow))


def test_flows_of_arrays_are_equal(r: Any) -> None:
    random = np.random.RandomState(5)
    x, y = random.uniform(0, 255, (11, 9, 7, 3)), random.randint(0, 3, 11)
    weights = random.uniform(size=11)
    flow = ImageDataGenerator(rotation_range=15, horizontal_flip=True).flow(
        x, y, batch_size=4, sample_weight=weights, seed=2
    )
    theirs = r(
        """
        flow <- flow_images_from_data(py$x, py$y,
          image_data_generator(rotation_range = 15, horizontal_flip = TRUE),
          batch_size = 4, sample_weight = py$weights, seed = 2)
        lapply(1:3, function(i) generator_next(flow))
        """,
        x=x,
        y=y,
        weights=weights,
    )
    for batch in theirs:
        assert_same(batch, next(flow))


def test_statistics_are_equal(r: Any) -> None:
    x = np.random.RandomState(6).uniform(0, 255, (8, 6, 6, 3))
    generator = ImageDataGenerator(
        featurewise_center=True, featurewise_std_normalization=True, zca_whitening=True
    )
    generator.fit(x, seed=1)
    theirs = r(
        """
        settings <- image_data_generator(featurewise_center = TRUE,
          featurewise_std_normalization = TRUE, zca_whitening = TRUE)
        settings %>% fit_image_data_generator(py$x, seed = 1)
        flow <- flow_images_from_data(py$x, generator = settings, shuffle = FALSE)
        generator_next(flow)
        """,
        x=x,
    )
    ours = next(generator.flow(x, shuffle=False))
    # Sums over arrays in R's memory layout are computed in another order.
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=2e-3)


def test_r_functions_preprocess_every_image(r: Any, images: Path) -> None:
    theirs = r(
        """
        settings <- suppressWarnings(
          image_data_generator(preprocessing_function = function(x) 255 - x))
        flow <- flow_images_from_directory(py$folder, settings, target_size = c(16, 16),
          batch_size = 16, shuffle = FALSE)
        list(flow$main_thread_only, generator_next(flow)[[1]])
        """,
        folder=str(images),
    )
    plain = ImageDataGenerator().flow_from_directory(
        images, target_size=(16, 16), batch_size=16, shuffle=False
    )
    assert theirs[0] is True
    np.testing.assert_array_equal(theirs[1], 255 - next(plain)[0].astype(float))


@pytest.mark.parametrize("shape", [(3,), (2, 5), (0, 4, 4, 3), (2, 3, 4, 5), (1, 1, 1, 1)])
def test_arrays_are_converted_without_change(r: Any, shape: tuple[int, ...]) -> None:
    x = np.random.RandomState(0).uniform(size=shape)
    for layout in ("C", "F"):
        back = r("py$x", x=np.array(x, order=layout))
        np.testing.assert_array_equal(np.asarray(back).reshape(shape), x)
    there = r("py$take(array(as.numeric(seq_len(120)), c(2, 3, 4, 5)))", take=lambda a: a)
    np.testing.assert_array_equal(there, np.arange(1.0, 121).reshape(2, 3, 4, 5, order="F"))


def test_missing_values_and_factors_are_converted(r: Any) -> None:
    seen: list[Any] = []
    r(
        """
        py$take(NULL)
        py$take(kerastl:::shape(c(NA, 3)))
        py$take(kerastl:::as_frame(data.frame(
          class = factor(c("b", "a", NA)), value = c(1, NA, 3), name = c("x", NA, "z"))))
        """,
        take=seen.append,
    )
    assert seen[0] is None
    assert seen[1] == (None, 3)
    frame = seen[2]
    assert isinstance(frame, pd.DataFrame)
    assert frame["class"].tolist()[:2] == ["b", "a"]
    assert frame["class"].isna().tolist() == [False, False, True]
    assert frame["name"].isna().tolist() == [False, True, False]
    assert frame["value"].isna().tolist() == [False, True, False]


def test_paths_with_dates_and_accents(r: Any, images: Path) -> None:
    dated = images.parent / f"été {datetime.date(2018, 5, 1)}"
    images.rename(dated)
    n = r(
        """
        folder <- file.path(py$parent, paste("été", as.Date("2018-05-01")))
        flow_images_from_directory(folder, target_size = c(8, 8))$n
        """,
        parent=str(dated.parent),
    )
    assert n == 16
