import random

import keras
import numpy as np
import pytest

from pykeras_tl.models.networks import blood_cells


def parameter_counts(model):
    return [layer.count_params() for layer in model.layers if layer.count_params()]


def test_version_1_is_the_studys_network():
    model = blood_cells.version_1()
    # 150 → 74 → 36 → 17 → 7 pixels a side: 7 · 7 · 128 inputs to the dense layer.
    assert parameter_counts(model) == [896, 9248, 18496, 73856, 6272 * 64 + 64, 64 * 4 + 4]
    assert model.output_shape == (None, 4)


def test_version_2_has_the_studys_parameters():
    model = blood_cells.version_2()
    assert parameter_counts(model) == [896, 18496, 36928, 73856, 147584, 262656, 65664, 516]
    assert [layer.output.shape[1] for layer in model.layers if "flatten" in layer.name] == [512]


def test_modern_takes_images_of_any_size():
    model = blood_cells.modern(classes=3, input_shape=(None, None, 3))
    for size in ((96, 128), (64, 64)):
        probabilities = keras.ops.convert_to_numpy(model(np.zeros((2, *size, 3), "float32")))
        assert probabilities.shape == (2, 3)
        assert probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("network", ["version_1", "version_2", "modern"])
def test_seed_decides_the_first_weights_and_leaves_other_generators_alone(network):
    build = getattr(blood_cells, network)
    random.seed(1)
    expected, numpy_state = random.Random(1).random(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = (build(seed=seed).get_weights() for seed in (5, 5, 6))
    assert random.random() == expected
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])
