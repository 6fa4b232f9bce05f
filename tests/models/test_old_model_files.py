"""HDF5 model files by Keras 2, with the descriptions that tf_keras writes."""

import json

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from pykeras_tl.models import load_model
from pykeras_tl.models.saving.weight_files import load_weights

_GLOROT = {
    "module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": None},
    "registered_name": None,
}  # fmt: skip
_ADAM = {
    "class_name": "Custom>Adam",
    "config": {
        "name": "Adam", "weight_decay": None, "clipnorm": None, "global_clipnorm": None,
        "clipvalue": None, "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
        "jit_compile": False, "is_legacy_optimizer": False, "learning_rate": 0.01, "beta_1": 0.8,
        "beta_2": 0.999, "epsilon": 1e-07, "amsgrad": False,
    },
}  # fmt: skip
_KERNEL = np.arange(6, dtype="float32").reshape(3, 2) / 10
_BIAS = np.array([0.5, -0.5], "float32")


def _training(optimizer=_ADAM, loss="mse", metrics=None, weighted_metrics=None):
    return {
        "loss": loss, "metrics": metrics, "weighted_metrics": weighted_metrics,
        "loss_weights": None, "optimizer_config": optimizer,
    }  # fmt: skip


def _wrapped(name, function):
    config = {"name": name, "dtype": "float32", "fn": function}
    return {"class_name": "MeanMetricWrapper", "config": config}


def _write(path, described, weights=None, training=None, state=None, version=b"2.15.0"):
    """Write a file as Keras 2 does: descriptions as text, weights by layer."""

    def fill(group, arrays):
        group.attrs["weight_names"] = [name.encode() for name in arrays]
        for name, array in arrays.items():
            group[name] = array

    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(described).encode()
        if training is not None:
            text = training if isinstance(training, str) else json.dumps(training)
            file.attrs["training_config"] = text.encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer.encode() for layer in weights or {}]
        for layer, arrays in (weights or {}).items():
            fill(group.create_group(layer), arrays)
        if state is not None:
            fill(file.create_group("optimizer_weights"), state)
    return path


def _layer(kind, name, *calls, **config):
    described = {"class_name": kind, "config": {"name": name, "dtype": "float32", **config}}
    return {**described, "name": name, "inbound_nodes": list(calls)}


def _input(*shape, name="input_1", dtype="float32"):
    config = {"batch_input_shape": [None, *shape], "dtype": dtype, "sparse": False, "ragged": False}
    return _layer("InputLayer", name, **config)


def _call(layer, node=0, **settings):
    return [[layer, node, 0, settings]]


def _functional(*stacked, outputs=None, name="model"):
    config = {
        "name": name, "trainable": True, "layers": list(stacked),
        "input_layers": [[stacked[0]["name"], 0, 0]],
        "output_layers": outputs or [[stacked[-1]["name"], 0, 0]],
    }  # fmt: skip
    return {"class_name": "Functional", "config": config}


def _sequential(*stacked, name="sequential"):
    kept = [{"class_name": each["class_name"], "config": each["config"]} for each in stacked]
    return {"class_name": "Sequential", "config": {"name": name, "layers": kept}}


def _dense(name="dense", *calls, **config):
    defaults = {
        "trainable": True, "units": 2, "activation": "linear", "use_bias": True,
        "kernel_initializer": _GLOROT,
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.001}},
    }  # fmt: skip
    return _layer("Dense", name, *calls, **{**defaults, **config})


def _dense_weights(name="dense"):
    return {f"{name}/kernel:0": _KERNEL, f"{name}/bias:0": _BIAS}


def _dense_file(path, training=None, **options):
    described = _sequential(_input(3), _dense())
    return _write(path, described, {"dense": _dense_weights()}, training, **options)


