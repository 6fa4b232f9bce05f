"""The last layer is the logistic regression that scikit-learn fits on the frozen features."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pykeras_tl import ImageDataGenerator, fit
from pykeras_tl.training import fit_linear_probe

layers = keras.layers


def make_flow(seed: int, classes: int = 3, count: int = 60, **options):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = random.normal(0, 1, (count, 6, 6, 3)) + labels[:, None, None, None]
    targets = labels.astype("float32") if options.pop("binary", False) else np.eye(classes)[labels]
    return ImageDataGenerator(**options).flow(images, targets, batch_size=16, seed=1)


def make_model(units: int = 3, frozen: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 3))
    base = keras.Sequential(
        [inputs, layers.Conv2D(5, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    )
    base.trainable = not frozen
    maps = layers.Dropout(0.5)(base(inputs))
    activation = "softmax" if units > 1 else "sigmoid"
    return keras.Model(inputs, layers.Dense(units, activation=activation)(maps))


@pytest.mark.parametrize("frozen", [True, False])
def test_the_model_predicts_what_scikit_learn_does(frozen: bool) -> None:
    model, flow, validation = make_model(frozen=frozen), make_flow(1), make_flow(2)
    table = fit_linear_probe(model, flow, validation)
    features = keras.Model(model.inputs, model.layers[-1].input).predict(flow.x, verbose=0)
    labels = flow.y.argmax(1)
    best = table.loc[table["chosen"], "C"].item()
    assert best == table.loc[table["loss"].idxmin(), "C"]
    slow = make_pipeline(StandardScaler(), LogisticRegression(C=best, max_iter=1000))
    slow.fit(features, labels)
    new = keras.Model(model.inputs, model.layers[-1].input).predict(validation.x, verbose=0)
    np.testing.assert_allclose(
        model.predict(validation.x, verbose=0), slow.predict_proba(new), atol=2e-3
    )
    measured = (model.predict(validation.x, verbose=0).argmax(1) == validation.y.argmax(1)).mean()
    assert table.loc[table["chosen"], "accuracy"].item() == pytest.approx(measured)


@pytest.mark.parametrize("units", [1, 2])
def test_two_classes_may_have_one_unit_or_two(units: int) -> None:
    model = make_model(units)
    flow = make_flow(1, classes=2, binary=units == 1)
    if units == 1:
        flow.class_mode = "binary"
    fit_linear_probe(model, flow, flow)
    outputs = model.predict(flow.x, verbose=0)
    predicted = outputs[:, 0] > 0.5 if units == 1 else outputs.argmax(1)
    assert np.mean(predicted == np.arange(60) % 2) > 0.9


def test_augmentation_and_order_play_no_part() -> None:
    first, second = make_model(), make_model()
    fit_linear_probe(first, make_flow(1), make_flow(2))
    augmented = make_flow(1, rotation_range=90, horizontal_flip=True)
    position = augmented.get_state()
    fit_linear_probe(second, augmented, make_flow(2))
    for one, other in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_equal(augmented.get_state(), position)


def test_a_training_of_the_head_continues_from_the_probe() -> None:
    model, flow = make_model(), make_flow(1)
    fit_linear_probe(model, flow, flow)
    model.compile(keras.optimizers.SGD(1e-9), "categorical_crossentropy", metrics=["accuracy"])
    before = model.evaluate(flow.x, flow.y, verbose=0)
    history = fit(model, flow, validation_data=make_flow(1), epochs=1, verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(before[0], rel=1e-3)


def test_a_class_without_images_is_never_predicted() -> None:
    model = make_model(4)
    flow = make_flow(1)
    flow.y = np.pad(flow.y, ((0, 0), (0, 1)))
    fit_linear_probe(model, flow)
    assert model.predict(flow.x, verbose=0)[:, 3].max() < 0.01


def test_other_models_and_data_are_refused() -> None:
    headless = keras.Sequential([keras.Input((6, 6, 3)), layers.Flatten()])
    with pytest.raises(ValueError, match="ends with Flatten"):
        fit_linear_probe(headless, make_flow(1))
    flow = ImageDataGenerator().flow(np.zeros((4, 6, 6, 3)))
    with pytest.raises(ValueError, match="images with classes"):
        fit_linear_probe(make_model(), flow)
