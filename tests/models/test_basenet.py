import numpy as np
import pytest
from keras import layers

from pykeras_tl.models import cnn_svr
from pykeras_tl.models.networks import basenet

NETWORKS = ["basenet", "basenet_2_1", "basenet_2_2", "basenet_2_3"]


def counts(model, *kinds):
    return [layer.count_params() for layer in model.layers if isinstance(layer, kinds)]


def test_basenets_parameters():
    model = basenet.basenet()
    assert counts(model, layers.Conv2D) == [75 * 6 + 6, 150 * 16 + 16]
    assert counts(model, layers.Dense) == [400 * 50 + 50, 50 * 25 + 25]
    initializers = {
        type(layer.kernel_initializer).__name__
        for layer in model.layers
        if hasattr(layer, "kernel_initializer")
    }
    assert initializers == {"GlorotUniform"}


def test_improvement_2_1_has_pairs_of_small_convolutions_and_no_dense_50():
    model = basenet.basenet_2_1()
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 4
    # 32 → 30 → 28 → 14 → 12 → 10 → 5 pixels a side.
    assert counts(model, layers.Dense) == [5 * 5 * 128 * 25 + 25]
    assert [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.4]


def test_improvement_2_2_has_one_convolution_more_after_up_sampling():
    model = basenet.basenet_2_2()
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [128, 128, 256, 256, 512]
    assert [layer.strides for layer in convolutions] == [(1, 1)] * 4 + [(2, 2)]
    assert {layer.padding for layer in convolutions} == {"same"}
    index = model.layers.index(convolutions[-1])
    assert isinstance(model.layers[index - 1], layers.UpSampling2D)
    assert counts(model, layers.Dense) == [8 * 8 * 512 * 25 + 25]


def test_improvement_2_3_is_2_2_in_residual_units():
    model = basenet.basenet_2_3()
    assert sum(isinstance(layer, layers.Add) for layer in model.layers) == 5
    sizes = {layer.kernel_size for layer in model.layers if isinstance(layer, layers.Conv2D)}
    assert sizes == {(1, 1), (3, 3)}
    assert counts(model, layers.Dense) == [2 * 2 * 512 * 25 + 25]


@pytest.mark.parametrize("name", NETWORKS)
def test_seed_and_classes(name):
    build = getattr(basenet, name)
    first, second = (build(classes=3, seed=4) for _ in range(2))
    assert first.output_shape == (None, 3)
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_hybrid_network_is_the_published_one():
    model = cnn_svr.network()
    assert counts(model, layers.Conv2D) == [75 * 5 + 5, 125 * 10 + 10, 40 * 10 + 10]
    # 32 → 28 → 14 → 10 → 5 → 4 → 2 pixels a side.
    assert counts(model, layers.Dense) == [2 * 2 * 10 * 100 + 100, 202]
    regression = cnn_svr.network(classes=1, activation="linear")
    assert regression.output_shape == (None, 1)
