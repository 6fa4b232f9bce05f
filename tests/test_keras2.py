"""A script for Keras 2 runs after one import, and Keras is as before once that is undone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pykeras_tl import ImageDataGenerator, fit
from pykeras_tl.models.keras_internals import compile_like
from pykeras_tl.training import make_optimizer


@pytest.fixture
def keras2():
    import pykeras_tl.keras2

    pykeras_tl.keras2.enable()
    yield pykeras_tl.keras2
    pykeras_tl.keras2.disable()


def _flow(shuffle=True):
    random = np.random.default_rng(0)
    images, labels = random.uniform(0, 255, (20, 8, 8, 3)), np.eye(2)[[0, 1] * 10]
    generator = ImageDataGenerator(rescale=1 / 255)
    return generator.flow(images, labels, batch_size=5, seed=1, shuffle=shuffle)


def _model(optimizer="sgd"):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def test_fit_generator_with_old_arguments_is_fit(keras2):
    model = _model()
    history = model.fit_generator(
        _flow(),
        steps_per_epoch=20 / 5,
        nb_epoch=2,
        validation_data=_flow(shuffle=False),
        nb_val_samples=2,
        verbose=0,
        max_queue_size=10,
        workers=2,
        use_multiprocessing=True,
    )
    expected = fit(
        _model(), _flow(), epochs=2, validation_data=_flow(False), validation_steps=2, verbose=0
    )
    assert history.history == expected.history


def test_fit_takes_iterators_and_arrays(keras2):
    history = _model().fit(_flow(), epochs=1, batch_size=3, shuffle=True, verbose=0)
    assert history.history == fit(_model(), _flow(), epochs=1, verbose=0).history
    x, y = np.ones((10, 8, 8, 3)), np.eye(2)[[0, 1] * 5]
    assert _model().fit(x, y, nb_epoch=2, workers=1, verbose=0).epoch == [0, 1]


def test_samples_per_epoch_counts_samples(keras2):
    history = _model().fit_generator(_flow(), samples_per_epoch=10, nb_epoch=1, verbose=0)
    expected = fit(_model(), _flow(), steps_per_epoch=2, verbose=0)
    assert history.history == expected.history


def test_predictions_begin_at_the_start_of_an_iterator(keras2):
    model, flow = _model(), _flow(shuffle=False)
    expected = model.predict(flow[0][0], verbose=0)
    next(flow)
    predicted = model.predict_generator(flow, steps=20 / 5, workers=2)
    assert predicted.shape == (20, 2)
    np.testing.assert_allclose(predicted[:5], expected, rtol=1e-5)
    assert len(model.evaluate_generator(flow, 4, max_queue_size=1)) == 2
    classes = model.predict_classes(flow[0][0], verbose=0)
    assert classes.tolist() == expected.argmax(1).tolist()
    np.testing.assert_allclose(model.predict_proba(flow[0][0], verbose=0), expected)


def test_lr_and_decay_mean_what_they_did(keras2):
    old = keras.optimizers.SGD(lr=0.1, decay=0.5, momentum=0.9)
    ours = make_optimizer("sgd", 0.1, decay=0.5, momentum=0.9)
    assert old.get_config()["learning_rate"] == ours.get_config()["learning_rate"]
    rate = keras.optimizers.Adam(lr=1e-3, decay=0.0).get_config()["learning_rate"]
    assert rate == pytest.approx(1e-3)


def test_old_imports_find_the_generator(keras2):
    from keras.preprocessing.image import ImageDataGenerator as Theirs
    from keras.preprocessing.image import NumpyArrayIterator, apply_affine_transform

    assert Theirs is ImageDataGenerator
    assert callable(apply_affine_transform)
    assert isinstance(_flow(), NumpyArrayIterator)
    np.testing.assert_array_equal(_flow().next()[0], next(_flow())[0])


@pytest.mark.parametrize("name", ["w.{epoch:02d}-{loss:.0f}.hdf5", "cp.ckpt", "w.weights.h5"])
def test_weights_have_any_name(keras2, tmp_path, name):
    from keras.callbacks import ModelCheckpoint

    model = _model()
    saving = ModelCheckpoint(tmp_path / name, "loss", 0, True, True, period=1)
    model.fit_generator(_flow(), epochs=1, verbose=0, callbacks=[saving])
    (file,) = tmp_path.iterdir()
    assert file.name.startswith(name[:2])
    assert file.name.endswith(name[-5:])
    for options in ({}, {"by_name": True}):
        other = keras.models.clone_model(model)
        other.load_weights(file, **options)
        np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    model.save_weights(tmp_path / name, save_format="h5")
    assert (tmp_path / name).is_file()


def test_names_of_inputs_and_outputs(keras2):
    dense = keras.layers.Dense(2, name="scores")
    named = keras.Sequential([keras.Input((3,), name="pixels"), dense])
    assert (named.input_names, named.output_names) == (["pixels"], ["scores"])
    plain = keras.Sequential([keras.layers.Dense(3, name="first"), dense])
    assert (plain.input_names, plain.output_names) == ([], ["scores"])
    plain.build((None, 3))
    assert plain.input_names == ["first_input"]
    inputs = [keras.Input((3,), name=name) for name in ("b", "a")]
    other = keras.Model(inputs, keras.layers.Add(name="sum")(inputs))
    assert (other.input_names, other.output_names) == (["b", "a"], ["sum"])
    # Keras itself asks for the names.
    model = _model()
    history = model.fit_generator(_flow(), epochs=1, verbose=0, validation_data=_flow())
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]


def test_weights_of_the_old_layout_have_any_name(keras2, tmp_path):
    model, other = _model(), _model()
    model.save(tmp_path / "old.hdf5")
    (tmp_path / "old.hdf5").rename(tmp_path / "old.ckpt")
    other.load_weights(tmp_path / "old.ckpt", by_name=True, skip_mismatch=True)
    other.load_weights(tmp_path / "old.ckpt")
    with pytest.raises((OSError, ValueError), match="none"):
        other.load_weights(tmp_path / "none.hdf5")


def test_it_says_so_and_can_be_undone(caplog):
    import pykeras_tl.keras2

    pykeras_tl.keras2.disable()
    before = keras.Model.fit
    pykeras_tl.keras2.enable()
    assert "pykeras_tl.keras2.disable() undoes it" in caplog.text
    pykeras_tl.keras2.enable()
    pykeras_tl.keras2.disable()
    assert keras.Model.fit is before
    assert not hasattr(keras.Model, "fit_generator")
    with pytest.raises((TypeError, ValueError), match="lr"):
        keras.optimizers.Adam(lr=1e-3)
    with pytest.raises(AttributeError):
        _ = keras.preprocessing.image.ImageDataGenerator


@pytest.mark.slow
def test_an_old_script_runs_after_one_import(tmp_path: Path):
    script = tmp_path / "old.py"
    script.write_text(
        "import pykeras_tl.keras2\n"
        "import numpy as np\n"
        "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
        "from keras.models import Sequential\n"
        "from keras.layers import Dense, Flatten, Input\n"
        "from keras.optimizers import SGD\n"
        "model = Sequential([Input((8, 8, 3)), Flatten(), Dense(1, activation='sigmoid')])\n"
        "model.compile(SGD(lr=1e-4, decay=1e-6, momentum=0.9, nesterov=True),\n"
        "              'binary_crossentropy', metrics=['acc'])\n"
        "images = np.random.RandomState(0).rand(8, 8, 8, 3)\n"
        "flow = ImageDataGenerator(horizontal_flip=True).flow(images, np.arange(8) % 2,\n"
        "                                                     batch_size=4)\n"
        "history = model.fit_generator(flow, steps_per_epoch=8 // 4, epochs=2, verbose=0,\n"
        "                              validation_data=flow, validation_steps=2)\n"
        "print(sorted(history.history))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("['acc', 'loss', 'val_acc', 'val_loss']")


def test_a_sequential_model_with_frozen_layers_is_trained(keras2):
    histories = []
    for enabled in (True, False):
        if not enabled:
            keras2.disable()
        model = _model()
        model.layers[0].trainable = False
        histories.append(fit(model, _flow(), epochs=2, verbose=0).history)
    assert histories[0] == histories[1]


def test_a_sequential_part_is_compiled_like_its_model(keras2):
    model = _model()
    part = keras.Sequential([keras.Input((8, 8, 3)), *model.layers])
    compile_like(part, model)
    assert part.optimizer is model.optimizer
