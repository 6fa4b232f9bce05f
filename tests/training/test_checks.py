import importlib.util
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.checks.pixels import check_pixels
from pykeras_tl.training.fit_function import fit


@pytest.fixture
def folder_flow(tmp_path, write_folder):
    """A function that makes a flow over a folder of two classes."""
    write_folder(tmp_path, 8, ("cat", "dog"))

    def make(settings=None, **options):
        settings = settings or ImageDataGenerator(rescale=1 / 255)
        options = {"target_size": (48, 48), "batch_size": 4} | options
        return settings.flow_from_directory(tmp_path, **options)

    return make


def network(units=2, activation="softmax", shape=(48, 48, 3), loss="categorical_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation=activation),
        ]
    )
    model.compile("sgd", loss=loss)
    return model


def fit_quietly(*args, **options):
    return fit(*args, verbose=0, **options)


def test_settings_in_place_of_a_flow(folder_flow):
    with pytest.raises(TypeError, match="ImageDataGenerator, which holds settings"):
        fit_quietly(network(), ImageDataGenerator())
    with pytest.raises(TypeError, match="validation_data is an ImageDataGenerator"):
        fit_quietly(network(), folder_flow(), validation_data=ImageDataGenerator())


def test_a_backend_that_cannot_train(folder_flow, monkeypatch):
    model, flow = network(), folder_flow()
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ValueError, match=r"tensorflow, jax, torch\. Received: numpy"):
        fit_quietly(model, flow)


def test_several_steps_at_once_on_torch(folder_flow, monkeypatch):
    model, flow = network(), folder_flow()
    model.compile("sgd", "categorical_crossentropy", steps_per_execution=2)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match=r"steps_per_execution=1.*on torch\. Received: 2"):
        fit_quietly(model, flow)


def test_a_path_in_place_of_a_flow():
    with pytest.raises(TypeError, match="is a path"):
        fit_quietly(network(), "some/folder")


