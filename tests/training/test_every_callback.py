"""Every callback of Keras sees, logs and writes in our `fit` what it does in Keras's own."""

import json
import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from fuzz.sessions import Calls, Session, differences, make_session, train, write_images

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training.fit_function import fit

_KINDS = keras.callbacks
_METRIC = "val_accuracy"


def _log_calls(folder):
    def log(line):
        with (folder / "calls.txt").open("a") as file:
            file.write(f"{line}\n")

    return _KINDS.LambdaCallback(
        on_train_begin=lambda logs: log(f"training begins {logs}"),
        on_epoch_begin=lambda epoch, logs: log(f"epoch {epoch} begins {logs}"),
        on_train_batch_begin=lambda batch, logs: log(f"batch {batch} begins {logs}"),
        on_train_batch_end=lambda batch, logs: log(f"batch {batch} ends {sorted(logs)}"),
        on_epoch_end=lambda epoch, logs: log(f"epoch {epoch} ends {sorted(logs)}"),
        on_train_end=lambda logs: log(f"training ends {sorted(logs)}"),
    )


# How each is made: what it needs, and so that it has something to do in three epochs.
_MADE = {
    "BackupAndRestore": lambda folder: _KINDS.BackupAndRestore(
        folder / "backup", delete_checkpoint=False
    ),
    "CSVLogger": lambda folder: _KINDS.CSVLogger(folder / "log.csv"),
    "Callback": lambda folder: _KINDS.Callback(),
    "EarlyStopping": lambda folder: _KINDS.EarlyStopping(
        _METRIC, patience=0, restore_best_weights=True
    ),
    "History": lambda folder: _KINDS.History(),
    "LambdaCallback": _log_calls,
    "LearningRateScheduler": lambda folder: _KINDS.LearningRateScheduler(
        lambda epoch, rate: rate / (1 + epoch)
    ),
    "ModelCheckpoint": lambda folder: _KINDS.ModelCheckpoint(
        folder / "{epoch}.keras", monitor=_METRIC, save_best_only=True
    ),
    "OrbaxCheckpoint": lambda folder: _KINDS.OrbaxCheckpoint(folder / "orbax", monitor=_METRIC),
    "ProgbarLogger": lambda folder: _KINDS.ProgbarLogger(),
    "ReduceLROnPlateau": lambda folder: _KINDS.ReduceLROnPlateau(_METRIC, patience=1, min_delta=1),
    "RemoteMonitor": lambda folder: _KINDS.RemoteMonitor(str(folder), "/posts.txt"),
    "SwapEMAWeights": lambda folder: _KINDS.SwapEMAWeights(swap_on_epoch=True),
    "TensorBoard": lambda folder: _KINDS.TensorBoard(folder / "board", update_freq=2),
    "TerminateOnNaN": lambda folder: _KINDS.TerminateOnNaN(),
}
_NEEDS = {"OrbaxCheckpoint": "orbax.checkpoint", "TensorBoard": "tensorboard"}


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    write_images(folder)
    return folder


