import keras
import numpy as np
import pytest

from pykeras_tl.training.callbacks.weight_averaging import WeightAveraging
from pykeras_tl.training.fit_function import fit

from .test_resuming import Kill, Killed, Nothing, assert_same, weights


def network():
    """A network with batch normalization, of which the first layer is frozen."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            keras.layers.Conv2D(3, 3, strides=8, name="frozen", trainable=False),
            keras.layers.BatchNormalization(name="frozen_bn", trainable=False),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.BatchNormalization(name="bn", momentum=0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


class Record(keras.callbacks.Callback):
    """Copies all weights after each batch, and at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.batches, self.epochs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append([np.array(weight) for weight in self.model.get_weights()])

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append([np.array(weight) for weight in self.model.get_weights()])


def slow_averages(steps, momentum):
    """The plain recursion over the weights after each batch."""
    average = [np.float64(weight) for weight in steps[0]]
    for number, step in enumerate(steps[1:], 1):
        kept = min(momentum, (1 + number) / (10 + number))
        average = [kept * old + (1 - kept) * new for old, new in zip(average, step)]
    return average


def assert_close(ours, expected):
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def train(callbacks, make_flow, epochs=3, **options):
    model = network()
    flow, validation = make_flow(), make_flow(16, shuffle=False)
    options = {"validation_data": validation, "verbose": 0} | options
    return model, fit(model, flow, epochs=epochs, callbacks=callbacks, **options)


def test_the_model_ends_with_the_averages_and_trains_with_its_own_weights(make_flow):
    plain, averaged = Record(), Record()
    train([plain], make_flow)
    model, history = train([WeightAveraging(0.8), averaged], make_flow)
    for ours, expected in zip(averaged.batches, plain.batches, strict=True):
        assert_same(ours, expected)
    assert_close(model.get_weights(), slow_averages(plain.batches, 0.8))
    assert_same(model.get_weights(), averaged.epochs[-1])
    loss, accuracy = model.evaluate(make_flow(16, shuffle=False), verbose=0)
    np.testing.assert_allclose(history.history["val_loss"][-1], loss, rtol=1e-5)
    assert history.history["val_accuracy"][-1] == accuracy


def test_frozen_layers_stay_as_they_are(make_flow):
    before = network().get_weights()
    model, _ = train([WeightAveraging(0.8)], make_flow)
    assert_same(model.get_layer("frozen").get_weights(), before[:2])
    assert_same(model.get_layer("frozen_bn").get_weights(), before[2:6])


def test_the_best_weights_are_averages(make_flow):
    record = Record()
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True)
    model, history = train([WeightAveraging(0.8), stopping, record], make_flow, epochs=4)
    best = int(np.argmin(history.history["val_loss"]))
    assert_same(model.get_weights(), record.epochs[best])
    loss = model.evaluate(make_flow(16, shuffle=False), verbose=0)[0]
    np.testing.assert_allclose(loss, min(history.history["val_loss"]), rtol=1e-5)


def test_it_begins_at_an_epoch(make_flow):
    record = Record()
    model, _ = train([WeightAveraging(0.8, start_from_epoch=2), record], make_flow)
    assert_same(record.epochs[1], record.batches[9])
    assert_close(model.get_weights(), slow_averages(record.batches[10:], 0.8))


def test_without_validation_it_is_the_same(make_flow):
    with_validation, _ = train([WeightAveraging()], make_flow)
    without, _ = train([WeightAveraging()], make_flow, validation_data=None)
    assert_same(without.get_weights(), with_validation.get_weights())


@pytest.mark.parametrize("when", [(1, None), (1, 2)])
def test_a_killed_run_resumes_bit_for_bit(tmp_path, make_flow, when):
    def run(callback, folder):
        averaging = WeightAveraging(0.8)
        options = {"run_dir": folder, "save_minutes": 1e-9}
        model, history = train([averaging, callback], make_flow, epochs=2, **options)
        return [*weights(model), *averaging.averages], history.history

    expected, history = run(Nothing(), tmp_path / "whole")
    with pytest.raises(Killed):
        run(Kill(*when), tmp_path / "killed")
    resumed, again = run(Nothing(), tmp_path / "killed")
    assert again == history
    assert_same(resumed, expected)


def test_a_run_resumes_with_the_same_momentum_only(tmp_path, make_flow):
    train([WeightAveraging(0.8)], make_flow, epochs=1, run_dir=tmp_path)
    with pytest.raises(ValueError, match=r"these differ: the callbacks"):
        train([WeightAveraging(0.9)], make_flow, epochs=2, run_dir=tmp_path)


def test_weights_that_are_not_finite_are_never_averaged(make_flow):
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 3:
                self.model.get_layer("classes").kernel.assign(np.full((64, 4), np.nan))

    with pytest.warns(UserWarning, match="loss became nan"):
        model, _ = train([WeightAveraging(), Spoil()], make_flow, validation_data=None)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_mistakes_get_an_answer():
    with pytest.raises(ValueError, match=r"ema_momentum.*Received: 1"):
        WeightAveraging(1)
    with pytest.raises(ValueError, match=r"start_from_epoch.*Received: -1"):
        WeightAveraging(start_from_epoch=-1)