def test_the_state_of_a_newer_optimizer_loads(tmp_path):
    state = {"iteration:0": np.int64(7)}
    for weight in ("kernel", "bias"):
        for slot, value in (("m", 0.25), ("v", 0.75)):
            shape = _dense_weights()[f"dense/{weight}:0"].shape
            state[f"Adam/{slot}/dense/{weight}:0"] = np.full(shape, value, "float32")
    metrics = [[_wrapped("acc", "categorical_accuracy")]]
    training = _training(metrics=metrics, weighted_metrics=[["mae"]])
    path = _dense_file(tmp_path / "adam.h5", training, state=state)
    model = load_model(path)
    np.testing.assert_allclose(model.predict(np.ones((1, 3)), verbose=0), [[1.1, 0.4]], atol=1e-6)
    optimizer = model.optimizer
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert (float(optimizer.learning_rate), optimizer.beta_1) == (pytest.approx(0.01), 0.8)
    assert int(optimizer.iterations) == 7
    assert [float(np.mean(slot)) for slot in optimizer.variables[2:]] == [0.25, 0.75] * 2
    logs = model.evaluate(np.ones((4, 3)), np.ones((4, 2)), verbose=0, return_dict=True)
    assert {"loss", "acc"} < set(logs)
    assert not load_model(path, compile=False).compiled


def test_older_optimizers_keep_their_decay_and_state(tmp_path):
    # The names and the order of the older optimizers: one slot of all weights, then the next.
    config = {"name": "Adam", "lr": 0.1, "decay": 0.5, "beta_1": 0.9, "epsilon": None}
    state = {"Adam/iter:0": np.int64(4)}
    for slot, value in (("m", 0.25), ("v", 0.75)):
        state[f"Adam/dense/kernel/{slot}:0"] = np.full((3, 2), value, "float32")
        state[f"Adam/dense/bias/{slot}:0"] = np.full(2, value, "float32")
    training = _training({"class_name": "Adam", "config": config})
    optimizer = load_model(_dense_file(tmp_path / "old.h5", training, state=state)).optimizer
    # 0.1 / (1 + 0.5 * 4)
    assert float(optimizer.learning_rate) == pytest.approx(0.1 / 3)
    slots = [each for each in optimizer.variables if len(each.shape)]
    assert [float(np.mean(slot)) for slot in slots] == [0.25, 0.75] * 2


@pytest.mark.parametrize(
    ("kind", "config", "attribute", "value"),
    [
        ("RMSprop", {"lr": 2e-5, "rho": 0.8, "decay": 0.0, "epsilon": 1e-7}, "rho", 0.8),
        ("Custom>SGD", {"learning_rate": 2e-5, "momentum": 0.9}, "momentum", 0.9),
        ("Nadam", {"lr": 2e-5, "schedule_decay": 0.004, "beta_1": 0.7}, "beta_1", 0.7),
        ("Custom>AdamW", {"learning_rate": 2e-5, "weight_decay": 0.01}, "weight_decay", 0.01),
    ],
)
def test_optimizers_by_their_old_config(tmp_path, kind, config, attribute, value):
    training = _training({"class_name": kind, "config": {"name": "x", **config}})
    optimizer = load_model(_dense_file(tmp_path / "old.h5", training)).optimizer
    assert type(optimizer).__name__ == kind.removeprefix("Custom>")
    assert float(optimizer.learning_rate) == pytest.approx(2e-5)
    assert getattr(optimizer, attribute) == value


