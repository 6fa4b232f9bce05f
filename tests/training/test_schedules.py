import math

import keras
import numpy as np
import pytest

from pykeras_tl.training.fine_tuning import fine_tune
from pykeras_tl.training.fit_function import fit
from pykeras_tl.training.optimizers.by_name import make_optimizer
from pykeras_tl.training.optimizers.schedules import OneCycle, make_schedule


def rates(schedule, steps=range(101)):
    return [float(schedule(step)) for step in steps]


def half_cosine(start, end, done):
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def test_one_cycle_follows_its_formula():
    first, last = 0.2 / 10, 0.2 / 10 / 1000
    expected = [
        half_cosine(first, 0.2, step / 40)
        if step < 40
        else half_cosine(0.2, last, (step - 40) / 60)
        for step in range(101)
    ]
    schedule = OneCycle(0.2, 100, warmup=0.4, div_factor=10, final_div_factor=1000)
    np.testing.assert_allclose(rates(schedule), expected, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(rates(schedule, [150]), expected[-1:], rtol=1e-4)


@pytest.mark.parametrize("warmup", [None, 0, 0.1])
def test_cosine_follows_its_formula(warmup):
    rising = round((warmup or 0) * 100)
    expected = [
        0.5 * step / rising
        if step < rising
        else half_cosine(0.5, 0, (step - rising) / (100 - rising))
        for step in range(101)
    ]
    found = rates(make_schedule("cosine", 0.5, 100, warmup))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_constant_is_a_number_or_rises_to_it():
    assert make_schedule("constant", 0.5, 100) == 0.5
    assert [make_schedule(name, 0.5, 1)(0) >= 0 for name in ("cosine", "one-cycle")]
    found = rates(make_schedule("constant", 0.5, 100, warmup=0.25), [0, 10, 25, 60, 100])
    np.testing.assert_allclose(found, [0, 0.2, 0.5, 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize("name", ["cosine", "one-cycle"])
def test_optimizers_with_a_schedule_are_saved(name):
    optimizer = make_optimizer("sgd", make_schedule(name, 0.5, 100, 0.2), momentum=0.9)
    saved = keras.saving.serialize_keras_object(optimizer)
    loaded = keras.saving.deserialize_keras_object(saved)
    assert rates(loaded._learning_rate) == rates(optimizer._learning_rate)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cosin", 0.1, 10), "Unknown schedule 'cosin'.*'one-cycle'"),
        (("cosine", 0, 10), "above 0. Received: 0"),
        (("one-cycle", float("inf"), 10), "above 0. Received: inf"),
        (("cosine", 0.1, 0), "at least 1. Received: 0"),
        (("one-cycle", 0.1, 10, 1.0), "below 1. Received: 1.0"),
        (("cosine", 0.1, 10, -0.1), "below 1. Received: -0.1"),
    ],
)
def test_mistakes_get_an_answer(arguments, says):
    with pytest.raises(ValueError, match=says):
        make_schedule(*arguments)


def test_fine_tuning_goes_through_the_whole_schedule(make_flow):
    base = keras.layers.Dense(3, name="base")
    base.trainable = False
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            keras.layers.AveragePooling2D(16),
            keras.layers.Flatten(),
            base,
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    fine_tune(
        model,
        make_flow(),
        unfreeze_from="base",
        epochs_head=1,
        epochs_fine=2,
        optimizer_fine="adamw",
        learning_rate_fine=0.25,
        layer_rates=0.5,
        schedule="one-cycle",
        weight_decay=0.05,
        loss="categorical_crossentropy",
        callbacks=[Look()],
        verbose=0,
    )
    np.testing.assert_allclose(seen[5:], rates(OneCycle(0.25, 10), range(10)), rtol=1e-6)
    config = model.optimizer.get_config()
    assert (config["layer_rates"], config["weight_decay"]) == ([0.5, 0.5, 1.0, 1.0], 0.05)


def test_a_killed_run_resumes_bit_for_bit(tmp_path, make_flow, small_model):
    from .test_resuming import Kill, Killed, Nothing, assert_same, weights

    def run(callback, folder):
        model = small_model(make_optimizer("sgd", OneCycle(0.1, 10), momentum=0.9))
        options = {"callbacks": [callback], "run_dir": folder, "verbose": 0}
        fit(model, make_flow(), epochs=2, save_minutes=1e-9, **options)
        return model

    expected = run(Nothing(), tmp_path / "whole")
    with pytest.raises(Killed):
        run(Kill(1, 2), tmp_path / "killed")
    assert_same(weights(run(Nothing(), tmp_path / "killed")), weights(expected))
