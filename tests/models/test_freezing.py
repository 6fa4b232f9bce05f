import keras
import pytest
from keras import layers

from pykeras_tl.models.freezing import (
    freeze_weights,
    trainable_table,
    unfreeze_weights,
)


def five_dense():
    """The model of R keras's own tests of `which`."""
    return keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(32, name="input"),
            layers.Activation("relu", name="relu_activation"),
            *(layers.Dense(10, name=f"dense{i}") for i in range(1, 6)),
            layers.Activation("softmax", name="softmax_activation"),
        ]
    )


def states(model):
    return "".join("t" if trains else "-" for trains in trainable_table(model)["trainable"])


@pytest.fixture(scope="module")
def vgg16():
    return keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))


@pytest.fixture
def transfer(vgg16):
    vgg16.trainable = True
    inputs = keras.Input((32, 32, 3))
    outputs = layers.Flatten(name="flatten")(vgg16(inputs, training=False))
    outputs = layers.Dense(8, name="hidden")(outputs)
    return keras.Model(inputs, layers.Dense(2, name="probabilities")(outputs))


def test_whole_model_and_back():
    model = five_dense()
    assert freeze_weights(model) is model
    assert model.trainable_weights == []
    assert len(unfreeze_weights(model).trainable_weights) == 12


def test_unfreezing_reaches_what_was_frozen_inside(transfer, vgg16):
    """Setting `trainable` on the outer model would do nothing: it trains already."""
    vgg16.trainable = False
    assert len(unfreeze_weights(transfer).trainable_weights) == 30
    assert len(freeze_weights(vgg16).trainable_weights) == 0
    assert len(unfreeze_weights(transfer, to="flatten").trainable_weights) == 26


def test_single_layer_is_frozen_entirely():
    layer = layers.Dense(1)
    assert not freeze_weights(layer).trainable
    with pytest.raises(TypeError, match="call without them for a single layer"):
        freeze_weights(layer, from_=1)


# The expectations of rstudio/keras's test-freeze.R, its 1-based positive indices less one.
@pytest.mark.parametrize(
    ("change", "arguments", "trains", "frozen"),
    [
        (freeze_weights, {"from_": -2}, 10, 2),
        (freeze_weights, {"from_": -3}, 8, 4),
        (freeze_weights, {"from_": -4, "to": -3}, 8, 4),
        (freeze_weights, {"which": lambda layer: layer.name.startswith("dense")}, 2, 10),
        (unfreeze_weights, {"which": lambda layer: layer.name.startswith("dense")}, 10, 2),
        (unfreeze_weights, {"which": [5, 6]}, 4, 8),
        (unfreeze_weights, {"which": ["dense1", "dense2"]}, 4, 8),
        (freeze_weights, {"which": [5, 6]}, 8, 4),
        (freeze_weights, {"which": ["dense1", "dense2"]}, 8, 4),
        (freeze_weights, {"which": [2, "dense3"]}, 8, 4),
        (freeze_weights, {"from_": 1, "to": 2}, 10, 2),
        (freeze_weights, {"from_": "dense1"}, 2, 10),
    ],
)
def test_as_r_keras(change, arguments, trains, frozen):
    model = five_dense()
    change(model, **arguments)
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (trains, frozen)


def test_every_other_layer_gets_the_opposite_whatever_it_was():
    model = five_dense()
    freeze_weights(model)
    assert states(freeze_weights(model, from_="dense5")) == "tttttt--"
    assert states(unfreeze_weights(model, to="relu_activation")) == "tt------"
    assert states(freeze_weights(model, which="dense3")) == "tttt-ttt"
    assert states(freeze_weights(model, which=model.layers[0])) == "-ttttttt"
    assert states(unfreeze_weights(model, which=[True] + [False] * 7)) == "t-------"


