import keras
import numpy as np
import pytest
from keras import ops

from pykeras_tl.models import use_compiled_loss, use_symbolic_loss


@pytest.fixture
def parts():
    keras.utils.set_random_seed(1)
    x = keras.Input((6,))
    code = keras.layers.Dense(2)(x)
    return code, keras.Model(x, keras.layers.Dense(6)(code))


def test_training_with_tensors_of_the_model(parts):
    code, model = parts
    model.compile(keras.optimizers.SGD(0.1), "mse")
    use_symbolic_loss(model, lambda y, p: ops.mean((y - p) ** 2, -1) + ops.mean(code**2, -1))
    data = np.random.default_rng(1).normal(size=(8, 6)).astype("float32")
    codes = keras.Model(model.inputs, code)
    before = codes.predict(data, verbose=0)
    wrong = np.mean((data - model.predict(data, verbose=0)) ** 2)
    expected = wrong + np.mean(before**2)
    assert model.evaluate(data, data, verbose=0) == pytest.approx(expected, rel=1e-4)
    weights = np.zeros(8)
    assert model.evaluate(data, data, sample_weight=weights, verbose=0) == 0
    model.fit(data, data, epochs=5, verbose=0)
    assert np.mean(codes.predict(data, verbose=0) ** 2) < np.mean(before**2)
    use_compiled_loss(model)
    model.compile("sgd", "mse")
    wrong = np.mean((data - model.predict(data, verbose=0)) ** 2)
    assert model.evaluate(data, data, verbose=0) == pytest.approx(wrong, rel=1e-4)


def test_tensors_of_another_model_are_refused(parts):
    _, model = parts
    other = keras.Input((2,), name="another")
    with pytest.raises(ValueError, match="another"):
        use_symbolic_loss(model, lambda y, p: ops.mean(p) + ops.mean(other))


def test_several_outputs_are_refused(parts):
    code, model = parts
    with pytest.raises(ValueError, match="2 outputs"):
        use_symbolic_loss(keras.Model(model.inputs, [code, model.outputs[0]]), lambda y, p: p)
