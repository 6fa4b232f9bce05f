import keras
import numpy as np
import pytest

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training import fit
from pykeras_tl.training.devices import augmentation
from pykeras_tl.training.devices.augmentation_layer import AugmentationLayer, transform_inputs

_SETTINGS = {
    "rotation_range": 180,
    "zoom_range": 0.5,
    "shear_range": 20,
    "width_shift_range": 3.0,
    "horizontal_flip": True,
    "vertical_flip": True,
}


@pytest.mark.parametrize(
    "settings",
    [
        _SETTINGS,
        _SETTINGS | {"fill_mode": "reflect", "channel_shift_range": 60.0},
        _SETTINGS | {"fill_mode": "constant", "cval": 7.0},
        # Edges fall exactly on pixels.
        {"fill_mode": "constant", "width_shift_range": [2], "horizontal_flip": True},
    ],
    ids=["nearest", "reflect", "constant", "whole pixels"],
)
@pytest.mark.parametrize("shape", [(24, 31, 3), (300, 20, 1)])
def test_the_layer_computes_what_the_generator_does(settings, shape):
    images = np.random.RandomState(0).randint(0, 256, (6, *shape)).astype("uint8")
    flow = ImageDataGenerator(**settings).flow(images, batch_size=6, seed=3)
    spec = flow.next_batch_spec()
    fill_mode = settings.get("fill_mode", "nearest")
    inputs = transform_inputs(spec.transforms, shape, fill_mode == "constant")
    layer = AugmentationLayer(fill_mode, settings.get("cval", 0.0))
    pixels = flow.compute_pixels(spec.indices)
    augmented = keras.ops.convert_to_numpy(layer([pixels, *inputs]))
    np.testing.assert_allclose(augmented, flow.compute_batch(spec), atol=0.01)


def test_pixels_of_files_reach_the_device_as_bytes(write_folder, tmp_path):
    write_folder(tmp_path / "images", 8)
    flow = ImageDataGenerator(rotation_range=9, rescale=1 / 255).flow_from_directory(
        tmp_path / "images", target_size=(20, 20), batch_size=8
    )
    assert flow.compute_pixels(np.arange(8)).dtype == np.uint8


class _Seen(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.seen = self.model


@pytest.mark.slow
def test_training_on_augmented_images_is_the_same_on_the_device(small_model, make_flow, tmp_path):
    def train(epochs=2, **options):
        model = small_model(dropout_seed=1)
        seen = _Seen()
        flow = make_flow(20, rotation_range=20, fill_mode="reflect", channel_shift_range=9.0)
        history = fit(model, flow, epochs=epochs, callbacks=seen, verbose=0, **options)
        assert seen.seen is model
        return history.history, model.get_weights()

    validation = {"validation_data": make_flow(8, shuffle=False, seed=4)}
    here, there = train(**validation), train(augment_on="device", **validation)
    assert here[0].keys() == there[0].keys()
    for name in here[0]:
        np.testing.assert_allclose(here[0][name], there[0][name], atol=1e-4)
    run = {"run_dir": tmp_path / "run", **validation}
    train(epochs=1, augment_on="device", **run)
    # A run goes on as it was begun.
    resumed = train(augment_on="auto", **run)
    assert resumed[0] == there[0]
    for one, other in zip(resumed[1], there[1]):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("share", "expected"), [(0, True), (1e9, False)])
def test_an_accelerator_that_would_wait_augments_itself(
    small_model, make_flow, monkeypatch, share, expected
):
    monkeypatch.setattr(augmentation, "accelerated", lambda: True)
    monkeypatch.setattr(augmentation, "_STEP", share)
    flow = make_flow(rotation_range=20)
    inputs = augmentation.FitInputs(small_model(), flow, None)
    assert augmentation.augments_on_device(inputs, "auto", None) == expected
    assert flow.total_batches_seen == 0
    # A prediction function of the user's own class is not for the device.
    inputs.source = make_flow(rotation_range=20, preprocessing_function=np.sqrt)
    assert not augmentation.augments_on_device(inputs, "auto", None)


@pytest.mark.filterwarnings("ignore:Keras computes on a CPU")
def test_in_mixed_precision_images_and_output_stay_in_32_bits(small_model, make_flow, monkeypatch):
    class Noting(AugmentationLayer):
        def call(self, inputs):
            kinds["augmented"] = self.compute_dtype
            return super().call(inputs)

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kinds.update({each.name: each.compute_dtype for each in self.model.layers})

    kinds: dict[str, str] = {}
    monkeypatch.setattr(augmentation, "AugmentationLayer", Noting)
    # Of a functional model, unlike a sequential one, Keras knows the outputs' names.
    layers = small_model()
    model = keras.Model(layers.inputs, layers.outputs)
    model.compile("sgd", "categorical_crossentropy")
    fit(
        model, make_flow(rotation_range=20), epochs=1, verbose=0, callbacks=Note(),
        mixed_precision="mixed_bfloat16", augment_on="device",
    )  # fmt: skip
    found = [kinds[name] for name in ("augmented", "conv", "classes")]
    assert found == ["float32", "bfloat16", "float32"]


@pytest.mark.filterwarnings("ignore:Keras computes on a CPU")
def test_where_to_augment_is_measured_in_the_precision_of_the_training(
    small_model, make_flow, monkeypatch
):
    model, seen = small_model(), []
    test_on_batch = model.test_on_batch

    def measured(*batch):
        seen.append(model.layers[-2].compute_dtype)
        return test_on_batch(*batch)

    monkeypatch.setattr(augmentation, "accelerated", lambda: True)
    monkeypatch.setattr(model, "test_on_batch", measured)
    flow = make_flow(rotation_range=20)
    fit(model, flow, epochs=1, verbose=0, mixed_precision="mixed_bfloat16")
    assert set(seen) == {"bfloat16"}
    assert model.layers[-2].compute_dtype == "float32"


def test_what_only_the_cpu_can_do_is_named(small_model, make_flow):
    for settings, message in (
        ({"rotation_range": 9, "brightness_range": [0.5, 1.5]}, "with brightness_range"),
        ({"rotation_range": 9, "fill_mode": "wrap"}, "with fill_mode='wrap'"),
        ({}, "with images that are not augmented"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(small_model(), make_flow(**settings), augment_on="device")
    with pytest.raises(ValueError, match="Expected `augment_on` to be one of"):
        fit(small_model(), make_flow(), augment_on="gpu")
