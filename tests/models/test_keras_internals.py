"""What `keras_internals` expects of Keras, one contract for each private part that it uses.

A failure here names what changed in Keras, before anything else breaks for a reason that is hard to
find.
"""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.backend.common import global_state

from pykeras_tl.models import keras_internals as internals

_VERSION = f"Keras {keras.__version__}"


def _inner():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="inside")], name="inner")


def _functional():
    inputs = keras.Input((4,), name="inputs")
    nested = _inner()(inputs)
    added = layers.Add(name="added")([nested, layers.Dense(3, name="beside")(inputs)])
    return keras.Model(inputs, layers.Dense(1, name="last")(added), name="outer")


class _Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)


def _compiled(model=None, **options):
    model = model or keras.Sequential([keras.Input((2,)), layers.Dense(1, name="scores")])
    options = {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"], **options}
    model.compile(**options)
    return model


@pytest.mark.slow
def test_application_layers_are_what_the_applications_contain(built):
    scale, layer_scale = internals.APPLICATION_LAYERS
    for name, expected in (("inception_resnet_v2", scale), ("convnext_tiny", layer_scale)):
        private = {
            type(layer)
            for layer in built(name).layers
            if not isinstance(layer, keras.Model) and not hasattr(layers, type(layer).__name__)
        }
        assert private == {expected}, (
            f"{_VERSION}: {name} has the private layers {private}, no longer {expected} alone"
        )


def test_functional_models_and_operations_are_saved_under_these_modules():
    inputs = keras.Input((4,))
    described = json.loads(keras.Model(inputs, -((inputs + 1) * 2)).to_json())
    assert described["class_name"] == "Functional", f"{_VERSION} calls functional models otherwise"
    assert described["module"] == internals.FUNCTIONAL_MODULES[0], (
        f"{_VERSION} saves functional models under {described['module']}"
    )
    operations = {
        layer["class_name"]: layer["module"]
        for layer in described["config"]["layers"]
        if layer["class_name"] != "InputLayer"
    }
    assert operations == dict.fromkeys(
        ("Add", "Multiply", "Negative"), internals.OPERATION_MODULES[0]
    ), f"{_VERSION} saves operations under other names or modules"


def test_functional_graph_is_that_of_functional_and_sequential_models_only():
    functional, sequential = _functional(), _inner()
    assert internals.functional_graph(functional) is functional, (
        f"{_VERSION}: the class of functional models is no longer keras.…Functional"
    )
    graph = internals.functional_graph(sequential)
    assert type(graph).__name__ == "Functional", (
        f"{_VERSION}: Sequential._functional is no longer the functional model inside"
    )
    assert [layer.name for layer in graph.layers][-1] == "inside"
    for other in (_Subclass(), layers.Dense(1), layers.ReLU()):
        assert internals.functional_graph(other) is None, (
            f"{_VERSION}: {type(other).__name__} is taken for a functional model"
        )


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_nodes_are_in_topological_order_and_can_be_called_again(kind):
    model = _inner() if kind == "sequential" else _functional()
    graph = internals.functional_graph(model)
    nodes = list(internals.nodes_in_order(graph))
    names = [node.operation.name for node in nodes]
    expected = ["inside"] if kind == "sequential" else ["inner", "beside", "added", "last"]
    assert sorted(names) == sorted(expected), (
        f"{_VERSION}: _nodes_by_depth or Node.is_input no longer lists each call once: {names}"
    )
    values = np.random.default_rng(0).random((2, 4), "float32")
    tensors = {id(graph.inputs[0]): keras.ops.convert_to_tensor(values)}
    for node in nodes:
        assert all(id(tensor) in tensors for tensor in node.input_tensors), (
            f"{_VERSION}: _nodes_by_depth is no longer in topological order: {names}"
        )
        args, kwargs = node.arguments.fill_in(tensors)
        tensors[id(node.outputs[0])] = node.operation(*args, **kwargs)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(tensors[id(graph.outputs[0])]),
        model.predict(values, verbose=0),
        rtol=1e-5,
        err_msg=f"{_VERSION}: Node.arguments.fill_in no longer replaces tensors by their ids",
    )


