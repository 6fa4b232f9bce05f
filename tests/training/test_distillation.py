"""Tests of training by a teacher, against Keras's fit on what the teacher predicts."""

import keras
import numpy as np
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training import fine_tune, fit

layers = keras.layers


def _model(seed: int, units: int = 4, classes: int = 3) -> keras.Model:
    keras.utils.set_random_seed(seed)
    hidden = layers.Dense(units, activation="relu", name="hidden")
    outputs = layers.Dense(classes, activation="softmax")
    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Flatten(), hidden, outputs])
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
    return model


def _flow(augmented: bool = True, **options):
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(size=(10, 6, 6, 3)), np.eye(3)[rng.integers(3, size=10)]
    generator = ImageDataGenerator(rotation_range=90 if augmented else 0, horizontal_flip=augmented)
    return generator.flow(images, labels, batch_size=4, seed=1, **options)


@pytest.mark.parametrize("augmented", [True, False])
def test_a_student_learns_what_the_teacher_says_of_the_augmented_images(augmented: bool) -> None:
    teacher, student, expected = _model(0, units=8), _model(1), _model(1)
    fit(student, _flow(augmented), epochs=2, teacher=teacher, verbose=0)
    flow = _flow(augmented)
    for _ in range(2 * len(flow)):
        images, _ = next(flow)
        expected.train_on_batch(images, teacher.predict(images, verbose=0))
    for ours, theirs in zip(student.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_mixed_images_are_labelled_by_the_teacher_too() -> None:
    teacher, student = _model(0), _model(1)
    history = fit(
        student, _flow(), epochs=1, teacher=teacher, batch_augmentation=["mixup"], verbose=0
    )
    plain = fit(_model(1), _flow(), epochs=1, batch_augmentation=["mixup"], verbose=0)
    assert history.history["loss"] != plain.history["loss"]


def test_a_run_resumes_with_its_teacher_only(tmp_path) -> None:
    options = {"run_dir": tmp_path, "verbose": 0}
    fit(_model(1), _flow(), epochs=1, teacher=_model(0), **options)
    with pytest.raises(ValueError, match="batch_augmentation"):
        fit(_model(1), _flow(), epochs=2, teacher=_model(2), **options)
    resumed, whole = _model(1), _model(1)
    fit(resumed, _flow(), epochs=2, teacher=_model(0), **options)
    fit(whole, _flow(), epochs=2, teacher=_model(0), verbose=0)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_only_the_second_part_of_fine_tuning_has_the_teacher() -> None:
    teacher, student = _model(0), _model(1)
    student.get_layer("hidden").trainable = False
    settings = {"unfreeze_from": "hidden", "epochs_head": 1, "epochs_fine": 1, "verbose": 0}
    settings["loss"] = "categorical_crossentropy"
    taught = fine_tune(student, _flow(), teacher=teacher, **settings)
    student = _model(1)
    student.get_layer("hidden").trainable = False
    plain = fine_tune(student, _flow(), **settings)
    losses = zip(taught.history["loss"], plain.history["loss"])
    assert [ours == theirs for ours, theirs in losses] == [True, False]


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match=r"teacher with the output .* \(None, 3\)"):
        fit(_model(0), _flow(), teacher=_model(1, classes=4))
    sparse = ImageDataGenerator().flow(np.zeros((4, 6, 6, 3)), np.arange(4) % 3)
    with pytest.raises(ValueError, match="categorical"):
        fit(_model(0), sparse, teacher=_model(1))
    with pytest.raises(TypeError, match="With teacher"):
        fit(_model(0), np.zeros((4, 6, 6, 3)), np.eye(3)[[0, 1, 2, 0]], teacher=_model(1))
