"""Activations, filters and sparsity against models cut by hand, nested ones too."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pykeras_tl.evaluation import (
    layer_activations,
    plot_feature_maps,
    plot_filters,
    plot_sparsity,
    sparsity_by_layer,
)
from pykeras_tl.visualization.style import png


@pytest.fixture(scope="module")
def inner() -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.Conv2D(10, 3, activation="relu", name="second")(x)
    return keras.Model(inputs, x, name="inner")


@pytest.fixture(scope="module")
def nested(inner) -> keras.Model:
    """The network behind a scaling layer, inside a sequence, with a head."""
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Rescaling(2.0, name="scaling"),
            inner,
            keras.layers.Flatten(name="flat"),
            keras.layers.Dropout(0.5, name="dropout"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ]
    )


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 12, 12, 3)).astype("float32")


@pytest.mark.parametrize("layer", ["first", "norm", "second"])
def test_nested_activations_are_those_of_the_model_cut_there(inner, nested, images, layer):
    cut = keras.Model(inner.inputs, inner.get_layer(layer).output)
    expected = cut.predict(2 * images, verbose=0)
    found = layer_activations(nested, images, layer)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    by_path = layer_activations(nested, images[:2], f"inner/{layer}")
    np.testing.assert_allclose(by_path, expected[:2], atol=1e-5)


def test_activations_by_index_layer_and_model(inner, nested, images) -> None:
    whole = nested.predict(images, verbose=0)
    np.testing.assert_allclose(layer_activations(nested, images, -1), whole, atol=1e-6)
    last = layer_activations(nested, images[:3], "second")
    np.testing.assert_array_equal(layer_activations(nested, images[:3], inner), last)


def test_the_model_is_left_as_it_was(nested, images) -> None:
    before = nested.predict(images, verbose=0)
    sparsity_by_layer(nested, images)
    assert not any("call" in vars(layer) for layer in nested.layers)
    np.testing.assert_array_equal(nested.predict(images, verbose=0), before)


def test_sparsity_is_the_share_of_zeros(nested, images) -> None:
    table = sparsity_by_layer(nested, images).set_index("layer")
    assert list(table.index) == [
        "scaling",
        *(f"inner/{name}" for name in ("first", "norm", "depthwise", "second")),
        "flat",
        "dropout",
        "head",
    ]
    second = layer_activations(nested, images, "second")
    assert table.loc["inner/second", "sparsity"] == pytest.approx((second == 0).mean())
    assert table.loc["inner/second", "shape"] == (6, 6, 10)
    assert table.loc["flat", "sparsity"] == table.loc["inner/second", "sparsity"]
    assert table.loc["scaling", "sparsity"] == 0
    assert table["depth"].tolist() == list(range(1, 9))


def test_channels_that_never_speak_are_counted() -> None:
    model = keras.Sequential([keras.Input((5, 5, 1)), keras.layers.Conv2D(4, 1, activation="relu")])
    model.layers[0].set_weights(
        [np.array([1.0, -1, 1, 1]).reshape(1, 1, 1, 4), np.array([0, 0, -9, 0])]
    )
    table = sparsity_by_layer(model, np.full((3, 5, 5, 1), 2.0))
    assert table["dead_channels"].tolist() == [0.5]
    assert table["sparsity"].tolist() == [0.5]


def test_smooth_activations_need_a_threshold() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")])
    values = np.array([[0.001, 1.0]])
    assert sparsity_by_layer(model, values)["sparsity"].tolist() == [0]
    assert sparsity_by_layer(model, values, threshold=0.01)["sparsity"].tolist() == [0.5]


def test_feature_maps_show_the_activations(nested, images) -> None:
    figure = plot_feature_maps(nested, images[0], "second", count=4)
    maps = layer_activations(nested, images[:1], "second")[0]
    assert len(figure.axes) == 4
    for channel, axes in enumerate(figure.axes):
        shown = np.asarray(axes.images[0].get_array())
        plain = maps[..., channel]
        np.testing.assert_allclose(
            shown * (plain.max() - plain.min()) + plain.min(), plain, atol=1e-5
        )
    assert figure.get_suptitle() == "second: 4 of 10 feature maps"
    png(figure)


def test_filters_are_images(inner, nested) -> None:
    kernel = keras.ops.convert_to_numpy(inner.get_layer("first").kernel)
    figure = plot_filters(nested, "first")
    assert len(figure.axes) == 6
    shown = np.asarray(figure.axes[2].images[0].get_array())
    assert shown.shape == (3, 3, 3)
    assert np.corrcoef(shown.ravel(), kernel[..., 2].ravel())[0, 1] == pytest.approx(1)
    strongest = np.asarray(plot_filters(nested, "second").axes[0].images[0].get_array())
    deep = keras.ops.convert_to_numpy(inner.get_layer("second").kernel)[..., 0]
    channel = np.abs(deep).sum(axis=(0, 1)).argmax()
    assert np.corrcoef(strongest.ravel(), deep[..., channel].ravel())[0, 1] == pytest.approx(1)
    assert len(plot_filters(nested, "depthwise").axes) == 6


def test_sparsity_image(nested, images) -> None:
    table = sparsity_by_layer(nested, images)
    axes = plot_sparsity(table).axes[0]
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], table["sparsity"])


def test_a_layer_called_twice_is_counted_twice() -> None:
    relu = keras.layers.ReLU(name="shared")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, relu(-relu(inputs)))
    values = np.array([[-1.0, 1.0, 2.0, 3.0]])
    table = sparsity_by_layer(model, values).set_index("layer")
    assert table.loc["shared", "sparsity"] == (1 + 4) / 8
    assert layer_activations(model, values, "shared").tolist() == [[0, 0, 0, 0]]


def test_subclassed_models_are_refused(images) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.flat = keras.layers.Flatten(name="flat")

        def call(self, inputs):
            return self.flat(inputs)

    for looked_into in (
        lambda m: sparsity_by_layer(m, images),
        lambda m: layer_activations(m, images, 0),
    ):
        with pytest.raises(ValueError, match=r"Own that is a subclass of keras\.Model"):
            looked_into(Own())


def test_bad_arguments_are_refused(nested, images) -> None:
    with pytest.raises(ValueError, match="no layer"):
        layer_activations(nested, images, "third")
    with pytest.raises(ValueError, match="before the flattening"):
        plot_feature_maps(nested, images[0], "head")
    with pytest.raises(ValueError, match="no filters"):
        plot_filters(nested, "norm")
    dot = keras.Sequential([keras.Input((5, 5, 1)), keras.layers.Conv2D(4, 1)])
    with pytest.raises(ValueError, match="1×1"):
        plot_filters(dot, 0)
    with pytest.raises(ValueError, match="no image"):
        sparsity_by_layer(nested, images[:0])
    with pytest.raises(ValueError, match="threshold"):
        sparsity_by_layer(nested, images, threshold=2)
