import keras
import numpy as np
import pytest

from pykeras_tl.models.transfer import transfer_model
from pykeras_tl.training.feature_cache.model_split import split_model

layers = keras.layers


def compiled(model):
    model.compile("sgd", loss="categorical_crossentropy")
    return model


def branched():
    """Two frozen branches of which one is used behind the trained convolution too."""
    inputs = keras.Input((16, 16, 3))
    left = layers.Conv2D(4, 3, padding="same", name="left", trainable=False)(inputs)
    right = layers.Conv2D(4, 5, padding="same", name="right", trainable=False)(inputs)
    right = layers.BatchNormalization(name="norm", trainable=False)(right)
    trained = layers.Conv2D(4, 3, padding="same", name="trained")(left)
    x = layers.Concatenate()([trained, right]) + 1.0
    x = layers.GlobalAveragePooling2D()(x * layers.Concatenate()([left, left]))
    return compiled(keras.Model(inputs, layers.Dense(2, name="head")(x)))


def nested():
    """A frozen model in a model, itself with a model inside, trained from its middle on."""
    inner = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.Conv2D(4, 3, name="second"),
        ],
        name="inner",
    )
    inputs = keras.Input((16, 16, 3))
    base = keras.Model(inputs, layers.Conv2D(4, 3, name="third")(inner(inputs)), name="base")
    inner.get_layer("first").trainable = False
    outer = keras.Sequential([keras.Input((16, 16, 3)), base, layers.Flatten(), layers.Dense(2)])
    return compiled(outer)


def run(model, x):
    split = split_model(model)
    return keras.ops.convert_to_numpy(split.head(split.feature_extractor(x)))


@pytest.mark.parametrize(
    ("make", "last"),
    [(branched, ["left", "norm"]), (nested, ["first"])],
    ids=["branched", "nested"],
)
def test_both_parts_together_are_the_model(make, last):
    model = make()
    x = np.random.RandomState(0).rand(5, 16, 16, 3).astype("float32")
    np.testing.assert_allclose(run(model, x), keras.ops.convert_to_numpy(model(x)), rtol=1e-5)
    split = split_model(model)
    assert sorted(split.boundary_names) == last
    assert {id(w) for w in split.head.trainable_variables} == {
        id(w) for w in model.trainable_variables
    }


def test_finding_a_cut_leaves_no_trace_on_the_layers():
    model = branched()
    before = {layer.name: len(layer._inbound_nodes) for layer in model.layers}
    run(model, np.zeros((1, 16, 16, 3), "float32"))
    assert {layer.name: len(layer._inbound_nodes) for layer in model.layers} == before


def chain(*middle):
    frozen = layers.Conv2D(4, 3, name="conv", trainable=False)
    return compiled(
        keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                frozen,
                *middle,
                layers.Flatten(name="flatten"),
                layers.Dense(2),
            ]
        )
    )


@pytest.mark.parametrize(
    ("layer", "passed"),
    [
        (layers.Dropout(0.5, name="it"), False),
        (layers.Dropout(0.0, name="it"), True),
        (layers.GaussianNoise(0.1, name="it"), False),
        (layers.RandomFlip(name="it"), False),
        (layers.BatchNormalization(name="it", trainable=False), True),
        (layers.BatchNormalization(name="it", center=False, scale=False), False),
        (layers.ReLU(name="it"), True),
        (layers.Dense(3, name="it", trainable=False), True),
        (layers.Activation("relu", activity_regularizer="l2", name="it"), False),
    ],
)
def test_what_differs_in_training_ends_the_feature_extractor(layer, passed):
    split = split_model(chain(layer))
    names = [each.name for each in split.feature_extractor.parts]
    assert ("it" in names) is passed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convnext_tiny", "densenet121", "mobilenet_v2", "resnet50_v2"])
def test_a_whole_frozen_backbone_is_spared(name):
    model = compiled(transfer_model(name, 3, input_shape=(32, 32, 3), weights=None, seed=0))
    (last,) = split_model(model).boundary_names
    assert last.startswith("head_average_pooling")


def test_padding_is_done_again_rather_than_kept():
    split = split_model(chain(layers.ZeroPadding2D(5)))
    assert split.boundary_names == ["conv"]


def test_pooling_is_kept_rather_than_done_again():
    split = split_model(chain(layers.MaxPooling2D(2, name="pool")))
    parts = split.feature_extractor.parts
    assert [part.name for part in parts] == ["conv", "pool", "flatten"]


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 768)))


def test_there_is_no_cut_where_nothing_is_spared():
    assert split_model(compiled(Own())) is None
    everything = compiled(
        keras.Sequential(
            [keras.Input((16, 16, 3)), layers.Rescaling(2.0), layers.Flatten(), layers.Dense(2)]
        )
    )
    assert split_model(everything) is None


def test_the_key_tells_weights_and_settings_apart_and_no_more():
    model = chain()
    key = split_model(model).key
    assert split_model(model).key == key
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert split_model(compiled(copy)).key == key
    head = chain()
    head.layers[0].set_weights(model.layers[0].get_weights())
    assert split_model(head).key == key
    model.layers[0].set_weights([weight + 1 for weight in model.layers[0].get_weights()])
    assert split_model(model).key != key
    head.layers[0].activation = keras.activations.relu
    assert split_model(head).key != key


def two_outputs():
    """A model whose layers are listed in another order than they are called in."""
    inputs = keras.Input((16, 16, 3))
    flat = layers.Flatten()(layers.Conv2D(2, 3, strides=8, trainable=False)(inputs))
    hidden = layers.Dense(4, name="hidden")(flat)
    first = layers.Dense(1, name="first")(hidden)
    second = layers.Dense(3, name="second")(hidden)
    return keras.Model(inputs, [second, first])


def test_the_head_lists_its_variables_in_the_model_s_order():
    model = two_outputs()
    model.compile("sgd", ["mse", "mse"])
    head = split_model(model).head
    ours = [id(variable) for variable in head.trainable_variables]
    assert ours == [id(variable) for variable in model.trainable_variables]