def test_a_model_that_is_not_compiled(folder_flow):
    model = keras.Sequential([keras.Input((48, 48, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match=r"not compiled. Call model\.compile"):
        fit_quietly(model, folder_flow())


def test_images_of_another_shape(folder_flow):
    with pytest.raises(ValueError, match=r"\(48, 48, 3\).*expects \(32, 32, 3\)"):
        fit_quietly(network(shape=(32, 32, 3)), folder_flow())


def test_more_outputs_than_classes(folder_flow):
    with pytest.raises(ValueError, match="has 2 classes, but the model has 4 outputs"):
        fit_quietly(network(4), folder_flow())
    flow = ImageDataGenerator(rescale=1 / 255).flow(np.zeros((8, 48, 48, 3)), np.eye(4)[[0] * 8])
    with pytest.raises(ValueError, match="validation_data has 2 classes"):
        fit_quietly(network(4), flow, validation_data=folder_flow())


@pytest.mark.parametrize(
    ("class_mode", "loss", "right"),
    [
        ("categorical", "sparse_categorical_crossentropy", "categorical_crossentropy"),
        ("sparse", "categorical_crossentropy", "sparse_categorical_crossentropy"),
        ("sparse", keras.losses.CategoricalCrossentropy(), "sparse_categorical_crossentropy"),
    ],
)
def test_a_loss_that_does_not_go_with_the_labels(folder_flow, class_mode, loss, right):
    with pytest.raises(ValueError, match=f'with loss="{right}"'):
        fit_quietly(network(loss=loss), folder_flow(class_mode=class_mode))


def test_binary_labels_need_one_unit(folder_flow):
    with pytest.raises(ValueError, match=r"has 2 outputs\. End it in one sigmoid unit"):
        fit_quietly(network(), folder_flow(class_mode="binary"))
    model = network(1, "sigmoid", loss="binary_crossentropy")
    assert fit_quietly(model, folder_flow(class_mode="binary")).epoch == [0]


def test_a_flow_without_labels(folder_flow):
    with pytest.raises(ValueError, match="class_mode=None"):
        fit_quietly(network(), folder_flow(class_mode=None))


def test_validation_that_numbers_its_classes_otherwise(folder_flow):
    with pytest.raises(ValueError, match=r"\['dog', 'cat'\].*\['cat', 'dog'\]"):
        fit_quietly(network(), folder_flow(), validation_data=folder_flow(classes=["dog", "cat"]))


def test_labels_given_beside_a_flow(folder_flow):
    with pytest.raises(TypeError, match="Leave out batch_size, y"):
        fit_quietly(network(), folder_flow(), np.zeros(8), batch_size=4)


@pytest.mark.parametrize("steps", [0, -1, float("nan")])
def test_steps_below_one(folder_flow, steps):
    with pytest.raises(ValueError, match="steps_per_epoch should be a number above 0"):
        fit_quietly(network(), folder_flow(), steps_per_epoch=steps)


def test_no_epoch_left(folder_flow):
    with pytest.raises(ValueError, match="epochs=2, initial_epoch=2"):
        fit_quietly(network(), folder_flow(), epochs=2, initial_epoch=2)


def scaling_network():
    from pykeras_tl.models.input_scaling import InputScaling

    inputs = keras.Input((48, 48, 3))
    x = keras.layers.Flatten()(InputScaling("tf")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("sgd", loss="categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    "settings",
    [
        {"rescale": 1 / 255},
        {"preprocessing_function": lambda x: x / 127.5 - 1},
        {"samplewise_center": True},
    ],
)
def test_scaling_twice_is_refused(folder_flow, settings):
    with pytest.raises(ValueError, match=r"scaled twice.*the flow's ImageDataGenerator"):
        fit_quietly(scaling_network(), folder_flow(ImageDataGenerator(**settings)))


def test_augmenting_functions_are_no_scaling(folder_flow):
    settings = ImageDataGenerator(preprocessing_function=lambda x: x[::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit_quietly(scaling_network(), folder_flow(settings))


def test_no_scaling_at_all_is_warned_of(folder_flow):
    with pytest.warns(UserWarning, match="0 to 255 to a model that does not scale"):
        fit_quietly(network(), folder_flow(ImageDataGenerator()))


def array_flow(x, **settings):
    return ImageDataGenerator(**settings).flow(x, np.eye(2)[[0, 1] * 4], batch_size=4)


def colours(low, high):
    return np.random.RandomState(0).uniform(low, high, (8, 48, 48, 3)).astype("float32")


@pytest.mark.parametrize(
    ("model", "x", "settings"),
    [
        (network, colours(0, 1), {"rescale": 1 / 255}),
        (scaling_network, colours(0, 1), {}),
        (scaling_network, colours(-1, 1), {}),
    ],
)
def test_pixels_that_look_scaled_twice_are_warned_of(model, x, settings):
    with pytest.warns(UserWarning, match="The flow yields pixels from .* looks scaled twice"):
        fit_quietly(model(), array_flow(x, **settings))
    good = colours(0, 255)
    even = array_flow(good, **settings)
    with pytest.warns(UserWarning, match="validation_data yields pixels .* looks scaled twice"):
        fit_quietly(model(), even, validation_data=array_flow(x, **settings))


@pytest.mark.parametrize(
    ("model", "x", "settings"),
    [
        (network, colours(0, 255), {"rescale": 1 / 255}),
        (network, colours(0, 1), {}),
        (network, colours(0, 255), {"samplewise_center": True}),
        (scaling_network, colours(0, 255), {}),
    ],
)
def test_pixels_that_are_scaled_once_are_not_warned_of(model, x, settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit_quietly(model(), array_flow(x, **settings))


def inner_scaling(scale):
    """A network that scales its input by a layer or an operation of its own."""
    inputs = keras.Input((48, 48, 3))
    maps = keras.layers.Conv2D(2, 3)(scale(inputs))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(maps))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "categorical_crossentropy")
    return model


INNER_SCALINGS = {
    "rescaling layer": lambda x: keras.layers.Rescaling(1 / 255)(x),
    "division": lambda x: x / 255,
    "lambda": lambda x: keras.layers.Lambda(lambda pixels: pixels / 127.5 - 1)(x),
    "preprocess_input tf": lambda x: keras.applications.mobilenet.preprocess_input(x),
    "preprocess_input caffe": lambda x: keras.applications.vgg16.preprocess_input(x),
}


@pytest.mark.parametrize("scale", INNER_SCALINGS.values(), ids=INNER_SCALINGS)
def test_a_model_that_scales_inside_gets_no_advice_to_scale(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit_quietly(inner_scaling(scale), array_flow(colours(0, 255)))


@pytest.mark.parametrize("kind", sorted(set(INNER_SCALINGS) - {"rescaling layer"}))
def test_a_model_that_scales_inside_is_told_of_pixels_scaled_before(kind):
    model = inner_scaling(INNER_SCALINGS[kind])
    with pytest.warns(UserWarning, match="to a model that scales its input.*scaled twice"):
        fit_quietly(model, array_flow(colours(0, 255), rescale=1 / 255))


def test_a_rescaling_layer_and_rescale_are_refused():
    model = inner_scaling(INNER_SCALINGS["rescaling layer"])
    with pytest.raises(ValueError, match="scaled twice"):
        fit_quietly(model, array_flow(colours(0, 255), rescale=1 / 255))


def test_batch_normalization_first_takes_any_pixels():
    model = inner_scaling(lambda x: keras.layers.BatchNormalization()(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit_quietly(model, array_flow(colours(0, 255)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {
                "preprocessing_function": keras.applications.mobilenet.preprocess_input,
                "rescale": 1 / 255,
            },
            "looks scaled twice",
        ),
        ({"rescale": 255}, "does not scale them.*Check `rescale`"),
    ],
)
def test_settings_that_scale_wrongly_are_warned_of(settings, message):
    with pytest.warns(UserWarning, match=message):
        fit_quietly(network(), array_flow(colours(0, 255), **settings))


@pytest.mark.parametrize(
    ("x", "settings"),
    [
        (np.zeros((8, 48, 48, 3)), {"rescale": 1 / 255}),
        (np.full((8, 48, 48, 3), 255.0), {"rescale": 1 / 255}),
        (colours(0, 1), {"brightness_range": (0.5, 0.9)}),
    ],
    ids=["black", "white", "black after augmentation"],
)
def test_blank_images_are_warned_of(x, settings):
    with pytest.warns(UserWarning, match="The flow yields blank images"):
        fit_quietly(network(), array_flow(x, **settings))


def test_checking_pixels_leaves_the_iterator_and_its_folder_alone(tmp_path):
    settings = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
    looked_at, untouched = (
        settings.flow(colours(0, 1), np.eye(2)[[0, 1] * 4], batch_size=4, seed=seed)
        for seed in (3, 3)
    )
    looked_at.save_to_dir = tmp_path
    check_pixels(network(), looked_at, "The flow")
    assert list(tmp_path.iterdir()) == []
    looked_at.save_to_dir = None
    np.testing.assert_array_equal(next(looked_at)[0], next(untouched)[0])


@pytest.mark.parametrize("class_mode", ["raw", "multi_output"])
def test_texts_as_raw_labels_are_refused(tmp_path, write_folder, class_mode):
    write_folder(tmp_path, 4, ("cat", "dog"))
    table = list_images(tmp_path)
    column = "class" if class_mode == "raw" else ["class"]
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_dataframe(
        table, y_col=column, class_mode=class_mode, target_size=(48, 48)
    )
    with pytest.raises(ValueError, match="has texts as labels, such as 'cat'"):
        fit_quietly(network(1, "linear", loss="mse"), flow)


def test_validation_that_lacks_a_class_is_no_matter_of_the_model(tmp_path, write_folder):
    write_folder(tmp_path / "train", 4, ("cat", "dog", "owl"))
    write_folder(tmp_path / "test", 4, ("cat", "dog"))
    generator = ImageDataGenerator(rescale=1 / 255)
    training, validation = (
        generator.flow_from_directory(tmp_path / name, target_size=(48, 48), batch_size=4)
        for name in ("train", "test")
    )
    with pytest.raises(ValueError, match="Pass the same `classes` to both") as error:
        fit_quietly(network(3), training, validation_data=validation)
    assert "units" not in str(error.value)


def test_a_model_whose_shapes_are_not_known(make_flow):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.classes = keras.layers.Flatten(), keras.layers.Dense(4)

        def call(self, inputs):
            return self.classes(self.flatten(inputs))

    model = Own()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    history = fit(model, make_flow(8), epochs=1, verbose=0)
    assert history.epoch == [0]


@pytest.mark.parametrize("frequency", [0, 1.5, [2, 0]])
def test_validation_frequency_is_whole(frequency, make_flow, small_model):
    with pytest.raises(ValueError, match="Expected validation_freq to be a whole number above 0"):
        fit(small_model(), make_flow(8), validation_freq=frequency)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("nb_epoch", r"^nb_epoch of Keras 2 is now called epochs\.$"),
        ("samples_per_epoch", "is now called steps_per_epoch, which counts batches"),
        ("max_queue_size", r"^max_queue_size of Keras 2 has no effect any more: leave it out\.$"),
    ],
)
def test_arguments_of_keras_2_are_told_their_new_names(folder_flow, argument, told):
    with pytest.raises(TypeError, match=told):
        fit_quietly(network(), folder_flow(), **{argument: 2})


@pytest.mark.parametrize("cached", [True, False])
def test_layers_unfrozen_without_compiling_again(make_flow, small_model, cached):
    model = small_model(jit_compile=False)
    model.get_layer("hidden").trainable = False
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    fit(model, make_flow(8), verbose=0, cache_frozen=cached)
    model.get_layer("hidden").trainable = True
    with pytest.raises(ValueError, match=r"unfrozen since.*hidden.*compile"):
        fit(model, make_flow(8), verbose=0, cache_frozen=cached)


def deep_folder(folder):
    """16-bit images of two classes, whose values do not all lie beyond 255."""
    for number in range(8):
        place = folder / "ab"[number % 2]
        place.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 65535, (9, 9)).astype("uint16")
        pixels[0, 0] = 3
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


def test_16_bit_images_read_as_color_are_warned_of(tmp_path):
    flow = ImageDataGenerator().flow_from_directory(deep_folder(tmp_path), target_size=(9, 9))
    with pytest.warns(UserWarning, match=r"too little is left as 8-bit colors: .*has 16 bits"):
        check_pixels(keras.Sequential([keras.Input((9, 9, 3)), dense()]), flow, "The flow")


@pytest.mark.parametrize(("rescale", "warned"), [(1 / 255, True), (1 / 65535, False)])
def test_16_bit_gray_images_need_their_own_scale(tmp_path, rescale, warned):
    flow = ImageDataGenerator(rescale=rescale).flow_from_directory(
        deep_folder(tmp_path), target_size=(9, 9), color_mode="grayscale"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_pixels(keras.Sequential([keras.Input((9, 9, 1)), dense()]), flow, "The flow")
    told = [str(each.message) for each in caught]
    assert len(told) == warned
    assert all('dtype_range="dtype"' in each for each in told)


def test_16_bit_images_that_a_flow_scales_are_not_warned_of(tmp_path):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        deep_folder(tmp_path), target_size=(9, 9), dtype_range="dtype"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_pixels(keras.Sequential([keras.Input((9, 9, 3)), dense()]), flow, "The flow")


def test_a_range_that_leaves_deep_images_blank_is_warned_of(tmp_path):
    flow = ImageDataGenerator().flow_from_directory(
        deep_folder(tmp_path), target_size=(9, 9), dtype_range=(1e6, 1e7)
    )
    with pytest.warns(UserWarning, match=r"Choose a dtype_range that fits .*\(1000000\.0, "):
        check_pixels(keras.Sequential([keras.Input((9, 9, 3)), dense()]), flow, "The flow")


def dense():
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])


def test_tensorboard_that_is_not_installed_is_missed_before_training(
    folder_flow, tmp_path, monkeypatch
):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else found(name)
    )
    model, logs = network(), tmp_path / "logs"
    before = model.get_weights()
    for data in ((folder_flow(),), (np.zeros((4, 48, 48, 3)), np.eye(2)[[0, 1] * 2])):
        with pytest.raises(ModuleNotFoundError, match="Install it: pip install tensorboard"):
            fit_quietly(model, *data, callbacks=[[keras.callbacks.TensorBoard(logs)]])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not logs.exists()