def test_schedules_load(tmp_path):
    schedule = {
        "module": "keras.optimizers.schedules", "class_name": "ExponentialDecay",
        "config": {"initial_learning_rate": 0.1, "decay_steps": 1, "decay_rate": 0.5, "name": None},
        "registered_name": None,
    }  # fmt: skip
    optimizer = {"class_name": "Custom>SGD", "config": {"learning_rate": schedule}}
    path = _dense_file(tmp_path / "schedule.h5", _training(optimizer), state={"iteration:0": 2})
    assert float(load_model(path).optimizer.learning_rate) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("loss", "loaded"),
    [
        ("mse", "mse"),
        ("kullback_leibler_divergence", "kl_divergence"),
        ("logcosh", "log_cosh"),
        (
            {
                "class_name": "CategoricalCrossentropy",
                "config": {
                    "reduction": "auto", "name": "categorical_crossentropy", "from_logits": False,
                    "label_smoothing": 0.1, "axis": -1, "fn": "categorical_crossentropy",
                },
            },
            keras.losses.CategoricalCrossentropy,
        ),
    ],
)  # fmt: skip
def test_losses_load(tmp_path, loss, loaded):
    model = load_model(_dense_file(tmp_path / "loss.h5", _training(loss=loss)))
    assert model.loss == loaded or isinstance(model.loss, loaded)
    assert np.isfinite(model.evaluate(np.ones((4, 3)), np.eye(2)[[0, 1, 0, 1]], verbose=0))


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("accuracy", "accuracy"),
        (_wrapped("top", "top_k_categorical_accuracy"), "top"),
        (_wrapped("huber", "huber"), "huber"),
        ({"class_name": "Recall", "config": {"name": "r", "thresholds": 0.5}}, "r"),
    ],
)
@pytest.mark.parametrize("nested", [True, False])
def test_metrics_load(tmp_path, metric, name, nested):
    metrics = [[metric]] if nested else [metric]
    model = load_model(_dense_file(tmp_path / "metric.h5", _training(metrics=metrics)))
    assert name in model.evaluate(np.ones((4, 3)), np.eye(2)[[0, 1, 0, 1]], 4, 0, return_dict=True)


def test_metrics_of_several_outputs_keep_their_names(tmp_path):
    described = _functional(
        _input(3), _dense("p", _call("input_1")), _dense("q", _call("input_1")),
        outputs=[["p", 0, 0], ["q", 0, 0]],
    )  # fmt: skip
    weights = {name: _dense_weights(name) for name in "pq"}
    metrics = [[_wrapped("p_mae", "mean_absolute_error")], [_wrapped("q_mse", "mse")]]
    training = _training(loss={"p": "mse", "q": "mae"}, metrics=metrics)
    model = load_model(_write(tmp_path / "two.h5", described, weights, training))
    truth = [np.ones((4, 2))] * 2
    logs = model.evaluate(np.ones((4, 3)), truth, verbose=0, return_dict=True)
    assert {"p_mae", "q_mse"} < set(logs)


@pytest.mark.parametrize(
    "training",
    [
        "{no JSON",
        _training({"class_name": "system", "module": "os", "config": {}}),
        _training(loss="exec"),
        _training(metrics=[_wrapped("x", "exec")]),
        _training(metrics=[{"class_name": "MeanIoU", "config": {"num_classes": 10**6}}]),
        _training(metrics=[{"class_name": "deserialize", "config": {}}]),
    ],
)
def test_a_training_part_that_is_refused_is_not_looked_at_without_compile(tmp_path, training):
    path = _dense_file(tmp_path / "odd.h5", training)
    assert load_model(path, compile=False).count_params() == 8
    with pytest.raises(ValueError, match="compile=False"):
        load_model(path)


def test_ones_own_loss_and_optimizer_load_by_name(tmp_path):
    class Slow(keras.optimizers.SGD):
        pass

    def own(truth, predicted):
        return keras.ops.mean(keras.ops.abs(truth - predicted))

    optimizer = {"class_name": "Custom>Slow", "config": {"learning_rate": 0.5}}
    path = _dense_file(tmp_path / "own.h5", _training(optimizer, loss="own"))
    model = load_model(path, custom_objects={"Slow": Slow, "own": own})
    assert isinstance(model.optimizer, Slow)
    assert model.evaluate(np.ones((1, 3)), np.ones((1, 2)), verbose=0) > 0.3


def test_a_keras_archive_without_its_training_part(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.compile("adam", loss=lambda truth, predicted: keras.ops.mean(truth - predicted))
    model.save(tmp_path / "own.keras")
    assert not load_model(tmp_path / "own.keras", compile=False).compiled
    with pytest.raises(ValueError, match="not known to be safe"):
        load_model(tmp_path / "own.keras")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("loss", ["mse", "mae", "categorical_crossentropy"])
def test_a_file_by_keras_3_compiled_by_name_loads_again(tmp_path, loss):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "softmax")])
    model.compile("adam", loss, metrics=["accuracy", "mse"])
    model.fit(np.ones((4, 3)), np.eye(2)[[0, 1, 0, 1]], epochs=2, verbose=0)
    model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5")
    assert loaded.loss == loss
    for old, new in zip(model.optimizer.variables, loaded.optimizer.variables):
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


