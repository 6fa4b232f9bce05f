import keras
import numpy as np
import pytest

from pykeras_tl.training.optimizers import make_optimizer


@pytest.mark.parametrize("name", ["rmsprop", "RMSprop", "RMSPROP"])
def test_names_count_in_any_case(name):
    assert isinstance(make_optimizer(name), keras.optimizers.RMSprop)


def test_an_object_and_a_class_are_taken():
    made = keras.optimizers.Adam(0.5)
    assert make_optimizer(made) is made
    assert isinstance(make_optimizer(keras.optimizers.SGD, momentum=0.9), keras.optimizers.SGD)


def test_lr_is_the_learning_rate():
    assert float(make_optimizer("adam", lr=0.25).learning_rate) == 0.25


def test_the_default_rate_is_the_class_s_own():
    assert float(make_optimizer("sgd").learning_rate) == pytest.approx(0.01)


@pytest.mark.parametrize("decay", [1e-6, 0.01, 0.5])
def test_decay_is_keras_2_s_schedule(decay):
    optimizer = make_optimizer("sgd", learning_rate=0.1, decay=decay)
    weight = keras.Variable(0.0)
    expected = 0.0
    for iteration in range(20):
        optimizer.apply([keras.ops.convert_to_tensor(1.0)], [weight])
        expected -= 0.1 / (1 + decay * iteration)
    np.testing.assert_allclose(float(weight), expected, rtol=1e-5)


def test_options_left_at_none_keep_the_default():
    assert make_optimizer("rmsprop", epsilon=None).epsilon == keras.optimizers.RMSprop().epsilon


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: make_optimizer("adma"), ValueError, "Unknown optimizer 'adma'.*Adam"),
        (lambda: make_optimizer("sgd", rho=0.9), TypeError, "SGD has no argument 'rho'.*momentum"),
        (lambda: make_optimizer("sgd", learning_rate=0), ValueError, "above 0"),
        (lambda: make_optimizer("sgd", learning_rate=float("nan")), ValueError, "above 0"),
        (lambda: make_optimizer("sgd", decay=-1), ValueError, "0 or above"),
        (lambda: make_optimizer("sgd", lr=1.0, learning_rate=1.0), TypeError, "not both"),
        (lambda: make_optimizer(keras.optimizers.SGD(), lr=1.0), TypeError, "already a SGD object"),
        (lambda: make_optimizer(3), TypeError, "Received: int"),
        (
            lambda: make_optimizer(
                "sgd", keras.optimizers.schedules.CosineDecay(0.1, 10), decay=0.1
            ),
            ValueError,
            "Received: a schedule",
        ),
    ],
)
def test_mistakes_get_an_answer(call, error, says):
    with pytest.raises(error, match=says):
        call()
