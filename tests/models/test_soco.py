import pytest

from pykeras_tl.models.freezing import freeze_weights
from pykeras_tl.models.networks import soco


def parameter_counts(model):
    return [layer.count_params() for layer in model.layers if layer.count_params()]


def test_published_parameters():
    model = soco.network(classes=2)
    assert parameter_counts(model) == [896, 9248, 18496, 819328, 258]
    assert model.get_layer("flatten").output.shape == (None, 6400)
    assert parameter_counts(soco.network(classes=7))[-1] == 129 * 7


def test_binary_has_one_sigmoid_unit():
    model = soco.network(binary=True)
    assert model.output_shape == (None, 1)
    assert model.layers[-1].activation.__name__ == "sigmoid"
    with pytest.raises(
        ValueError, match=r"Expected classes=2 with binary=True\. Received: classes=7"
    ):
        soco.network(classes=7, binary=True)


def test_one_by_one_convolution_is_an_option():
    counts = parameter_counts(soco.network(one_by_one=16))
    assert counts == [896, 9248, 18496, 64 * 16 + 16, 1600 * 128 + 128, 258]


def test_case_4_trains_the_dense_layers_alone():
    model = freeze_weights(soco.network(), to="flatten")
    assert len(model.trainable_weights) == 4