def test_nested_layers_are_the_model_and_all_layers_in_it():
    model = keras.Sequential(
        [keras.Input((5, 4)), layers.TimeDistributed(_inner()), layers.Flatten()]
    )
    listed = internals.nested_layers(model)
    assert listed[0] is model, f"{_VERSION}: _flatten_layers no longer begins with the model"
    names = [layer.name for layer in listed]
    assert {"inner", "inside"} <= set(names), (
        f"{_VERSION}: _flatten_layers no longer reaches into nested models and wrappers: {names}"
    )
    assert len({id(layer) for layer in listed}) == len(listed), (
        f"{_VERSION}: _flatten_layers lists a layer twice: {names}"
    )


def test_compile_arguments_are_objects():
    loss, metric = keras.losses.Huber(0.5), keras.metrics.MeanAbsoluteError()
    arguments = internals.compile_arguments(_compiled(loss=loss, metrics=[metric]))
    assert arguments["loss"] is loss, f"{_VERSION}: _compile_config.config is serialized now"
    assert arguments["metrics"] == [metric], (
        f"{_VERSION}: _compile_config.config no longer has the metric objects"
    )
    expected = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly"}
    assert expected <= set(arguments), (
        f"{_VERSION}: compile() no longer records {expected - set(arguments)}"
    )


def test_a_part_compiled_like_a_model_updates_the_models_optimizer_and_metrics():
    model = _compiled()
    inputs = keras.Input((2,))
    part = keras.Model(inputs, model.get_layer("scores")(inputs))
    before = part.trainable_variables, len(part.metrics)
    internals.compile_like(part, model)
    assert part.optimizer is model.optimizer
    part.fit(np.ones((4, 2)), np.full((4, 1), 9.0), verbose=0)
    results = {name: float(value) for name, value in model.get_metrics_result().items()}
    assert set(results) == {"loss", "mae"}, (
        f"{_VERSION}: the metrics of a compiled model are now {set(results)}"
    )
    assert min(results.values()) > 0, (
        f"{_VERSION}: _compile_metrics or _loss_tracker is no longer what training updates"
    )
    assert int(model.optimizer.iterations) == 1
    assert part.trainable_variables == before[0], (
        f"{_VERSION}: DotNotTrackScope no longer keeps shared metrics out of a model's variables"
    )


def _fit(model, callback):
    x = np.ones((3, 2), "float32")
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[callback])


def test_synced_variables_have_their_values_between_two_batches():
    model, read = _compiled(), []

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            internals.sync_variables(model)
            read.append(keras.ops.convert_to_numpy(model.weights[0]).copy())

    _fit(model, Read())
    assert not np.array_equal(read[0], read[1])
    assert np.array_equal(read[2], model.get_weights()[0]), (
        f"{_VERSION}: jax_state_sync no longer gives variables their present values"
    )


def test_a_model_is_synced_with_the_part_that_is_trained_in_its_place():
    model, read = _compiled(), []
    part = keras.Sequential([keras.Input((2,)), model.get_layer("scores")])
    internals.compile_like(part, model)
    seen_by_callbacks = keras.callbacks.Callback()
    seen_by_callbacks.set_model(model)

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            read.append(seen_by_callbacks.model.get_weights()[0].copy())

    with internals.synced_with(model, part):
        _fit(part, Read())
    assert not np.array_equal(read[0], read[1])
    assert np.array_equal(read[2], model.get_weights()[0]), (
        f"{_VERSION}: Callback.model no longer calls jax_state_sync"
    )
    assert "jax_state_sync" not in vars(model)


class _PauseError(Exception):
    pass


