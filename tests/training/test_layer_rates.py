import subprocess
import sys

import keras
import numpy as np
import pytest

from pykeras_tl.models.freezing import freeze_weights, unfreeze_weights
from pykeras_tl.models.saving.model_files import load_model
from pykeras_tl.models.saving.optimizers import OneCycle
from pykeras_tl.training.fit_function import fit
from pykeras_tl.training.optimizers.by_name import make_optimizer
from pykeras_tl.training.optimizers.layer_rates import layer_rate_table


def network():
    """Three dense layers, the same each time."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, activation="tanh", name="a"),
            keras.layers.BatchNormalization(name="a_bn"),
            keras.layers.Dense(4, activation="tanh", name="b"),
            keras.layers.Dense(2, name="c"),
        ]
    )


def batches(count=4):
    random = np.random.default_rng(0)
    return [
        (random.normal(size=(6, 5)).astype("f4"), random.normal(size=(6, 2)).astype("f4"))
        for _ in range(count)
    ]


def trained(optimizer_of):
    model = network()
    model.compile(optimizer_of(model), loss="mse")
    for x, y in batches():
        model.train_on_batch(x, y)
    return [np.asarray(variable) for variable in model.trainable_variables]


OPTIMIZERS = [
    ("adam", {}),
    ("adamw", {"weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", {"weight_decay": 0.1}),
    ("nadam", {"global_clipnorm": 0.1}),
    ("lion", {"gradient_accumulation_steps": 2}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_one_rate_for_all_is_the_plain_optimizer(name, options):
    plain = trained(lambda model: make_optimizer(name, 0.01, **options))
    layerwise = trained(
        lambda model: make_optimizer(name, 0.01, layer_rates={"a": 1}, model=model, **options)
    )
    for ours, expected in zip(layerwise, plain, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_a_step_is_that_of_an_optimizer_for_each_layer(name, options):
    """The obvious form: one optimizer for each rate, all with the same gradients."""
    rates = {"a": 0.1, "b": 0.5, "c": 2.0}
    layerwise, plain = network(), network()
    options = {each: value for each, value in options.items() if each != "global_clipnorm"}
    one = make_optimizer(name, 0.01, layer_rates=rates, model=layerwise, **options)
    several = {layer: make_optimizer(name, 0.01 * rate, **options) for layer, rate in rates.items()}
    random = np.random.default_rng(1)
    for _ in range(4):
        gradients = [
            keras.ops.convert_to_tensor(random.normal(size=variable.shape).astype("f4"))
            for variable in plain.trainable_variables
        ]
        one.apply(gradients, layerwise.trainable_variables)
        for layer, optimizer in several.items():
            pairs = [
                (gradient, variable)
                for gradient, variable in zip(gradients, plain.trainable_variables)
                if variable.path.split("/")[-2].startswith(layer)
            ]
            optimizer.apply(*zip(*pairs))
    for ours, expected in zip(layerwise.trainable_variables, plain.trainable_variables):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(expected), rtol=1e-5, atol=1e-7)


def test_biases_and_normalization_do_not_decay():
    for rates in (None, {"a": 0.5}):
        model = network()
        before = {variable.path: np.asarray(variable) for variable in model.trainable_variables}
        optimizer = make_optimizer("adamw", 0.1, weight_decay=0.5, layer_rates=rates, model=model)
        for variable in model.trainable_variables:
            variable.assign_add(keras.ops.ones(variable.shape))
        zeros = [keras.ops.zeros(variable.shape) for variable in model.trainable_variables]
        optimizer.apply(zeros, model.trainable_variables)
        kept = 1 - 0.1 * (rates or {"a": 1})["a"] * 0.5
        for variable in model.trainable_variables:
            factor = kept if variable.name == "kernel" else 1
            expected = (before[variable.path] + 1) * factor
            np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-6)


def test_a_number_lowers_the_rate_from_group_to_group():
    table = layer_rate_table(network(), 0.5)
    assert table["layer"].tolist() == ["a", "a_bn", "b", "c"]
    assert table["multiplier"].tolist() == [0.25, 0.25, 0.5, 1.0]


def test_frozen_layers_are_left_out():
    model = freeze_weights(network(), to="a_bn")
    assert layer_rate_table(model, 0.5)["layer"].tolist() == ["b", "c"]
    optimizer = make_optimizer("adam", 0.01, layer_rates=0.5, model=model)
    assert optimizer.get_config()["layer_rates"] == [0.5, 0.5, 1.0, 1.0]


def test_the_stages_of_a_backbone_are_groups():
    from pykeras_tl.models.transfer import transfer_model

    model = transfer_model(
        "mobilenet", 4, input_shape=(48, 48, 3), weights=None, alpha=0.25, dense=[8]
    )
    assert set(layer_rate_table(model, 0.5)["multiplier"]) == {1.0}
    unfreeze_weights(model, from_="block12")
    rates = dict(layer_rate_table(model, 0.5).itertuples(index=False))
    assert {layer.rpartition("/")[2]: rate for layer, rate in rates.items()} == {
        **dict.fromkeys(["conv_dw_12", "conv_dw_12_bn", "conv_pw_12", "conv_pw_12_bn"], 0.25),
        **dict.fromkeys(["conv_dw_13", "conv_dw_13_bn", "conv_pw_13", "conv_pw_13_bn"], 0.5),
        **dict.fromkeys(["head_dense_1", "probabilities"], 1.0),
    }
    named = dict(layer_rate_table(model, {"block13": 0.1, "head_dense_1": 1}).values.tolist())
    assert set(named.values()) == {0.1, 1.0}
    assert named["probabilities"] == 1.0


def test_it_is_saved_and_loaded(tmp_path):
    model = network()
    schedule = OneCycle(0.01, 100)
    optimizer = make_optimizer("adamw", schedule, layer_rates=0.5, model=model, weight_decay=0.1)
    model.compile(optimizer, loss="mse")
    x, y = batches(1)[0]
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == optimizer.get_config()
    for each in (model, loaded):
        each.train_on_batch(x, y)
    for ours, expected in zip(loaded.trainable_variables, model.trainable_variables):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(expected))


def test_it_is_loaded_where_nothing_was_trained(tmp_path):
    model = network()
    model.compile(make_optimizer("sgd", 0.1, layer_rates=0.5, model=model), loss="mse")
    model.save(tmp_path / "model.keras")
    code = (
        "import sys; from pykeras_tl.models import load_model; "
        f"model = load_model({str(tmp_path / 'model.keras')!r}); "
        "assert 'pykeras_tl.training' not in sys.modules; print(type(model.optimizer).__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split()[-1] == "LayerwiseSGD"


def test_weights_unfrozen_later_are_refused():
    model = freeze_weights(network(), to="a_bn")
    optimizer = make_optimizer("adam", 0.01, layer_rates=0.5, model=model)
    unfreeze_weights(model)
    with pytest.raises(ValueError, match=r"Expected the 4 weights .* Received: 8"):
        optimizer.build(model.trainable_variables)


@pytest.mark.parametrize(
    ("rates", "error", "says"),
    [
        ({"z": 1}, ValueError, "no layer or stage named 'z'"),
        ({"a": 0}, ValueError, "above 0. Received: 0"),
        ({}, ValueError, "Received: none"),
        (float("nan"), ValueError, "above 0. Received: nan"),
    ],
)
def test_mistakes_get_an_answer(rates, error, says):
    with pytest.raises(error, match=says):
        layer_rate_table(network(), rates)


def test_it_goes_with_the_model_and_a_plain_optimizer():
    with pytest.raises(TypeError, match="Expected `model`"):
        make_optimizer("adam", layer_rates=0.5)
    with pytest.raises(TypeError, match="Received: Muon"):
        make_optimizer("muon", layer_rates=0.5, model=network())
    with pytest.raises(ValueError, match="nothing is trainable"):
        make_optimizer("adam", layer_rates=0.5, model=freeze_weights(network()))


def test_a_killed_run_resumes_bit_for_bit(tmp_path, make_flow, small_model):
    from .test_resuming import Kill, Killed, Nothing, assert_same, weights

    def run(callback, folder):
        model = small_model()
        optimizer = make_optimizer("adamw", 0.01, layer_rates=0.5, model=model)
        model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        options = {"callbacks": [callback], "run_dir": folder, "verbose": 0}
        history = fit(model, make_flow(), epochs=2, save_minutes=1e-9, **options)
        return model, history

    expected, history = run(Nothing(), tmp_path / "whole")
    with pytest.raises(Killed):
        run(Kill(1, 2), tmp_path / "killed")
    model, resumed = run(Nothing(), tmp_path / "killed")
    assert resumed.history == history.history
    assert_same(weights(model), weights(expected))


def test_with_and_without_the_cache_of_frozen_layers_it_is_the_same(make_flow, small_model):
    found = []
    for cache_frozen in (True, False):
        model = freeze_weights(small_model(dropout_seed=1), to="conv")
        optimizer = make_optimizer("adamw", 0.01, layer_rates=0.5, model=model)
        model.compile(optimizer, loss="categorical_crossentropy")
        fit(model, make_flow(), epochs=2, cache_frozen=cache_frozen, verbose=0)
        found.append([np.asarray(each) for each in model.trainable_variables])
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)
