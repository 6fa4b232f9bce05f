"""Gradients between symbolic tensors, as scripts of Keras 2 use them for Grad-CAM."""

import keras
import numpy as np
import pytest

from pykeras_tl.models import layer_tensors, symbolic_gradients


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def _numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_gradients_are_finite_differences(model):
    loss = model.output[:, 1]
    (gradient,) = symbolic_gradients(loss, [model.input])
    image = np.random.RandomState(0).uniform(size=(1, 8, 8, 3)).astype("float32")
    function = keras.Function([model.input], [loss, gradient])
    value, values = function([image])
    moved = image.copy()
    moved[0, 3, 4, 1] += 1e-2
    difference = (_numpy(function([moved])[0]) - _numpy(value)) / 1e-2
    np.testing.assert_allclose(_numpy(values)[0, 3, 4, 1], difference[0], rtol=1e-2, atol=1e-4)


def test_gradients_of_an_inner_layer_can_be_computed_with(model):
    layer = model.get_layer("conv")
    (gradient,) = symbolic_gradients(model.output[:, 0], [layer.output])
    pooled = keras.ops.mean(gradient, axis=(0, 1, 2))
    image = np.zeros((1, 8, 8, 3), "float32")
    values, output = keras.Function([model.input], [pooled, layer.output])([image])
    assert _numpy(values).shape == (4,)
    assert _numpy(output).shape == (1, 6, 6, 4)


def test_a_loss_that_does_not_depend_on_a_tensor_is_an_error(model):
    (gradient,) = symbolic_gradients(model.input[0, 0, 0, 0], [model.output])
    function = keras.Function([model.input], [gradient])
    with pytest.raises(ValueError, match="depends on the tensors"):
        function([np.zeros((1, 8, 8, 3))])


def test_values_are_not_symbolic(model):
    with pytest.raises(TypeError, match="GradientTape"):
        symbolic_gradients(model(np.zeros((1, 8, 8, 3))), [model.input])


def test_layers_of_a_sequential_model_that_grew():
    model = keras.Sequential([keras.Input((8, 8, 3))])
    for layer in (keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)):
        model.add(layer)
    inputs, output = layer_tensors(model, model.layers[0])
    assert inputs is model.inputs[0]
    (gradient,) = symbolic_gradients(model.outputs[0][:, 0], [output])
    keras.Function(model.inputs, [gradient])([np.zeros((1, 8, 8, 3))])


def test_layers_of_another_model_are_refused(model):
    with pytest.raises(ValueError, match="not in the model's graph"):
        layer_tensors(model, keras.layers.Dense(2))
    dense = keras.layers.Dense(2)
    unbuilt = keras.Sequential([dense])
    with pytest.raises(ValueError, match="input_shape"):
        layer_tensors(unbuilt, dense)
