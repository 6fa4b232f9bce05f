"""Activation maximization: the images excite what they are made for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pykeras_tl.evaluation import layer_activations
from pykeras_tl.explanation import maximize_activation, plot_maximization
from pykeras_tl.visualization.style import png


def test_images_of_classes_are_those_classes(marked) -> None:
    model = marked[0]
    images = maximize_activation(model, [0, 1, 2], steps=25)
    assert images.shape == (3, 24, 24, 3)
    assert images.min() >= 0
    assert images.max() <= 255
    np.testing.assert_array_equal(model.predict(images, verbose=0).argmax(axis=1), [0, 1, 2])
    # The class is the color of a square.
    np.testing.assert_array_equal(images.max(axis=(1, 2)).argmax(axis=1), [0, 1, 2])
    np.testing.assert_array_equal(maximize_activation(model, 1, steps=5),
                                  maximize_activation(model, [1], steps=5))  # fmt: skip


def test_filters_are_excited_more_than_by_any_image(marked) -> None:
    model, images = marked[:2]
    layer = model.layers[3]
    made = maximize_activation(model, range(4), layer, steps=40, decay=0, blur=0)
    by_images = layer_activations(model, images, layer).mean(axis=(1, 2))
    by_made = layer_activations(model, made, layer).mean(axis=(1, 2))
    live = np.diag(by_made) > 0
    assert live.sum() > 1
    assert (np.diag(by_made)[live] > by_images.max(axis=0)[:4][live]).all()


def test_regularizers_smooth(marked) -> None:
    def roughness(**options: float) -> float:
        image = maximize_activation(marked[0], 0, steps=25, jitter=0, **options)
        return float(np.abs(np.diff(image, axis=1)).mean())

    plain = roughness(decay=0, blur=0)
    assert roughness(decay=0, blur=1.5) < plain
    assert roughness(decay=0.1, blur=0) < plain


def test_sheets_name_the_classes(marked) -> None:
    figure = plot_maximization(marked[0], [2, 0], names=["r", "g", "b"], steps=1)
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["b", "r"]
    png(figure)


def test_bad_arguments_are_refused(marked) -> None:
    model = marked[0]
    for arguments, message in (
        ({"units": 3}, "0 to 2"),
        ({"units": [-1]}, "0 to 2"),
        ({"units": 12, "layer": 4}, "no layer|0 to 11"),
        ({"units": 0, "size": (30, 30)}, "fit the input"),
    ):
        with pytest.raises((ValueError, IndexError), match=message):
            maximize_activation(model, **arguments)
    free = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    )
    with pytest.raises(ValueError, match="any size"):
        maximize_activation(free, 0)
    assert maximize_activation(free, 0, size=(5, 4), steps=1).shape == (1, 5, 4, 3)
