import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.fit_function import fit


def weights(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


class Interrupt(keras.callbacks.Callback):
    """Stands for the user pressing Ctrl-C in the given epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.wanted = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.wanted and batch == 1:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_batch_k_is_the_kth_of_next(make_flow, small_model, workers):
    augmenting = {"rotation_range": 20, "horizontal_flip": True}
    model, expected = small_model(dropout_seed=1), small_model(dropout_seed=1)
    fit(model, make_flow(**augmenting), epochs=2, verbose=0, workers=workers)
    flow = make_flow(**augmenting)
    for _ in range(2 * len(flow)):
        expected.train_on_batch(*next(flow))
    np.testing.assert_array_equal(weights(model), weights(expected))


@pytest.mark.slow
def test_in_file_order_it_is_what_keras_does(make_flow, small_model):
    model, expected = small_model(dropout_seed=1), small_model(dropout_seed=1)
    options = {"epochs": 2, "verbose": 0, "class_weight": {0: 2.0, 1: 1, 2: 1, 3: 1}}
    ours = fit(
        model, make_flow(shuffle=False), validation_data=make_flow(20, shuffle=False), **options
    )
    theirs = expected.fit(
        make_flow(shuffle=False),
        shuffle=False,
        validation_data=make_flow(20, shuffle=False),
        **options,
    )
    assert ours.history == theirs.history
    assert ours.epoch == theirs.epoch
    np.testing.assert_array_equal(weights(model), weights(expected))


@pytest.mark.slow
def test_fractional_steps_round_up_and_data_wrap_over(make_flow, small_model):
    model, expected = small_model(dropout_seed=1), small_model(dropout_seed=1)
    flow = make_flow()
    history = fit(model, flow, epochs=3, steps_per_epoch=2.5, verbose=0)
    assert history.params["steps"] == 3
    assert flow.total_batches_seen == 9
    again = make_flow()
    for _ in range(9):
        expected.train_on_batch(*next(again))
    np.testing.assert_array_equal(weights(model), weights(expected))


@pytest.mark.slow
def test_validation_begins_at_the_beginning_each_time(make_flow, small_model):
    model = small_model(optimizer=keras.optimizers.SGD(1e-12))
    history = fit(
        model,
        make_flow(),
        epochs=3,
        validation_data=make_flow(24, shuffle=False),
        validation_steps=1.5,
        verbose=0,
    )
    expected = model.evaluate(
        *(part[:16] for part in next(make_flow(24, 24, shuffle=False))), verbose=0
    )
    np.testing.assert_allclose(history.history["val_loss"], expected[0], rtol=1e-5)


@pytest.mark.slow
def test_the_flow_goes_on_behind_the_last_batch_trained_on(make_flow, small_model):
    class StopEarly(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    flow, same = make_flow(), make_flow()
    fit(small_model(), flow, epochs=5, callbacks=[StopEarly()], verbose=0)
    next(same)
    np.testing.assert_array_equal(next(flow)[0], next(same)[0])


def test_without_a_seed_too_the_flow_goes_on(make_flow, small_model):
    class StopEarly(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    flow, same = make_flow(seed=None), make_flow(seed=None)
    same._random.set_state(flow._random.get_state())
    fit(small_model(), flow, epochs=5, callbacks=[StopEarly()], verbose=0)
    next(same)
    np.testing.assert_array_equal(next(flow)[0], next(same)[0])


@pytest.mark.slow
def test_sample_weights_count(make_flow, small_model):
    halves = np.repeat([0.0, 1.0], 20)
    model, other = small_model(), small_model()
    fit(model, make_flow(sample_weight=halves), verbose=0)
    fit(other, make_flow(), verbose=0)
    assert not np.array_equal(weights(model), weights(other))


@pytest.mark.slow
def test_class_weights_go_by_name_or_number(tmp_path, small_model, write_folder):
    write_folder(tmp_path)

    def flow():
        return ImageDataGenerator(rescale=1 / 255).flow_from_directory(
            tmp_path, target_size=(48, 48), batch_size=8, seed=1
        )

    model = small_model()
    fit(model, flow(), verbose=0, class_weight={"a": 3.0, "b": 1, "c": 1, "d": 1})
    expected = small_model()
    fit(expected, flow(), verbose=0, class_weight={0: 3.0, 1: 1, 2: 1, 3: 1})
    np.testing.assert_array_equal(weights(model), weights(expected))
    with pytest.raises(ValueError, match="has the unknown class 'e'"):
        fit(model, flow(), verbose=0, class_weight={"e": 3.0})


@pytest.mark.slow
def test_arrays_go_to_keras_as_they_are(images, small_model):
    x, y = images[0] / 255.0, images[1]
    model = small_model()
    ours = fit(model, x, y, epochs=2, batch_size=10, validation_split=0.5, verbose=0, shuffle=False)
    theirs = small_model().fit(
        x, y, epochs=2, batch_size=10, validation_split=0.5, verbose=0, shuffle=False
    )
    assert ours.history == theirs.history


@pytest.mark.slow
def test_ctrl_c_returns_the_history_so_far(make_flow, small_model, caplog):
    caplog.set_level("INFO", "pykeras_tl")
    model = small_model()
    history = fit(model, make_flow(), epochs=9, callbacks=[Interrupt(2)], verbose=0)
    assert history.stopped
    assert history.epoch == [0, 1]
    assert len(history.history["loss"]) == 2
    assert "the history ends with epoch 2" in caplog.text
    assert fit(model, make_flow(), verbose=0).epoch == [0]


def test_ctrl_c_in_the_first_epoch_is_passed_on(make_flow, small_model):
    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), make_flow(), epochs=9, callbacks=[Interrupt(0)], verbose=0)


def test_an_error_in_a_worker_comes_as_it_was(make_flow, small_model):
    flow = make_flow()
    calls = []

    def fail(plan, **options):
        calls.append(plan)
        if len(calls) > 3:
            raise FileNotFoundError("gone.jpg")
        return type(flow).compute_batch(flow, plan, **options)

    flow.compute_batch = fail
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        fit(small_model(), flow, epochs=2, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("validated", [False, True])
def test_main_thread_functions_run_on_the_main_thread_only(make_flow, small_model, validated):
    import threading

    threads = set()

    def function(x):
        threads.add(threading.current_thread())
        return x

    function.main_thread_only = True
    model = small_model()
    options = (
        {"validation_data": make_flow(20, preprocessing_function=function)} if validated else {}
    )
    history = fit(model, make_flow(preprocessing_function=function), epochs=2, verbose=0, **options)
    assert threads == {threading.main_thread()}
    options = {"validation_data": make_flow(20)} if validated else {}
    expected = fit(small_model(), make_flow(), epochs=2, verbose=0, **options)
    assert expected.history == history.history


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras refuses it on torch")
def test_several_steps_at_once(make_flow, small_model):
    model, expected = small_model(steps_per_execution=2), small_model()
    flow = make_flow()
    fit(model, flow, steps_per_epoch=4, epochs=2, verbose=0)
    fit(expected, make_flow(), steps_per_epoch=4, epochs=2, verbose=0)
    assert flow.total_batches_seen == 8
    np.testing.assert_allclose(weights(model), weights(expected), rtol=1e-5, atol=1e-7)


def test_history_is_plain_and_params_are_keras_s(make_flow, small_model):
    history = fit(small_model(), make_flow(), epochs=2, verbose=0)
    assert {type(value) for values in history.history.values() for value in values} == {float}
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 5}


def test_initial_epoch_counts_on(make_flow, small_model):
    assert fit(small_model(), make_flow(), epochs=4, initial_epoch=2, verbose=0).epoch == [2, 3]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras refuses it on torch")
@pytest.mark.parametrize("on_main_thread", [False, True])
def test_several_steps_at_once_end_with_the_epoch(make_flow, small_model, on_main_thread):
    def function(x):
        return x

    function.main_thread_only = on_main_thread
    model, expected = small_model(steps_per_execution=2), small_model()
    flow = make_flow(24, preprocessing_function=function)
    history = fit(model, flow, epochs=2, validation_data=make_flow(24), verbose=0)
    others = fit(expected, make_flow(24), epochs=2, validation_data=make_flow(24), verbose=0)
    # Three batches in an epoch: the second execution has one, and none of the next epoch.
    assert flow.total_batches_seen == 6
    for name, values in others.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    np.testing.assert_allclose(weights(model), weights(expected), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_table_with_several_outputs(tmp_path, write_folder, frozen):
    write_folder(tmp_path, 8)
    paths = sorted(str(path) for path in tmp_path.rglob("*.png"))
    table = pd.DataFrame({"filename": paths, "size": 0.5, "kind": [0, 1] * 4})
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_dataframe(
        table, y_col=["size", "kind"], class_mode="multi_output", target_size=(8, 8), batch_size=4
    )
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(2, 3, trainable=not frozen)(inputs)
    flat = keras.layers.Flatten()(maps)
    outputs = [
        keras.layers.Dense(1, name="size")(flat),
        keras.layers.Dense(2, activation="softmax", name="kind")(flat),
    ]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"], jit_compile=False)
    history = fit(model, flow, epochs=2, validation_data=flow, verbose=0)
    assert {"size_loss", "kind_loss", "val_size_loss"} <= set(history.history)
