import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest

from pykeras_tl.training import fit
from pykeras_tl.training.devices import keras_internals as internals
from pykeras_tl.training.devices.precision import computing_in
from pykeras_tl.training.devices.selection import accelerated

layers = keras.layers
_VERSION = f"Keras {keras.__version__}"
_on_torch = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch trains on one device"
)


@_on_torch
@pytest.mark.slow
def test_two_devices_train_like_one_and_resume_exactly(tmp_path):
    """A child process, since devices are configured before anything is computed."""
    child = subprocess.run(
        [sys.executable, Path(__file__).with_name("several_devices.py"), tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
    )
    assert child.returncode == 0, child.stderr[-3000:]
    results = json.loads(child.stdout.splitlines()[-1])
    assert results["resumed"] == {"history": 0, "weights": 0}
    for name in ("two", "frozen"):
        assert results[name]["history"] < 1e-4, results
        assert results[name]["weights"] < 1e-3, results


def test_devices_that_are_not_there_are_refused(small_model, make_flow):
    with pytest.raises(ValueError, match=r"Received: (100|devices=100)"):
        fit(small_model(), make_flow(), devices=100)
    with pytest.raises(TypeError, match="With devices, data should be an iterator"):
        fit(small_model(), np.zeros((4, 48, 48, 3)), np.zeros((4, 4)), devices=2)


@_on_torch
def test_batches_that_devices_cannot_share_are_refused(small_model, make_flow, monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind=None: ["cpu:0", "cpu:1"])
    with pytest.raises(ValueError, match=r"share equally\. Received: batch_size=5"):
        fit(small_model(), make_flow(batch_size=5), devices="all")
    with pytest.raises(TypeError, match="validation_data should be an iterator"):
        fit(small_model(), make_flow(), devices=2, validation_data=(np.zeros(1), np.zeros(1)))
    several = small_model(steps_per_execution=2)
    with pytest.raises(ValueError, match="Expected steps_per_execution=1"):
        fit(several, make_flow(count=35), devices=["cpu:0", "cpu:1"])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's variables")
def test_variables_optimizers_and_batches_are_what_the_internals_expect(small_model):
    import tensorflow as tf

    model = small_model()
    model.optimizer.build(model.trainable_variables)
    weight = model.trainable_variables[0]
    before = weight.value
    internals.replace_value(weight, tf.Variable(before * 0 + 3))
    assert float(keras.ops.max(weight)) == 3, f"{_VERSION}: a variable does not hold its value"
    internals.use_strategy(model.optimizer, tf.distribute.get_strategy())
    model.optimizer.apply([keras.ops.ones_like(each) for each in model.trainable_variables])
    assert float(keras.ops.max(weight)) < 3, f"{_VERSION}: the optimizer has another variable"


def test_mixed_precision_computes_in_16_bits_and_leaves_no_trace(small_model, make_flow, tmp_path):
    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kinds.update({each.name: each.compute_dtype for each in self.model.layers})

    kinds: dict[str, str] = {}
    model = small_model()
    options = {"verbose": 0, "callbacks": Note(), "run_dir": tmp_path / "run"}
    slower = pytest.warns(UserWarning, match="slower than 32 bits")
    with nullcontext() if accelerated() else slower:
        fit(model, make_flow(), epochs=1, mixed_precision="mixed_bfloat16", **options)
    assert kinds["conv"] == kinds["hidden"] == "bfloat16"
    assert kinds["classes"] == "float32"
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {weight.dtype for weight in model.weights} >= {"float32"}
    with pytest.raises(ValueError, match="mixed_precision"):
        fit(small_model(), make_flow(), epochs=2, **options)


def test_half_precision_needs_a_scaled_loss(small_model, make_flow):
    with pytest.raises(ValueError, match=r"Expected a keras\.optimizers\.LossScaleOptimizer"):
        fit(small_model(), make_flow(), mixed_precision="mixed_float16")
    with pytest.raises(ValueError, match="Expected `mixed_precision` to be one of"):
        fit(small_model(), make_flow(), mixed_precision="half")


def test_layers_of_another_policy_and_those_that_scale_pixels_keep_theirs():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2)])
    model = keras.Sequential(
        [keras.Input((4,)), layers.Rescaling(2.0), layers.Dense(4, dtype="float64"), inner]
    )
    with computing_in(model, "mixed_float16"):
        found = [layer.compute_dtype for layer in (*model.layers, *inner.layers)]
    assert found == ["float32", "float64", "float32", "float16", "float32"]
