import warnings

import keras
import numpy as np
import pytest

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.fit_function import fit


class Spoil(keras.callbacks.Callback):
    """Makes a weight infinite after a batch, as a rate that is too high does."""

    def __init__(self, epoch, batch):
        super().__init__()
        self._when = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._epoch, batch) == self._when:
            weights = self.model.get_weights()
            weights[-1][0] = np.inf
            self.model.set_weights(weights)


def after(epochs, make_flow, small_model):
    model = small_model()
    fit(model, make_flow(), epochs=epochs, verbose=0)
    return model.get_weights()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "when"),
    [(1, "loss became nan in epoch 3, batch 3"), (4, "NaN at the end of epoch 3")],
)
def test_a_loss_that_is_not_finite_stops_with_the_last_good_weights(
    make_flow, small_model, batch, when
):
    model = small_model()
    with pytest.warns(UserWarning, match=f"{when}.*from the beginning of the epoch"):
        history = fit(model, make_flow(), epochs=9, callbacks=[Spoil(2, batch)], verbose=0)
    assert history.epoch == [0, 1, 2]
    for one, other in zip(model.get_weights(), after(2, make_flow, small_model), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_validation_finds_what_the_last_batch_has_spoilt(make_flow, small_model):
    model = small_model()
    with pytest.warns(UserWarning, match="nan in the validation after epoch 2"):
        history = fit(
            model,
            make_flow(),
            epochs=9,
            validation_data=make_flow(count=16),
            callbacks=[Spoil(1, 4)],
            verbose=0,
        )
    assert history.epoch == [0, 1]
    for one, other in zip(model.get_weights(), after(1, make_flow, small_model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_part_behind_frozen_layers_gets_its_weights_back_too(make_flow, small_model):
    model = small_model()
    model.get_layer("conv").trainable = False
    model.compile("adam", "categorical_crossentropy")
    before = model.get_weights()
    with pytest.warns(UserWarning, match="in epoch 1, batch 3"):
        fit(model, make_flow(), epochs=2, callbacks=[Spoil(0, 1)], verbose=0)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_run_keeps_the_good_weights(tmp_path, make_flow, small_model):
    def call(**options):
        with pytest.warns(UserWarning, match="not finite|became nan"):
            fit(model, make_flow(), epochs=3, verbose=0, run_dir=tmp_path, **options)

    model = small_model()
    call(callbacks=[Spoil(1, 2)], save_minutes=1e-9)
    model = small_model()
    history = fit(
        model, make_flow(), epochs=9, callbacks=[Spoil(1, 2)], run_dir=tmp_path, verbose=0
    )
    assert history.epoch == [0, 1]
    for one, other in zip(model.get_weights(), after(1, make_flow, small_model), strict=True):
        np.testing.assert_array_equal(one, other)


def one_class(small_model, **options):
    """A network that names the third class whatever it sees."""
    model = small_model(optimizer=keras.optimizers.SGD(0.0), **options)
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel * 0, bias + np.array([0, 0, 1, 0])])
    return model


@pytest.mark.slow
@pytest.mark.parametrize(("epochs", "when"), [(2, "After training"), (5, "After epoch 3")])
def test_predictions_of_one_class_only_are_warned_of(make_flow, small_model, epochs, when):
    with pytest.warns(
        UserWarning, match=rf"{when}, the model predicts 2 for all 40 validation images"
    ) as found:
        fit(
            one_class(small_model),
            make_flow(),
            epochs=epochs,
            validation_data=make_flow(batch_size=3),
            verbose=0,
        )
    assert len([each for each in found if "the model predicts" in str(each.message)]) == 1


def test_with_frozen_layers_and_names_it_says_the_name(tmp_path, write_folder, small_model):
    write_folder(tmp_path, 16)

    def flow():
        settings = ImageDataGenerator(rescale=1 / 255)
        return settings.flow_from_directory(tmp_path, (48, 48), batch_size=4, shuffle=False)

    model = one_class(small_model)
    model.get_layer("conv").trainable = False
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", metrics=["accuracy"])
    with pytest.warns(UserWarning, match="the model predicts 'c' for all 16 validation images"):
        fit(model, flow(), validation_data=flow(), verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_network_that_learns_is_not_warned_of(make_flow, small_model, shuffle):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "validation_data contains all 40 training images")
        model = small_model(optimizer=keras.optimizers.Adam(0.01))
        flow = make_flow()
        history = fit(model, flow, epochs=8, validation_data=make_flow(shuffle=shuffle), verbose=0)
    assert history.history["val_accuracy"][-1] > 0.5


@pytest.mark.slow
def test_looking_changes_nothing(make_flow, small_model):
    def call(name):
        model = one_class(small_model)
        model.compile(
            "adam",
            "categorical_crossentropy",
            metrics=[keras.metrics.CategoricalAccuracy(name=name)],
        )
        validation = make_flow(seed=None)
        validation._random.seed(5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = fit(model, make_flow(), epochs=4, validation_data=validation, verbose=0)
        losses = [history.history[each] for each in ("loss", "val_loss")]
        return losses, model.get_weights()

    # Under a name that it does not know it does not look.
    looked, not_looked = call("accuracy"), call("other")
    assert looked[0] == not_looked[0]
    for one, other in zip(looked[1], not_looked[1], strict=True):
        np.testing.assert_array_equal(one, other)