def _convolutions():
    """Give a file's description and weights, and the same model in Keras 3."""
    convolution = {
        "trainable": True, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same",
        "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
        "activation": "linear", "use_bias": False, "bias_initializer": _GLOROT,
        "depth_multiplier": 1, "depthwise_initializer": _GLOROT, "depthwise_regularizer": None,
    }  # fmt: skip
    unused = {"kernel_initializer": _GLOROT, "kernel_regularizer": None, "kernel_constraint": None}
    separable = {**convolution, **unused, "filters": 2, "pointwise_initializer": _GLOROT}
    tensorflow = "tensorflow.python.ops.init_ops_v2"
    constant = {"module": tensorflow, "class_name": "Constant", "config": {"value": 0}}
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    described = _functional(
        _input(4, 4, 3),
        _layer("DepthwiseConv2D", "conv/dw", _call("input_1"), **convolution),
        _layer(
            "BatchNormalization", "conv/bn", _call("conv/dw"), axis=[3], epsilon=0.001,
            beta_initializer={**constant, "registered_name": "Constant"},
        ),
        _layer("SeparableConv2D", "separable", _call("conv/bn"), **{**separable, "dtype": policy}),
        _layer("LayerNormalization", "norm", _call("separable"), axis=[1, 2], epsilon=0.001),
        _layer("SpatialDropout2D", "dropout", _call("norm"), rate=0.5, noise_shape=None,
               trainable=True),
    )  # fmt: skip
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.SeparableConv2D(2, 3, padding="same", use_bias=False),
            layers.LayerNormalization(axis=[1, 2]),
        ]
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in model.weights])
    names = ["conv/dw", "conv/bn", "separable", "norm"]
    weights = {
        name: {f"{name}/{index}:0": np.asarray(w) for index, w in enumerate(layer.weights)}
        for name, layer in zip(names, model.layers)
    }
    return described, weights, model


def test_convolutions_and_normalization(tmp_path):
    described, weights, model = _convolutions()
    loaded = load_model(_write(tmp_path / "conv.h5", described, weights))
    images = np.random.default_rng(1).random((2, 4, 4, 3))
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-6)


_X = np.arange(48, dtype="float32").reshape(1, 4, 4, 3)
_FLIP = {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]}
_MEANS = [-103.939, -116.779, -123.68]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (
            [("math.truediv", {"y": 127.5, "name": None}), ("math.subtract", {"y": 1})],
            _X / 127.5 - 1,
        ),
        (
            [
                ("math.truediv", {"y": 255.0}),
                ("nn.bias_add", {"bias": [-0.5, -0.4, -0.3], "data_format": "NHWC"}),
                ("math.truediv", {"y": [0.2, 0.3, 0.4], "name": None}),
            ],
            (_X / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4],
        ),
        (
            [("__operators__.getitem", _FLIP), ("nn.bias_add", {"bias": _MEANS})],
            _X[..., ::-1] + _MEANS,
        ),
        ([("cast", {"dtype": "float32"}), ("math.multiply", {"y": 0.5})], _X * 0.5),
        ([("math.negative", {}), ("__operators__.add", {"y": 2.0})], 2 - _X),
        (
            [("clip_by_value", {"clip_value_min": 2.0, "clip_value_max": 9.0}), ("math.sqrt", {})],
            np.sqrt(np.clip(_X, 2, 9)),
        ),
        ([("math.maximum", {"y": 5.0}), ("nn.relu", {"name": None})], np.maximum(_X, 5)),
        ([("math.reduce_mean", {"axis": [1, 2]})], _X.mean((1, 2))),
        # A constant that comes first, and a second tensor.
        ([("math.subtract", {"y": ["input_1", 0, 0]}, 1.0)], 1 - _X),
        ([("math.truediv", {"y": ["input_1", 0, 0]}, 3.0)], 3 / np.maximum(_X, 1e-30)),
        ([("math.multiply", {"y": ["input_1", 0, 0]})], _X * _X),
    ],
)
def test_arithmetic_of_tensorflow(tmp_path, calls, expected):
    stacked = [_input(4, 4, 3)]
    for index, (function, settings, *constant) in enumerate(calls):
        kind = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
        first = ["_CONSTANT_VALUE", -1, *constant] if constant else [stacked[-1]["name"], 0, 0]
        call = [*first, settings]
        stacked.append(_layer(kind, f"tf.{function}_{index}", call, function=function))
    model = load_model(_write(tmp_path / "operations.h5", _functional(*stacked)))
    predicted = model.predict(np.maximum(_X, 1e-30), verbose=0)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras").predict(np.maximum(_X, 1e-30), verbose=0)
    np.testing.assert_array_equal(again, predicted)