def test_layer_inside_a_nested_model(transfer, vgg16):
    unfreeze_weights(transfer, from_="block5_conv1")
    table = trainable_table(transfer)
    assert table.loc[table["trainable"], "layer"].tolist() == [
        *(f"vgg16/block5_{name}" for name in ("conv1", "conv2", "conv3", "pool")),
        "flatten",
        "hidden",
        "probabilities",
    ]
    assert len(transfer.trainable_weights) == 6 + 4
    assert len(vgg16.trainable_weights) == 6


@pytest.mark.parametrize("name", ["vgg16/block5_conv1", "block5", "vgg16/block5"])
def test_stage_and_path_mean_the_same_as_the_stages_first_layer(transfer, name):
    expected = states(unfreeze_weights(transfer, from_="block5_conv1"))
    unfreeze_weights(transfer)
    assert states(unfreeze_weights(transfer, from_=name)) == expected


def test_stage_ends_where_it_ends(transfer, vgg16):
    assert len(unfreeze_weights(transfer, which="block2").trainable_weights) == 4
    assert len(freeze_weights(vgg16, to="block4").trainable_weights) == 6


def test_nested_model_by_name_is_taken_whole(transfer, vgg16):
    freeze_weights(transfer, which="vgg16")
    assert not vgg16.trainable
    assert len(transfer.trainable_weights) == 4
    # `from_` after the nest unfreezes the nest, as in R: every other layer gets the opposite.
    freeze_weights(transfer, from_="hidden")
    assert vgg16.trainable
    assert len(transfer.trainable_weights) == 26
    assert len(unfreeze_weights(transfer, from_=1).trainable_weights) == 30


def test_function_reaches_layers_inside_nested_models(transfer):
    freeze_weights(transfer, which=lambda layer: isinstance(layer, layers.Conv2D))
    assert len(transfer.trainable_weights) == 4
    freeze_weights(transfer, which=lambda layer: layer.name == "vgg16")
    assert len(transfer.trainable_weights) == 4


def test_unknown_name_names_the_near_ones(transfer):
    with pytest.raises(
        ValueError, match=r"no layer or stage named 'block5_con1'\. Did you mean .*'block5_conv1'"
    ):
        freeze_weights(transfer, from_="block5_con1")
    with pytest.raises(ValueError, match="Its layers are input_layer"):
        freeze_weights(transfer, from_="zzzzzz")


def test_name_of_several_layers_is_refused():
    def small(name):
        return keras.Sequential([keras.Input((2,)), layers.Dense(2, name="d")], name=name)

    model = keras.Sequential([keras.Input((2,)), small("one"), small("two")])
    with pytest.raises(
        ValueError, match=r"2 layers or stages of model .* are named 'd': one/d, two/d"
    ):
        freeze_weights(model, which="d")
    freeze_weights(model, which="two/d")
    assert [leaf.trainable for leaf in model.layers] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"from_": 8},
            IndexError,
            r"has 8 layers\. Expected an index from 0 to 7 or from -8 to -1\. Received: 8",
        ),
        ({"to": -9}, IndexError, "Received: -9"),
        ({"from_": "dense3", "to": "dense1"}, ValueError, "comes after"),
        ({"from_": 1, "which": 2}, ValueError, "Expected either `which` or"),
        (
            {"which": [True, False]},
            ValueError,
            r"one bool in `which` for each of the 8 layers .* Received: 2",
        ),
        ({"from_": 1.5}, TypeError, "float"),
        (
            {"which": layers.Dense(1, name="stranger")},
            ValueError,
            "Layer 'stranger' is not in model",
        ),
    ],
)
def test_mistakes_change_nothing(arguments, error, message):
    model = five_dense()
    before = states(freeze_weights(model, to="dense2"))
    with pytest.raises(error, match=message):
        freeze_weights(model, **arguments)
    assert states(model) == before


def test_table(transfer):
    freeze_weights(transfer, to="vgg16")
    table = trainable_table(transfer).set_index("layer")
    assert table.loc["vgg16/block1_conv1", "output_shape"] == (None, 32, 32, 64)
    assert table["parameters"].sum() == transfer.count_params()
    assert table.loc[table["trainable"], "parameters"].sum() == 512 * 8 + 8 + 8 * 2 + 2
