"""Tests of batch normalization that is folded into convolutions, against the model's own layers."""

import keras
import numpy as np
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.models import freeze_batch_norm
from pykeras_tl.models.graph.depthwise_convolution import depthwise_convolution
from pykeras_tl.models.graph.inference_model import inference_model
from pykeras_tl.models.graph.nodes import flat_graph
from pykeras_tl.models.graph.subgraph import Subgraph
from pykeras_tl.training import fit

layers = keras.layers
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="XLA folds by itself; torch is not folded"
)


def _model(momentum=0.9):
    """A branched network of all kinds of convolution, with statistics that are not trivial."""
    inputs = layers.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization(momentum=momentum)(x)
    x = layers.ReLU(6.0)(x)
    short = layers.Conv2D(8, 1)(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.Conv2D(8, 1, use_bias=False, kernel_regularizer="l2")(x)
    x = layers.BatchNormalization(center=False)(x)
    short = layers.BatchNormalization()(short)
    x = layers.ReLU()(layers.Add()([x, short]))
    # What is between these two is used twice.
    twice = layers.Conv2D(8, 3, dilation_rate=2, padding="same")(x)
    x = layers.Add()([layers.BatchNormalization()(twice), twice])
    outputs = layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.9, weight.shape) for weight in model.get_weights()])
    freeze_batch_norm(model)
    return model


def _folded(model):
    graph = flat_graph(model)
    return Subgraph(graph.nodes, graph.inputs, graph.outputs, model.trainable_variables)


def test_outputs_and_gradients_are_those_of_the_layers():
    import tensorflow as tf

    model = _model()
    images = np.random.default_rng(1).uniform(-1, 1, (5, 12, 10, 3)).astype("float32")
    results = []
    for each in (model, _folded(model)):
        with tf.GradientTape() as tape:
            outputs = each(images, training=True)
            loss = tf.reduce_sum(outputs[:, 0] * tf.range(5.0)) + sum(each.losses)
        results.append(
            [outputs, *tape.gradient(loss, [v.value for v in model.trainable_variables])]
        )
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


def test_four_of_five_are_folded_and_only_while_statistics_are_held():
    model = _model()
    folded = _folded(model)
    assert len(folded._steps) == len(folded._graph.nodes) - 4
    learning = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(2, 1)])
    learning.add(layers.BatchNormalization())
    assert not _folded(learning).is_folded
    learning.layers[-1].trainable = False
    assert _folded(learning).is_folded


@pytest.mark.parametrize(
    "convolution",
    [
        layers.Conv2D(4, 3, activation="relu"),
        layers.Conv2D(4, 3, groups=2),
        layers.Conv2D(4, 3, activity_regularizer="l2"),
        layers.Conv2D(4, 3, dtype="mixed_bfloat16"),
        layers.SeparableConv2D(4, 3),
    ],
)
def test_other_convolutions_are_left_alone(convolution):
    model = keras.Sequential([keras.Input((8, 8, 4)), convolution, layers.BatchNormalization()])
    freeze_batch_norm(model)
    assert not _folded(model).is_folded


def test_fit_gives_the_weights_of_keras():
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(0, 1, (12, 12, 10, 3)), np.eye(3)[np.arange(12) % 3]
    weights = []
    for by_keras in (True, False):
        model = _model()
        model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
        flow = ImageDataGenerator(horizontal_flip=True).flow(images, labels, batch_size=4, seed=0)
        if by_keras:
            for _ in range(6):
                model.train_on_batch(*next(flow))
        else:
            fit(model, flow, epochs=2, verbose=0)
            assert model.evaluate(images, labels, verbose=0) == pytest.approx(
                float(model.test_on_batch(images, labels))
            )
        weights.append(model.get_weights())
    for expected, actual in zip(*weights):
        np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_predictions_are_folded_too_and_follow_the_model():
    images = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 3)).astype("float32")
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    model.add(layers.BatchNormalization())
    predicting = inference_model(model)
    assert predicting is not model
    # What is learned afterwards, statistics included, and layers that are added, count.
    for change in (
        lambda: model(images, training=True),
        lambda: model.layers[0].set_weights([2 * each for each in model.layers[0].get_weights()]),
        lambda: model.add(layers.GlobalAveragePooling2D()),
    ):
        change()
        expected = np.asarray(model(images, training=False))
        actual = inference_model(model).predict_on_batch(images)
        np.testing.assert_allclose(actual, expected, atol=1e-5)
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    assert inference_model(dense) is dense


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sides", [(9, 12), (None, 12)])
def test_large_depthwise_kernels_have_the_gradients_of_keras(padding, stride, sides):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 9, 12, 2)).astype("float32")
    kernel = rng.normal(size=(5, 5, 2, 3)).astype("float32")
    window = ((stride, stride), padding)

    @tf.function(input_signature=[tf.TensorSpec([None, *sides, 2]), tf.TensorSpec(kernel.shape)])
    def ours(x, k):
        y = depthwise_convolution(x, k, *window, (1, 1))
        return [y, *tf.gradients(tf.sin(y), [x, k])]

    @tf.function
    def keras_op(x, k):
        y = keras.ops.depthwise_conv(x, k, *window, "channels_last")
        return [y, *tf.gradients(tf.sin(y), [x, k])]

    for mine, expected in zip(ours(images, kernel), keras_op(images, kernel)):
        np.testing.assert_allclose(mine, expected, atol=1e-4)
