import io
import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from pykeras_tl.models import load_model
from pykeras_tl.models.saving.weight_files import load_weights
from pykeras_tl.models.transfer import transfer_model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    original = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, "softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 10)
    original.compile(
        keras.optimizers.Adam(schedule),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC()],
    )
    original.fit(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 0, 1]], verbose=0)
    return original


@pytest.fixture(params=[".keras", ".h5", ".hdf5"])
def saved(model, tmp_path, request):
    path = tmp_path / f"model{request.param}"
    model.save(path)
    return path


def test_whole_models_load_with_the_optimizers_state(model, saved):
    loaded = load_model(saved)
    images = np.random.default_rng(0).random((3, 8, 8, 3), "float32")
    assert np.array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    assert loaded.compiled
    assert int(loaded.optimizer.iterations) == 1
    assert not load_model(saved, compile=False).compiled


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_models_of_ours_and_functional_ones_load(ending, tmp_path):
    original = transfer_model(
        "mobilenet", 2, weights=None, input_shape=(32, 32, 3), alpha=0.25, seed=0
    )
    original.save(tmp_path / f"mobilenet{ending}")
    loaded = load_model(tmp_path / f"mobilenet{ending}")
    assert [weight.shape for weight in loaded.weights] == [
        weight.shape for weight in original.weights
    ]


def test_recurrent_models_load(tmp_path):
    original = keras.Sequential(
        [keras.Input((4,)), layers.Embedding(9, 3), layers.Bidirectional(layers.LSTM(2))]
    )
    original.save(tmp_path / "text.keras")
    assert load_model(tmp_path / "text.keras").count_params() == original.count_params()


def test_a_file_of_keras_2_loads(tmp_path):
    # No module in the description, names of arrays in attributes.
    path = tmp_path / "old.h5"
    dense = {
        "name": "dense_1", "trainable": True, "batch_input_shape": [None, 3], "dtype": "float32",
        "units": 2, "activation": "softmax", "use_bias": True,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {
            "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
    }  # fmt: skip
    stacked = [{"class_name": "Dense", "config": dense}]
    described = {"class_name": "Sequential", "config": {"name": "s", "layers": stacked}}
    kernel = np.arange(6, dtype="float32").reshape(3, 2)
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.2.4"
        file.attrs["model_config"] = json.dumps(described).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"dense_1"]
        layer = group.create_group("dense_1")
        layer.attrs["weight_names"] = [b"dense_1/kernel:0", b"dense_1/bias:0"]
        layer["dense_1/kernel:0"], layer["dense_1/bias:0"] = kernel, np.zeros(2, "float32")
    assert np.array_equal(load_model(path).get_weights()[0], kernel)
    # Before 2.2.3 the layers stood in a bare list.
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({**described, "config": stacked}).encode()
    assert np.array_equal(load_model(path).get_weights()[0], kernel)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    load_weights(model, path)
    assert np.array_equal(model.get_weights()[0], kernel)