def test_arithmetic_in_a_model_in_a_model(tmp_path):
    # Within models, the layers name their modules too.
    half = _layer("TFOpLambda", "half", ["input_2", 0, 0, {"y": 2.0}], function="math.truediv")
    module = {"module": "tf_keras.src.layers.core.tf_op_layer", "registered_name": "TFOpLambda"}
    base = _functional(_input(4, 4, 3, name="input_2"), {**half, **module}, name="base")
    path = _write(tmp_path / "nested.h5", _sequential(base))
    np.testing.assert_allclose(load_model(path).predict(_X, verbose=0), _X / 2)


def test_scaled_residuals_of_inception_resnet(tmp_path):
    both = [["input_1", 0, 0, {}], ["input_1", 0, 0, {}]]
    layer = _layer("Custom>CustomScaleLayer", "scale", both, scale=0.17)
    path = _write(tmp_path / "scale.h5", _functional(_input(4, 4, 3), layer))
    np.testing.assert_allclose(load_model(path).predict(_X, verbose=0), _X * 1.17, rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("io.write_file", {"contents": "x"}),
        ("numpy_function", {"func": "exec"}),
        ("image.resize", {"size": [2, 2]}),
        ("math.truediv", {"y": "os.system"}),
        ("math.truediv", {"y": 0}),
        ("nn.softmax", {"axis": 1}),
        ("__operators__.getitem", {"slice_spec": [0]}),
        (["list"], {}),
    ],
)
def test_other_functions_of_tensorflow_are_refused(tmp_path, function, settings):
    layer = _layer("TFOpLambda", "tf.f", ["input_1", 0, 0, settings], function=function)
    path = _write(tmp_path / "odd.h5", _functional(_input(4, 4, 3), layer))
    with pytest.raises(ValueError, match=r"not safe.*TFOpLambda"):
        load_model(path)


@pytest.mark.parametrize("trainable", [True, False])
def test_a_model_in_a_model(tmp_path, trainable):
    base = _functional(
        _input(4, 4, 3, name="input_2"),
        _layer("BatchNormalization", "bn", _call("input_2"), axis=[3], trainable=trainable),
        _layer("GlobalAveragePooling2D", "gap", _call("bn")),
        name="base",
    )
    base["config"]["trainable"] = trainable
    gamma, beta, mean, variance = (np.full(3, value, "float32") for value in (2, 3, 4, 5))
    moments = {"bn/gamma:0": gamma, "bn/beta:0": beta}
    moments |= {"bn/moving_mean:0": mean, "bn/moving_variance:0": variance}
    weights = {"base": moments, "dense": _dense_weights()}
    called = {**base, "name": "base", "inbound_nodes": [_call("input_1")]}
    # The base's first node is its own graph.
    functional = _functional(_input(4, 4, 3), called, _dense("dense", _call("base", 1)))
    expected = (((_X - 4) / np.sqrt(5.001)) * 2 + 3).mean((1, 2)) @ _KERNEL + _BIAS
    for described in (functional, _sequential(called, _dense())):
        loaded = load_model(_write(tmp_path / "nested.h5", described, weights))
        predicted = loaded.predict(_X, verbose=0)
        np.testing.assert_allclose(predicted, expected, rtol=1e-4)


