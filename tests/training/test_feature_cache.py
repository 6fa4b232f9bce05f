import itertools
from contextlib import contextmanager

import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.storage import disk_cache
from pykeras_tl.training.feature_cache import caching, sources
from pykeras_tl.training.fit_function import fit

layers = keras.layers


def all_weights(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def plain():
    """Nested in a sequential model, its last block trained."""
    keras.utils.set_random_seed(1)
    convolutions = [
        layers.Conv2D(8, 3, strides=2, activation="relu", trainable=number == 2)
        for number in range(3)
    ]
    base = keras.Sequential([keras.Input((48, 48, 3)), *convolutions, layers.MaxPooling2D()])
    head = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(4, activation="softmax")]
    return keras.Sequential([keras.Input((48, 48, 3)), base, *head])


def residual():
    """Batch normalization, frozen and not; nested in a functional model."""
    keras.utils.set_random_seed(1)
    start = keras.Input((48, 48, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same", trainable=False)(start)
    for number in range(4):
        trainable = number == 3
        before = layers.BatchNormalization(trainable=trainable)(x)
        added = layers.Conv2D(8, 3, padding="same", trainable=trainable)(layers.ReLU()(before))
        x = layers.Add()([x, added])
    base = keras.Model(start, layers.GlobalAveragePooling2D()(x))
    inputs = keras.Input((48, 48, 3))
    x = layers.Dropout(0.2)(base(inputs))
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def branched():
    """Several tensors at the split, and two outputs' worth of frozen paths around it."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((48, 48, 3))
    left = layers.Conv2D(4, 3, strides=4, padding="same", name="left", trainable=False)(inputs)
    right = layers.Conv2D(4, 5, strides=4, padding="same", name="right", trainable=False)(inputs)
    right = layers.BatchNormalization(trainable=False)(right)
    x = layers.Add()([layers.Conv2D(4, 3, padding="same", name="trained")(left), right]) + left
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def compiled(model, optimizer=None, **options):
    options = {"loss": "categorical_crossentropy", "metrics": ["accuracy"]} | options
    model.compile(optimizer or keras.optimizers.Adam(1e-3), **options)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("network", [plain, residual, branched])
def test_with_and_without_the_cache_is_the_same(network, make_flow, caplog):
    caplog.set_level("INFO", "pykeras_tl")
    runs = []
    for cache_frozen in (False, True):
        model = compiled(network())
        history = fit(
            model,
            make_flow(),
            epochs=2,
            validation_data=make_flow(20, seed=1),
            class_weight={0: 2.0, 1: 1.0, 2: 1.0, 3: 1.0},
            cache_frozen=cache_frozen,
            verbose=2,
        )
        said = "output of the frozen layers up to" in caplog.text
        assert said is cache_frozen
        runs.append((history, all_weights(model), model))
    (slow, expected, _), (fast, found, model) = runs
    assert slow.epoch == fast.epoch
    # torch rounds an image's output differently in batches of other sizes, and batch
    # normalization and Adam make more of it with each batch.
    tolerance = 2e-2 if keras.backend.backend() == "torch" and network is residual else 1e-4
    for name, tensors in slow.history.items():
        np.testing.assert_allclose(fast.history[name], tensors, rtol=tolerance)
    assert np.linalg.norm(found - expected) <= tolerance * np.linalg.norm(expected)
    # The model that was handed in is the one that was trained, and can be used at once.
    np.testing.assert_allclose(
        model.evaluate(make_flow(20, seed=1), verbose=0)[0], fast.history["val_loss"][-1], rtol=1e-4
    )


@pytest.fixture
def computed(monkeypatch):
    """Counts the images that the frozen layers are computed for."""
    count = []
    compute = sources.compute_features

    def counting(feature_extractor, images):
        count.append(len(images))
        return compute(feature_extractor, images)

    monkeypatch.setattr(caching, "compute_features", counting)
    monkeypatch.setattr(sources, "compute_features", counting)
    return count


@pytest.mark.slow
def test_another_optimizer_head_fold_or_seed_finds_the_store_warm(make_flow, computed):
    fit(compiled(branched()), make_flow(30), verbose=0)
    assert sum(computed) == 30
    computed.clear()
    fit(compiled(branched(), "sgd"), make_flow(30, seed=9, batch_size=5), verbose=0)
    other_head = branched()
    other_head = keras.Model(
        other_head.inputs, layers.Dense(4, activation="softmax")(other_head.layers[-2].output)
    )
    fit(compiled(other_head), make_flow(20, shuffle=False), verbose=0)
    assert computed == []
    fit(compiled(branched()), make_flow(40), verbose=0)
    # The ten new images lie in the last of the batches of 32 in the files' order.
    assert len(disk_cache.list_cache()) == 2
    computed.clear()
    fit(compiled(branched()), make_flow(40), verbose=0)
    assert computed == []


@pytest.mark.slow
def test_other_weights_or_scaling_are_another_store(make_flow, computed):
    model = compiled(branched())
    fit(model, make_flow(), verbose=0)
    model.get_layer("left").set_weights([w + 0.1 for w in model.get_layer("left").get_weights()])
    fit(model, make_flow(), verbose=0)
    fit(model, make_flow(rescale=1 / 128), verbose=0)
    assert sum(computed) == 3 * 40


def test_a_store_written_by_half_is_not_taken_for_whole(make_flow, computed, monkeypatch):
    class Killed(BaseException):
        pass

    @contextmanager
    def bar(title, total):
        count = itertools.count(1)

        def advance(steps):
            if next(count) == 2:
                raise Killed

        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(caching, "progress_bar", bar)
        with pytest.raises(Killed):
            fit(compiled(branched()), make_flow(), verbose=1)
    assert disk_cache.list_cache().empty
    computed.clear()
    fit(compiled(branched()), make_flow(), verbose=0)
    assert sum(computed) == 40


@pytest.mark.slow
def test_callbacks_see_the_whole_model(make_flow, tmp_path):
    model = compiled(branched(), keras.optimizers.SGD(0.5))
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=10),
        keras.callbacks.EarlyStopping(patience=3, min_delta=10, restore_best_weights=True),
    ]
    history = fit(
        model, make_flow(), epochs=9, validation_data=make_flow(20), callbacks=callbacks, verbose=0
    )
    assert history.epoch == [0, 1, 2, 3]
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]
    assert float(model.optimizer.learning_rate) == 0.0625
    # Early stopping took the first epoch's weights back, which is not what the last one had.
    flow = make_flow(20)
    loss = model.evaluate(flow, verbose=0)[0]
    np.testing.assert_allclose(loss, history.history["val_loss"][0], rtol=1e-4)
    saved = keras.models.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(
        saved.evaluate(flow, verbose=0)[0], min(history.history["val_loss"]), rtol=1e-4
    )
    assert len(saved.optimizer.variables) == len(model.optimizer.variables)


@pytest.mark.slow
def test_the_optimizer_s_state_is_the_model_s_own(make_flow):
    model = compiled(branched())
    fit(model, make_flow(), epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 10
    fit(model, make_flow(), cache_frozen=False, verbose=0)
    assert int(model.optimizer.iterations) == 15


def test_changing_images_take_the_ordinary_path(make_flow, computed):
    fit(compiled(branched()), make_flow(horizontal_flip=True), verbose=0)
    assert computed == []


def test_fewer_images_than_the_flow_has_take_the_ordinary_path(make_flow, computed):
    fit(compiled(branched()), make_flow(), steps_per_epoch=2, verbose=0)
    assert computed == []


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [2, 3])
def test_as_many_augmented_passes_as_epochs_are_the_same_as_fresh_ones(make_flow, epochs):
    augmenting = {"rotation_range": 30, "horizontal_flip": True}
    options = {"epochs": epochs, "verbose": 0}
    model = compiled(branched())
    fast = fit(model, make_flow(**augmenting), cached_augmented_epochs=2, **options)
    expected = compiled(branched())
    slow = fit(expected, make_flow(**augmenting), cache_frozen=False, **options)
    np.testing.assert_allclose(fast.history["loss"][:2], slow.history["loss"][:2], rtol=1e-4)
    if epochs == 3:
        assert abs(fast.history["loss"][2] / slow.history["loss"][2] - 1) > 1e-4


@pytest.mark.slow
def test_augmented_passes_are_found_again_only_where_they_would_come_again(make_flow, computed):
    options = {"epochs": 2, "cached_augmented_epochs": 2, "verbose": 0}
    fit(compiled(branched()), make_flow(rotation_range=30), **options)
    fit(compiled(branched(), "sgd"), make_flow(rotation_range=30), **options)
    assert sum(computed) == 80
    fit(compiled(branched()), make_flow(rotation_range=30, seed=4), **options)
    assert sum(computed) == 160
    fit(compiled(branched()), make_flow(rotation_range=30, seed=None), **options)
    assert len(disk_cache.list_cache()) == 2


@pytest.mark.slow
def test_augmented_validation_is_computed_afresh(make_flow):
    histories = [
        fit(
            compiled(branched()),
            make_flow(),
            epochs=2,
            validation_data=make_flow(20, rotation_range=30),
            cache_frozen=cache_frozen,
            verbose=0,
        )
        for cache_frozen in (True, False)
    ]
    fast, slow = (history.history["val_loss"] for history in histories)
    np.testing.assert_allclose(fast, slow, rtol=1e-4)


@pytest.mark.slow
def test_validation_arrays_are_cut_too(make_flow, images):
    x, y = images[0][:20] / np.float32(255), images[1][:20]
    histories = [
        fit(
            compiled(branched()),
            make_flow(),
            validation_data=(x, y),
            cache_frozen=cache_frozen,
            verbose=0,
        )
        for cache_frozen in (True, False)
    ]
    fast, slow = (history.history["val_loss"] for history in histories)
    np.testing.assert_allclose(fast, slow, rtol=1e-4)


def test_a_function_that_cannot_be_named_leaves_no_store(make_flow):
    fit(compiled(branched()), make_flow(preprocessing_function=lambda x: x / 2), verbose=0)
    assert disk_cache.list_cache().empty


@pytest.mark.slow
def test_half_precision_takes_half_the_space(make_flow):
    fit(compiled(branched()), make_flow(), verbose=0)
    whole = disk_cache.list_cache()["bytes"].sum()
    disk_cache.clear_cache()
    history = fit(compiled(branched()), make_flow(), cache_frozen="float16", verbose=0)
    assert disk_cache.list_cache()["bytes"].sum() < 0.6 * whole
    expected = fit(compiled(branched()), make_flow(), cache_frozen=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-2)


def test_without_room_it_trains_the_ordinary_way_and_says_so(make_flow, monkeypatch):
    monkeypatch.setenv("PYKERAS_TL_CACHE_GB", "0.0001")
    with pytest.warns(UserWarning, match="computed again for each batch.*PYKERAS_TL_CACHE_GB"):
        history = fit(compiled(branched()), make_flow(), verbose=0)
    assert history.epoch == [0]
    assert disk_cache.list_cache().empty


@pytest.mark.slow
def test_two_outputs_keep_their_names(make_flow, images):
    def network():
        model = branched()
        other = layers.Dense(4, activation="softmax", name="second")(model.layers[-2].output)
        model.layers[-1].name = "first"
        model = keras.Model(model.inputs, {"first": model.output, "second": other})
        return compiled(
            model,
            loss={"first": "categorical_crossentropy", "second": "mse"},
            metrics={"first": "accuracy", "second": "mae"},
        )

    histories = []
    for cache_frozen in (True, False):
        flow = make_flow()
        flow.targets = lambda indices: (
            {"first": images[1][indices], "second": images[1][indices]},
            None,
        )
        histories.append(fit(network(), flow, cache_frozen=cache_frozen, verbose=0).history)
    assert histories[0].keys() == histories[1].keys()
    for name, tensors in histories[0].items():
        np.testing.assert_allclose(tensors, histories[1][name], rtol=1e-4)


def test_averaged_weights_of_two_outputs(tmp_path, write_folder):
    """Averages replace the variables they were taken of, whatever the layers' order."""
    write_folder(tmp_path, 8)
    paths = sorted(str(path) for path in tmp_path.rglob("*.png"))
    table = pd.DataFrame({"filename": paths, "kind": [0, 1] * 4, "size": 0.5})

    def trained(cached):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        maps = keras.layers.Conv2D(2, 3, trainable=False)(inputs)
        hidden = keras.layers.Dense(4)(keras.layers.Flatten()(maps))
        size = keras.layers.Dense(1, name="size")(hidden)
        kind = keras.layers.Dense(2, activation="softmax", name="kind")(hidden)
        model = keras.Model(inputs, [kind, size])
        model.compile(
            keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5),
            ["sparse_categorical_crossentropy", "mse"],
            jit_compile=False,
        )
        flow = ImageDataGenerator(rescale=1 / 255).flow_from_dataframe(
            table,
            y_col=["kind", "size"],
            class_mode="multi_output",
            target_size=(8, 8),
            shuffle=False,
        )
        fit(model, flow, epochs=2, cache_frozen=cached, verbose=0)
        return model.get_weights()

    for ours, expected in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