def test_ones_own_objects_are_taken_when_they_are_named(tmp_path):
    class Doubling(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    keras.Sequential([keras.Input((2,)), Doubling()]).save(tmp_path / "own.keras")
    with pytest.raises(ValueError, match="Doubling, which is not known to be safe"):
        load_model(tmp_path / "own.keras")
    loaded = load_model(tmp_path / "own.keras", custom_objects={"Doubling": Doubling})
    assert loaded.predict(np.ones((1, 2)), verbose=0).tolist() == [[2, 2]]


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_lambda_layer_is_refused_and_never_run(ending, tmp_path):
    witness = tmp_path / "it-ran"

    def hostile(x):
        import pathlib

        pathlib.Path(str(witness)).touch()
        return x

    original = keras.Sequential([keras.Input((2,)), layers.Lambda(hostile, output_shape=(2,))])
    original.save(tmp_path / f"hostile{ending}")
    witness.unlink(missing_ok=True)
    with pytest.raises(ValueError, match="Lambda, which is not known to be safe"):
        load_model(tmp_path / f"hostile{ending}")
    assert not witness.exists()


def _rewritten(path, change):
    """Change the parts of a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _described(change):
    def rewrite(parts):
        described = json.loads(parts["config.json"])
        change(described)
        parts["config.json"] = json.dumps(described).encode()

    return rewrite


def _outside(parts):
    content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "a") as file:
        file["more"] = h5py.ExternalLink("/etc/passwd", "/")
    parts["model.weights.h5"] = content.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda parts: parts.update({"../../evil.py": b"import os"}),
            r"Expected an archive of .* only\. Received also",
        ),
        (
            lambda parts: parts.update({"assets/layer/vocabulary.txt": b"x"}),
            r"Expected an archive of .* only\. Received also",
        ),
        (lambda parts: parts.pop("model.weights.h5"), r"has no model\.weights\.h5"),
        (lambda parts: parts.update({"config.json": b"{" * 100_000}), "not complete JSON"),
        (lambda parts: parts.update({"metadata.json": b"0" * (1 << 27)}), "far more than its size"),
        (lambda parts: parts.update({"model.weights.h5": b"\x80\x04cos\n"}), "not a complete HDF5"),
        (_outside, "is a link"),
        (
            _described(lambda m: m["config"]["layers"][-1]["config"].update(units=10**7)),
            "needs weights of shape",
        ),
        (
            _described(
                lambda m: m["config"]["layers"][-1].update(module="os", class_name="system")
            ),
            r"os\.system, which is not known",
        ),
        (
            _described(
                lambda m: m["compile_config"].update(
                    loss={
                        "module": "builtins",
                        "class_name": "function",
                        "config": "exec",
                        "registered_name": "function",
                    }
                )
            ),
            r"builtins\.function, which is not known",
        ),
    ],
)
def test_hostile_archives(model, tmp_path, change, message):
    path = tmp_path / "model.keras"
    model.save(path)
    _rewritten(path, change)
    with pytest.raises(ValueError, match=message):
        load_model(path)
    assert [each.name for each in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m["config"]["layers"][-1].update(class_name="TFSMLayer"),
            "TFSMLayer, which is not known",
        ),
        (
            lambda m: m["config"]["layers"][-1]["config"].update(units=10**7),
            "needs weights of shape",
        ),
        (lambda m: m.update(class_name="Pipeline"), "not that of a functional or sequential model"),
    ],
)
def test_hostile_hdf5(model, tmp_path, change, message):
    path = tmp_path / "model.h5"
    model.save(path)
    with h5py.File(path, "a") as file:
        described = json.loads(file.attrs["model_config"])
        change(described)
        file.attrs["model_config"] = json.dumps(described)
    with pytest.raises(ValueError, match=message):
        load_model(path)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_cut_off_files(saved, keep):
    os.truncate(saved, int(saved.stat().st_size * keep))
    with pytest.raises(ValueError, match="is not a valid model file"):
        load_model(saved)


def test_other_files_are_refused_with_a_reason(model, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=r"contains only weights\. .*load_weights"):
        load_model(tmp_path / "model.weights.h5")
    (tmp_path / "model.pkl").touch()
    with pytest.raises(ValueError, match=r"ends in \.keras or \.h5"):
        load_model(tmp_path / "model.pkl")
    with pytest.raises(FileNotFoundError, match=r"Model file .* does not exist"):
        load_model(tmp_path / "gone.keras")


_BACKEND = keras.backend.backend()
_TORCH = "keras.src.backend.torch.optimizers"


def _with_optimizer(path, **changes):
    """Save a compiled model, and change what its file says of the optimizer."""
    original = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    original.compile("adam", "mse")
    original.save(path)
    _rewritten(path, _described(lambda m: m["compile_config"]["optimizer"].update(changes)))
    return path


@pytest.mark.skipif(_BACKEND == "torch", reason="The file is of this backend.")
def test_an_optimizer_of_another_backend_is_named(tmp_path):
    path = _with_optimizer(tmp_path / "model.keras", module=f"{_TORCH}.torch_adam")
    with pytest.raises(ValueError, match=rf"optimizer of the {_BACKEND} backend.*compile=False"):
        load_model(path)
    assert not load_model(path, compile=False).compiled


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (f"{_TORCH}.torch_adam", "TorchParallelOptimizer"),
        (f"{_TORCH}.torch_adam", "optimizers"),
        (f"{_TORCH}.torch_adam.torch", "Adam"),
        (f"{_TORCH}.torch_optimizer", "TorchOptimizer"),
        ("keras.src.backend.torch.trainer", "TorchTrainer"),
        ("keras.src.backend", "Adam"),
    ],
)
def test_nothing_else_of_a_backend_is_loaded(module, name, tmp_path):
    path = _with_optimizer(tmp_path / "model.keras", module=module, class_name=name)
    with pytest.raises(ValueError, match="is not a valid model file"):
        load_model(path)
