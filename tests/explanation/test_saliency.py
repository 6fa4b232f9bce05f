"""Saliency maps against loops with finite differences, and the sanity checks of Adebayo et al."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from pykeras_tl.evaluation import layer_activations
from pykeras_tl.explanation import saliency_maps
from pykeras_tl.models import Classifier, PreprocessConfig, average_classifiers

_SIZE = (13, 9)


def _logits(model: keras.Model, maps: np.ndarray) -> np.ndarray:
    """The head of `network` for the feature maps of one image, in numpy."""
    rows, columns, channels = maps.shape
    pooled = maps[: rows // 2 * 2, : columns // 2 * 2]
    pooled = pooled.reshape(rows // 2, 2, columns // 2, 2, channels).mean(axis=(1, 3))
    values = pooled.reshape(-1)
    hidden, scores = (model.get_layer(name).get_weights() for name in ("hidden", "scores"))
    return np.maximum(values @ hidden[0] + hidden[1], 0) @ scores[0] + scores[1]


def _slopes(model: keras.Model, maps: np.ndarray, label: int) -> np.ndarray:
    slopes = np.zeros_like(maps)
    step = 1e-6
    for place in np.ndindex(maps.shape):
        values = []
        for sign in (1, -1):
            moved = maps.copy()
            moved[place] += sign * step
            values.append(_logits(model, moved)[label])
        slopes[place] = (values[0] - values[1]) / (2 * step)
    return slopes


def _weights(maps: np.ndarray, slopes: np.ndarray, method: str) -> np.ndarray:
    if method == "grad_cam":
        return slopes.mean(axis=(0, 1))
    weights = np.zeros(maps.shape[-1])
    for row, column, channel in np.ndindex(maps.shape):
        slope = slopes[row, column, channel]
        below = 2 * slope**2 + maps[..., channel].sum() * slope**3
        if slope > 0:
            weights[channel] += slope**2 / below * slope
    return weights


def _enlarged(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation between the centers of pixels, one pixel at a time."""
    result = np.zeros(size)
    for row, column in np.ndindex(size):
        places = []
        for at, length, new in zip((row, column), small.shape, size):
            exact = min(max((at + 0.5) * length / new - 0.5, 0), length - 1)
            low = min(int(exact), length - 2)
            places.append((low, exact - low))
        (y, v), (x, u) = places
        top = small[y, x] * (1 - u) + small[y, x + 1] * u
        bottom = small[y + 1, x] * (1 - u) + small[y + 1, x + 1] * u
        result[row, column] = top * (1 - v) + bottom * v
    return result


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam++"])
def test_maps_are_those_of_finite_differences(network, images, method) -> None:
    classes = [0, 1, 2, 0, 1]
    found = saliency_maps(network, images, classes, method, batch_size=2)
    maps = layer_activations(network, images, "joined").astype("float64")
    assert found.max() == pytest.approx(1)
    for image, label, each in zip(maps, classes, found):
        weights = _weights(image, _slopes(network, image, label), method)
        # The negative part is cut after enlarging, as the map is continuous only before.
        expected = np.maximum(_enlarged((weights * image).sum(axis=-1), _SIZE), 0)
        np.testing.assert_allclose(each, expected / max(expected.max(), 1e-12), atol=2e-4)


def test_inner_layers_are_found_by_name(network, images) -> None:
    """The layer `last` is one of two branches, so that the other is held fixed."""
    found = saliency_maps(network, images, 1, layer="last")
    last = layer_activations(network, images, "last").astype("float64")
    branch = layer_activations(network, images, "branch").astype("float64")
    slopes = _slopes(network, (last + branch)[0], 1)
    small = (slopes.mean(axis=(0, 1)) * last[0]).sum(axis=-1)
    expected = np.maximum(_enlarged(small, _SIZE), 0)
    np.testing.assert_allclose(found[0], expected / expected.max(), atol=2e-4)


def test_masked_images_are_predicted_one_by_one(network, images) -> None:
    """Score-CAM and occlusion against a loop over channels and patches."""
    image = images[0].astype("float64")
    mean = image.mean(axis=(0, 1))

    def probability(mask: np.ndarray) -> float:
        masked = mean + mask[..., None] * (image - mean)
        return float(network(masked[None].astype("float32"), training=False)[0, 2])

    total = np.zeros(_SIZE)
    for channel in np.moveaxis(layer_activations(network, images[:1], "joined")[0], -1, 0):
        full = _enlarged(channel, _SIZE)
        if np.ptp(full) > 0:
            total += probability((full - full.min()) / np.ptp(full)) * full
    found = saliency_maps(network, images[:1], 2, "score_cam", batch_size=4)
    np.testing.assert_allclose(found[0], total / total.max(), atol=1e-3)

    drops: list[list[list[float]]] = [[[] for _ in range(9)] for _ in range(13)]
    for row in (0, 2, 4, 6, 8, 9):
        for column in (0, 2, 4, 5):
            mask = np.ones(_SIZE)
            mask[row : row + 4, column : column + 4] = 0
            drop = probability(np.ones(_SIZE)) - probability(mask)
            for y, x in np.ndindex(4, 4):
                drops[row + y][column + x].append(drop)
    expected = np.maximum([[np.mean(each) for each in line] for line in drops], 0)
    found = saliency_maps(network, images[:1], 2, "occlusion", batch_size=5, patch=4)
    np.testing.assert_allclose(found[0], expected / expected.max(), atol=1e-3)