def test_hard_sigmoid_is_the_one_of_keras_2(tmp_path):
    described = _sequential(_input(3), _dense(activation="hard_sigmoid"))
    path = _write(tmp_path / "hard.h5", described, {"dense": _dense_weights()})
    model, inputs = load_model(path), np.array([[1.0, 2.0, -1.5]])
    expected = np.clip(0.2 * (inputs @ _KERNEL + _BIAS) + 0.5, 0, 1)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, atol=1e-6)
    model.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(again.predict(inputs, verbose=0), expected, atol=1e-6)


def test_tensors_among_the_named_arguments_of_a_call(tmp_path):
    attention = _layer(
        "MultiHeadAttention", "mha", _call("input_1", value=["input_1", 0, 0]), num_heads=1,
        key_dim=2, query_shape=[None, 4, 3], key_shape=[None, 4, 3], value_shape=[None, 4, 3],
    )  # fmt: skip
    model = keras.Sequential([keras.Input((4, 3))])
    mha, inputs = layers.MultiHeadAttention(1, 2), np.random.default_rng(0).random((1, 4, 3))
    expected = np.asarray(mha(inputs, inputs))
    weights = {f"mha/{index}:0": np.asarray(each) for index, each in enumerate(mha.weights)}
    path = _write(tmp_path / "mha.h5", _functional(_input(4, 3), attention), {"mha": weights})
    model = load_model(path)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, atol=1e-6)


def test_files_by_keras_1_are_refused_and_give_their_weights(tmp_path):
    path = _dense_file(tmp_path / "old.h5", version=b"1.2.2")
    with pytest.raises(ValueError, match=r"Keras 1.*load_weights\(model, path\)"):
        load_model(path)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    load_weights(model, path)
    np.testing.assert_array_equal(model.get_weights()[0], _KERNEL)


@pytest.mark.parametrize("name", ["old.h5", "old.weights.h5"])
def test_weights_in_the_older_layout_load_under_any_name(tmp_path, name):
    path = _dense_file(tmp_path / name)
    with h5py.File(path, "a") as file:
        # As `save_weights` writes them, at the top.
        group = file["model_weights"]
        file.attrs["layer_names"] = group.attrs["layer_names"]
        file.move("model_weights/dense", "dense")
        del file["model_weights"], file.attrs["model_config"]
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    load_weights(model, path)
    np.testing.assert_array_equal(model.get_weights()[0], _KERNEL)


def test_weights_of_another_trainable_setting_say_so(tmp_path):
    weights = {"base": {"a": np.ones((3, 2)), "b": np.ones(2), "c": np.ones((2, 3))}}
    weights["base"]["d"] = np.ones(3)
    path = _write(tmp_path / "old.h5", {}, weights)
    base = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dense(3)])
    model = keras.Sequential([keras.Input((3,)), base])
    load_weights(model, path)
    base.layers[0].trainable = False
    with pytest.raises(ValueError, match="set trainable of all layers as it was"):
        load_weights(model, path)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_operations_and_several_axes_in_files_by_keras_3(tmp_path):
    inputs = keras.Input((4, 4, 3))
    scaled = (inputs / 127.5 - 1) * layers.Dense(3)(inputs)
    outputs = layers.Add()([layers.LayerNormalization(axis=[1, 2])(scaled), scaled])
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5")
    assert loaded.layers[-2].axis == [1, 2]
    expected = model.predict(_X, verbose=0)
    np.testing.assert_allclose(loaded.predict(_X, verbose=0), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_applications_saved_by_tf_keras(tmp_path, name):
    tf_keras = pytest.importorskip("tf_keras", reason="tf_keras writes the files of Keras 2")
    build = getattr(tf_keras.applications, name)
    base = build(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    base.trainable = False
    head = tf_keras.layers.Dense(2, activation="softmax")
    model = tf_keras.Sequential([base, head])
    model.compile("rmsprop", "categorical_crossentropy", metrics=["acc"])
    path = tmp_path / "model.h5"
    model.save(path)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    expected = model(images, training=False)
    loaded = load_model(path)
    found = keras.ops.convert_to_numpy(loaded(images, training=False))
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)
    assert isinstance(loaded.optimizer, keras.optimizers.RMSprop)