@pytest.fixture(autouse=True)
def _eager_on_tensorflow():
    """Spare each session its compilation."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        yield
        tf.config.run_functions_eagerly(False)
    else:
        yield


@pytest.fixture(autouse=True)
def _posts_into_a_file(monkeypatch):
    """Let RemoteMonitor send its values to a file, without the last digits."""

    def post(path, data, headers):
        sent = {name: round(value, 3) for name, value in json.loads(data["data"]).items()}
        with Path(path).open("a") as file:
            file.write(f"{sent}\n")

    requests = pytest.importorskip("requests")
    monkeypatch.setattr(requests, "post", post)


def _session(**changes) -> Session:
    plain = replace(
        make_session(0),
        **{"graph": False, "labels": "array one-hot", "augmented": False, "shuffle": False},
        **{"batch_size": 4, "body": "conv", "frozen": True, "dropout": True, "optimizer": "adam"},
        **{"loss": 0, "metrics": ("accuracy", "auc"), "weighted": False, "class_weight": False},
        **{"epochs": 3, "initial_epoch": 0, "steps_per_epoch": None, "steps_per_execution": 1},
        **{"validation": "flow", "validation_steps": None, "validation_freq": 1},
        **{"cached_augmented_epochs": False, "then": "nothing", "interrupted": "never"},
    )
    return replace(plain, **changes)


def test_every_callback_is_listed():
    """A callback that a new version of Keras brings needs a line above."""
    public = {
        name
        for name, value in vars(_KINDS).items()
        if isinstance(value, type) and value is not _KINDS.CallbackList
    }
    assert public == set(_MADE)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("name", _MADE)
def test_a_callback_does_what_it_does_in_keras(name, cached, tmp_path, image_folder, capsys):
    if name in _NEEDS:
        pytest.importorskip(_NEEDS[name], reason=f"{name} needs {_NEEDS[name]}")
    averaged = name == "SwapEMAWeights"
    session = _session(cache_frozen=cached, optimizer="averaged" if averaged else "adam")
    verbose = 1 if name == "ProgbarLogger" else 0
    results, printed = [], []
    for ours in (False, True):
        capsys.readouterr()
        folder = tmp_path / ("ours" if ours else "keras")
        results.append(
            train(
                *(session, folder, image_folder, ours),
                make=lambda _, folder: [_MADE[name](folder)],
                verbose=verbose,
            )
        )
        printed.append(_ends_of_epochs(capsys.readouterr().out))
    assert differences(results[1], results[0]) == []
    if verbose:
        assert len(printed[0]) == 2 * session.epochs
        assert printed[1] == printed[0]


def _ends_of_epochs(text: str) -> list[list[str]]:
    """Return the epochs and metrics that a progress bar shows at the end of each epoch.

    Which batches it shows depends on how long they take.
    """
    bars = re.sub(r"[\x08\r]|\x1b\[[\d;]*m", "\n", text).splitlines()
    shown = [re.findall(r"Epoch \d+|\d+/\d+|[a-z_]+: \d\.\d\d", bar) for bar in bars]
    return [bar for bar, line in zip(shown, bars) if "Epoch" in line or "val_loss" in line]


@pytest.mark.parametrize("cached", [True, False])
def test_what_a_callback_finds_on_the_model(cached, make_flow, small_model):
    """It may ask the model for anything, and finds what was compiled, trained so far."""
    found = {}

    class Asking(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            model = self.model
            found["same"] = model is asked
            found["metrics"] = [metric.name for metric in model.metrics]
            found["layer"] = model.get_layer("hidden").name
            found["iterations"] = int(model.optimizer.iterations)
            predicted = model.predict_on_batch(make_flow(4, shuffle=False).next()[0])
            found["shape"] = predicted.shape
            found["weights"] = np.asarray(model.get_layer("classes").bias)

    asked = small_model(jit_compile=False)
    asked.get_layer("conv").trainable = False
    asked.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    fit(asked, make_flow(16), epochs=1, callbacks=Asking(), cache_frozen=cached, verbose=0)
    np.testing.assert_array_equal(found.pop("weights"), asked.get_layer("classes").bias)
    assert found == {
        **{"same": True, "metrics": ["loss", "compile_metrics"], "layer": "hidden"},
        **{"iterations": 2, "shape": (4, 4)},
    }


@pytest.mark.parametrize("wrapped", ["one", "nested", "CallbackList"])
def test_callbacks_in_every_form_that_keras_takes(wrapped, small_model):
    x, y = np.zeros((4, 48, 48, 3)), np.eye(4)
    model = small_model(jit_compile=False)
    calls = Calls()
    given = {
        "one": lambda: calls,
        "nested": lambda: [[calls], []],
        "CallbackList": lambda: _KINDS.CallbackList(
            [calls], model=model, epochs=1, steps=1, verbose=0
        ),
    }[wrapped]()
    fit(model, ImageDataGenerator().flow(x, y), epochs=1, callbacks=given, verbose=0)
    assert [call[0] for call in calls.calls][-1] == "train end"