def test_averages_replace_weights_at_the_end_of_training_and_not_at_a_pause():
    model = _compiled(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    read = []

    class Pause(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            read.append(model.get_weights()[0])
            raise _PauseError

    with pytest.raises(_PauseError), internals.pausable_fit(model, _PauseError):
        _fit(model, Pause())
    assert np.array_equal(model.get_weights()[0], read[0]), (
        f"{_VERSION}: fit no longer calls finalize_variable_values while an exception leaves it"
    )
    for _ in range(2):
        with internals.pausable_fit(model, _PauseError):
            _fit(model, keras.callbacks.Callback())
        averages = keras.ops.convert_to_numpy(model.optimizer._model_variables_moving_average[0])
        assert np.array_equal(model.get_weights()[0], averages)
    assert "finalize_variable_values" not in vars(model.optimizer)


def _optimizers():
    """One of each public optimizer that needs no arguments."""
    for public in vars(keras.optimizers).values():
        if isinstance(public, type):
            try:
                yield public()
            except TypeError:  # The base class, and those that wrap others.
                continue


def test_optimizers_are_saved_under_public_names_or_those_of_the_backend():
    known, names = internals.backend_optimizers(), set()
    for optimizer in _optimizers():
        saved = keras.saving.serialize_keras_object(optimizer)
        names.add(saved["class_name"])
        if saved["module"] != "keras.optimizers":
            assert (saved["module"], saved["class_name"]) in known, (
                f"{_VERSION} saves {type(optimizer)} under {saved['module']}"
            )
    assert {"Adam", "AdamW", "RMSprop", "SGD"} <= names
    assert {name for _, name in known} <= names
    assert bool(known) == (keras.backend.backend() == "torch"), (
        f"{_VERSION}: the classes of optimizers are {known}"
    )


def test_initial_epoch_is_what_backup_and_restore_sets(tmp_path):
    callback = keras.callbacks.BackupAndRestore(tmp_path, save_freq="epoch")
    callback.set_model(_compiled())
    callback.on_train_begin()
    assert internals.initial_epoch(callback.model) in (None, 0)
    callback.on_epoch_begin(2)
    callback.on_epoch_end(2)
    again = keras.callbacks.BackupAndRestore(tmp_path, save_freq="epoch")
    again.set_model(_compiled())
    again.on_train_begin()
    assert internals.initial_epoch(again.model) == 3, (
        f"{_VERSION}: BackupAndRestore no longer sets model._initial_epoch"
    )


def test_fit_begins_at_the_initial_epoch_that_is_set():
    model = _compiled()
    begun = []

    class Start(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            internals.set_initial_epoch(self.model, 2)

        def on_epoch_begin(self, epoch, logs=None):
            begun.append(epoch)

    model.fit(np.ones((2, 2)), np.ones((2, 1)), epochs=4, verbose=0, callbacks=[Start()])
    assert begun == [2, 3], f"{_VERSION}: fit no longer reads model._initial_epoch: began {begun}"


def _pending():
    return global_state.get_global_attribute("uninitialized_variables", [])


def test_models_built_without_allocation_take_no_memory():
    with internals.without_allocation():
        # 4 TiB, were it allocated now or when the scope ends.
        model = keras.Sequential([keras.Input((1 << 20,)), layers.Dense(1 << 20)])
        shapes = [tuple(weight.shape) for weight in model.weights]
    assert shapes == [(1 << 20, 1 << 20), (1 << 20,)]
    assert all(weight._value is None for weight in model.weights), (
        f"{_VERSION}: weights built in a StatelessScope are allocated"
    )
    assert not _pending(), (
        f"{_VERSION}: 'uninitialized_variables' is no longer where weights wait for allocation"
    )


def test_weights_that_wait_for_allocation_elsewhere_still_get_it():
    with keras.StatelessScope():
        layer = layers.Dense(2)
        layer.build((None, 3))
        waiting = list(_pending())
        assert [variable.path for variable in waiting] == [
            variable.path for variable in layer.weights
        ], f"{_VERSION}: 'uninitialized_variables' no longer lists the weights of a StatelessScope"
        with internals.without_allocation():
            keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        with pytest.raises(ValueError, match="refused"), internals.without_allocation():
            raise ValueError("refused")
        assert list(_pending()) == waiting
    outputs = keras.ops.convert_to_numpy(layer(np.ones((1, 3))))
    assert outputs.shape == (1, 2)


def test_legacy_builder_builds_what_an_hdf5_file_describes(tmp_path):
    model = _compiled(_functional())
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        text = file.attrs["model_config"]
    built = internals.legacy_model_builder(text, {})()
    assert [weight.shape for weight in built.weights] == [
        weight.shape for weight in model.weights
    ], f"{_VERSION}: keras.src.legacy.saving builds another model"


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_legacy_builder_runs_in_safe_mode(tmp_path):
    hostile = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x, output_shape=(2,))])
    hostile.save(tmp_path / "hostile.h5")
    with h5py.File(tmp_path / "hostile.h5") as file:
        text = file.attrs["model_config"]
    with pytest.raises(ValueError, match=r"unsafe|safe_mode|arbitrary code"):
        internals.legacy_model_builder(text, {})()


