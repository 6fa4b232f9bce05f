"""Checkpoints under the names that scripts of Keras 2 give them."""

import keras
import numpy as np
import pytest

from pykeras_tl.models import load_model, load_weights, save_model
from pykeras_tl.training import NamedCheckpoint


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


def _fit(model, callback):
    model.fit(np.ones((6, 3)), np.ones((6, 2)), epochs=2, batch_size=2, verbose=0,
              callbacks=[callback])  # fmt: skip


@pytest.mark.parametrize("name", ["best.hdf5", "best.h5", "best.keras", "best"])
def test_models(model, tmp_path, name):
    _fit(model, NamedCheckpoint(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    loaded = load_model(tmp_path / name)
    np.testing.assert_allclose(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("name", ["w.h5", "w.hdf5", "cp.ckpt", "w.weights.h5"])
def test_weights(model, tmp_path, name):
    _fit(model, NamedCheckpoint(tmp_path / name, save_weights_only=True))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    load_weights(other, tmp_path / name)
    np.testing.assert_allclose(other.get_weights()[0], model.get_weights()[0])


def test_names_with_epoch_and_batch(model, tmp_path):
    _fit(model, NamedCheckpoint(tmp_path / "{epoch:02d}-{loss:.0f}.hdf5"))
    assert len(list(tmp_path.glob("0[12]-*.hdf5"))) == 2
    _fit(model, NamedCheckpoint(tmp_path / "{epoch}-{batch}.hdf5", save_freq=2))
    assert (tmp_path / "1-2.hdf5").is_file()
    assert not list(tmp_path.glob("*.h5"))


def test_what_is_printed_is_the_name_of_the_file(model, tmp_path, capsys):
    _fit(model, NamedCheckpoint(tmp_path / "w.hdf5", verbose=1, save_weights_only=True))
    assert f"saving model to {tmp_path / 'w.hdf5'}\n" in capsys.readouterr().out


def test_a_period_is_a_number_of_epochs(model, tmp_path):
    model.fit(np.ones((6, 3)), np.ones((6, 2)), epochs=5, verbose=0,
              callbacks=[NamedCheckpoint(tmp_path / "{epoch}.h5", period=2)])  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.h5", "4.h5"]


def test_the_optimizer_is_saved_after_hdf5_was(model, tmp_path):
    model.fit(np.ones((6, 3)), np.ones((6, 2)), verbose=0)
    save_model(model, tmp_path / "one.h5")
    save_model(model, tmp_path / "two.keras")
    assert isinstance(load_model(tmp_path / "two.keras").optimizer, keras.optimizers.SGD)
    _fit(model, NamedCheckpoint(tmp_path / "three.hdf5"))
    save_model(model, tmp_path / "four.keras")
    assert isinstance(load_model(tmp_path / "four.keras").optimizer, keras.optimizers.SGD)