def test_the_default_class_is_the_predicted_one(network, images) -> None:
    predicted = network.predict(images, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(
        saliency_maps(network, images), saliency_maps(network, images, predicted)
    )


def test_one_unit_explains_both_classes(network, images) -> None:
    """A sigmoid unit is the softmax over its logit and zero."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((13, 9, 3))
    vector = keras.layers.Flatten()(network.get_layer("backbone")(inputs))
    unit = keras.layers.Dense(1, activation="sigmoid")
    one = keras.Model(inputs, unit(vector))
    two = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="two")(vector))
    kernel, bias = unit.get_weights()
    two.layers[-1].set_weights([np.hstack([-kernel, kernel]), np.hstack([-bias, bias])])
    for label in (None, 0, 1):
        np.testing.assert_allclose(
            saliency_maps(one, images, label), saliency_maps(two, images, label), atol=1e-5
        )


def test_the_average_of_models_has_the_maps_of_all(network, images) -> None:
    names = ["a", "b", "c"]
    first = Classifier(network, names, PreprocessConfig(_SIZE))
    other = Classifier(keras.models.clone_model(network), names, PreprocessConfig(_SIZE))
    both = average_classifiers([first, first]).model
    one, two = (saliency_maps(each, images, 0) for each in (network, other.model))
    np.testing.assert_allclose(saliency_maps(both, images, 0), one, atol=1e-5)
    mixed = saliency_maps(average_classifiers([first, other]).model, images, 0)
    assert not np.allclose(mixed, one, atol=0.01)
    assert not np.allclose(mixed, two, atol=0.01)


def test_a_second_input_is_kept_as_it_is(network, images) -> None:
    pixels, age = keras.Input((13, 9, 3)), keras.Input((1,))
    vector = keras.layers.GlobalAveragePooling2D()(network.get_layer("backbone")(pixels))
    joined = keras.layers.Concatenate()([vector, age])
    model = keras.Model([age, pixels], keras.layers.Dense(2, "softmax")(joined))
    for method in ("grad_cam", "score_cam", "occlusion"):
        maps = saliency_maps(model, [np.zeros((5, 1), "float32"), images], 1, method)
        assert maps.shape == (5, *_SIZE)
    with pytest.raises(ValueError, match="2 inputs"):
        saliency_maps(model, images)


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam++", "score_cam", "occlusion"])
def test_maps_point_at_the_mark(marked, method) -> None:
    model, images, classes, corners = marked
    count = 40 if method.startswith("grad") else 8
    maps = saliency_maps(model, images[:count], classes[:count], method)
    hits = 0
    for each, (row, column) in zip(maps, corners):
        y, x = np.unravel_index(each.argmax(), each.shape)
        hits += row - 2 <= y < row + 7 and column - 2 <= x < column + 7
    assert hits / count >= 0.85


def test_random_weights_give_another_map(marked) -> None:
    """The sanity check of Adebayo et al., 2018: maps must depend on what the model learned."""
    model, images, classes, _ = marked
    changed = keras.models.clone_model(model)
    keras.utils.set_random_seed(7)
    changed.set_weights(model.get_weights())
    dense = changed.layers[-1]
    dense.set_weights(
        [np.random.default_rng(1).normal(size=each.shape) for each in dense.get_weights()]
    )
    one, other = (saliency_maps(each, images[:40], classes[:40]) for each in (model, changed))
    correlations = [
        spearmanr(a.ravel(), b.ravel()).statistic if b.any() else 0.0 for a, b in zip(one, other)
    ]
    assert np.median(correlations) < 0.5


def test_bad_arguments_are_refused(network, images) -> None:
    flat = keras.Sequential(
        [keras.Input((13, 9, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    for expected, arguments in {
        "'grad_cam', 'grad_cam": {"method": "lime"},
        "index from 0 to 2": {"classes": 3},
        "one for each of 5 images": {"classes": [0, 1]},
        "before the pooling or flattening": {"layer": "hidden"},
        "no layer": {"layer": "third"},
        "from 1 to 9 pixels": {"method": "occlusion", "patch": 10},
        "at least 1": {"batch_size": 0},
    }.items():
        with pytest.raises(ValueError, match=expected):
            saliency_maps(network, images, **arguments)
    with pytest.raises(ValueError, match="image\\[None\\]"):
        saliency_maps(network, images[0])
    with pytest.raises(ValueError, match="Use method='occlusion'"):
        saliency_maps(flat, images)