def test_hdf5_weights_load_in_the_order_of_the_layers(tmp_path):
    model = _functional()
    model.save(tmp_path / "model.h5")
    saved = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in saved])
    with h5py.File(tmp_path / "model.h5") as file:
        group = file["model_weights"]
        internals.load_hdf5_weights(model, group)
        names = internals.hdf5_names(group, "layer_names")
    for old, new in zip(saved, model.get_weights()):
        np.testing.assert_array_equal(old, new, f"{_VERSION}: weights in another order")
    model.set_weights([np.zeros_like(weight) for weight in saved])
    with h5py.File(tmp_path / "model.h5") as file:
        internals.load_hdf5_weights_by_name(model, file["model_weights"], False)
    for old, new in zip(saved, model.get_weights()):
        np.testing.assert_array_equal(old, new, f"{_VERSION}: weights of other names")
    assert set(names) == {layer.name for layer in model.layers}


def test_hdf5_names_are_joined(tmp_path):
    with h5py.File(tmp_path / "names.h5", "w") as file:
        file.attrs["weight_names0"], file.attrs["weight_names1"] = [b"a", b"b"], [b"c"]
        assert internals.hdf5_names(file, "weight_names") == ["a", "b", "c"]
        assert internals.hdf5_names(file, "layer_names") == []


def test_download_arguments_are_those_of_the_failed_get_file(monkeypatch, tmp_path):
    def refuse(*_):
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", refuse)
    address = "https://example.org/weights.h5"
    with pytest.raises(Exception, match="reset by peer") as error:
        keras.utils.get_file("weights.h5", address, cache_dir=tmp_path, cache_subdir="models")
    arguments = internals.download_arguments(error.value)
    assert arguments is not None, f"{_VERSION}: get_file is no longer a frame of the traceback"
    named = {name: str(arguments.get(name)) for name in ("origin", "datadir", "fname")}
    assert named == {
        "origin": address,
        "datadir": str(tmp_path / "models"),
        "fname": "weights.h5",
    }, f"{_VERSION}: the local variables of get_file have other names"


def test_the_tokenizer_and_its_relatives_are_there() -> None:
    tokenizer = internals.TEXT.Tokenizer(num_words=4)
    tokenizer.fit_on_texts(["a b a", "c a"])
    assert tokenizer.texts_to_sequences(["a c b"]) == [[1, 3, 2]]
    assert internals.TEXT.tokenizer_from_json(tokenizer.to_json()).word_index["a"] == 1
    assert internals.TEXT.text_to_word_sequence("A b!") == ["a", "b"]
    assert len(internals.TEXT.hashing_trick("a b", 10, "md5")) == 2
    assert internals.SEQUENCE.make_sampling_table(3).shape == (3,)
    assert len(internals.SEQUENCE.skipgrams([1, 2, 3], 4, seed=1)) == 2
    assert hasattr(internals.SEQUENCE, "TimeseriesGenerator")


def test_weights_folder_is_where_get_file_looks(monkeypatch, tmp_path):
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    file = internals.weights_folder() / "weights.h5"
    file.parent.mkdir()
    file.touch()
    found = keras.utils.get_file("weights.h5", "http://127.0.0.1:9/none", cache_subdir="models")
    assert Path(found) == file, f"{_VERSION}: get_file keeps weights elsewhere"


@pytest.mark.parametrize("scaled", [False, True])
def test_an_optimizer_knows_the_variables_it_was_built_with(scaled):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, name="base"), layers.Dense(1)])
    model.get_layer("base").trainable = False
    optimizer = keras.optimizers.SGD()
    _compiled(model, optimizer=keras.optimizers.LossScaleOptimizer(optimizer) if scaled else "sgd")
    assert internals.variables_unknown_to_optimizer(model) == []
    model.train_on_batch(np.zeros((2, 2)), np.zeros((2, 1)))
    assert internals.variables_unknown_to_optimizer(model) == []
    model.get_layer("base").trainable = True
    unknown = [each.name for each in internals.variables_unknown_to_optimizer(model)]
    assert unknown == ["kernel", "bias"], (
        f"{_VERSION}: optimizers keep their variables elsewhere than in `_trainable_variables`"
    )
