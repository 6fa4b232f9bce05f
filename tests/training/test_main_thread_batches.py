"""Batches that may only be made on the main thread: no call waits for them forever."""

import threading

import keras
import numpy as np
import pytest

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training import BatchFunction, evaluate, fit, predict

X = np.random.RandomState(0).uniform(0, 255, (10, 8, 8, 3))
Y = np.eye(2)[np.arange(10) % 2]


def _on_main_thread(image):
    assert threading.current_thread() is threading.main_thread()
    return image / 255


_on_main_thread.main_thread_only = True


def _anywhere(image):
    return image / 255


def _flow(function, **options):
    generator = ImageDataGenerator(preprocessing_function=function)
    return generator.flow(X, Y, batch_size=4, shuffle=False, **options)


def _generator():
    assert threading.current_thread() is threading.main_thread()
    return [X[:4] / 255, Y[:4]]


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


def test_predictions_and_metrics_are_those_of_any_thread(model):
    ours, theirs = _flow(_on_main_thread), _flow(_anywhere)
    np.testing.assert_allclose(
        predict(model, ours, verbose=0), model.predict(theirs, verbose=0), rtol=1e-5
    )
    assert predict(model, ours, steps=1.5, verbose=0).shape == (8, 2)
    np.testing.assert_allclose(
        evaluate(model, ours, verbose=0), model.evaluate(theirs, verbose=0), rtol=1e-5
    )


def test_predictions_take_callbacks(model):
    ends = []
    callback = keras.callbacks.LambdaCallback()
    callback.on_predict_batch_end = lambda batch, logs: ends.append(batch)
    predict(model, _flow(_on_main_thread), verbose=0, callbacks=[callback])
    assert ends == [0, 1, 2]


@pytest.mark.parametrize("training", ["arrays", "flow", "function"])
@pytest.mark.parametrize("validation", ["flow", "function"])
def test_training_on_the_main_threads_batches(model, training, validation):
    data = {
        "arrays": (X / 255, Y),
        "flow": (_flow(_on_main_thread),),
        "function": (BatchFunction(_generator),),
    }[training]
    validation_data = {"flow": _flow(_on_main_thread), "function": BatchFunction(_generator)}
    steps = None if training == "arrays" else 3
    history = fit(
        model,
        *data,
        epochs=2,
        steps_per_epoch=steps,
        validation_data=validation_data[validation],
        validation_steps=2,
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 2


def test_a_function_is_called_once_for_each_batch(model):
    calls = []

    def generator():
        calls.append(1)
        return _generator()

    fit(model, BatchFunction(generator), epochs=2, steps_per_epoch=3, verbose=0)
    assert len(calls) == 6
    predict(model, BatchFunction(lambda: calls.append(1) or X[:2]), steps=4, verbose=0)
    assert len(calls) == 10


def test_training_on_a_function_is_training_on_its_batches(model):
    weights = model.get_weights()
    batches = iter([(X[:5] / 255, Y[:5]), (X[5:] / 255, Y[5:])])
    fit(model, BatchFunction(lambda: next(batches)), epochs=1, steps_per_epoch=2, verbose=0)
    trained = model.get_weights()
    model.set_weights(weights)
    model.fit(X / 255, Y, batch_size=5, shuffle=False, verbose=0)
    for ours, theirs in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_the_end_of_a_generator_is_reported(model):
    batches = iter([[X[:4], Y[:4]]])
    with pytest.raises(ValueError, match="ended after 1 batches"):
        fit(model, BatchFunction(lambda: next(batches)), steps_per_epoch=3, verbose=0)


def test_a_generator_needs_a_number_of_steps(model):
    with pytest.raises(TypeError, match="steps_per_epoch"):
        fit(model, BatchFunction(_generator), verbose=0)
    with pytest.raises(TypeError, match="no length"):
        predict(model, BatchFunction(_generator), verbose=0)


def test_too_many_parts_are_reported(model):
    with pytest.raises(ValueError, match="4 parts"):
        evaluate(model, BatchFunction(lambda: [X, Y, Y, Y]), steps=1, verbose=0)
