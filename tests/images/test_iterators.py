import shutil
import subprocess
import sys
import threading

import keras
import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.images.iterators.base import Iterator

AUGMENTED = {"rotation_range": 20, "zoom_range": 0.2, "horizontal_flip": True, "rescale": 1 / 255}


def flow_over(folder, options=AUGMENTED, **how):
    how = {"target_size": (16, 16), "batch_size": 6, "seed": 5, **how}
    return ImageDataGenerator(**options).flow_from_directory(folder, **how)


def arrays(batch):
    return batch if isinstance(batch, (tuple, list)) else (batch,)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


@pytest.mark.parametrize("seed", [5, None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_epochs_indexing_and_reset_go_as_in_keras(two_classes, seed, shuffle):
    """Any order of calls gives Keras's batches, as long as nobody else draws in between."""
    how = {"target_size": (16, 16), "batch_size": 6, "seed": seed, "shuffle": shuffle}
    pair = [
        generator(**AUGMENTED).flow_from_directory(two_classes, **how)
        for generator in (theirs.ImageDataGenerator, ImageDataGenerator)
    ]
    calls = [
        lambda flow: flow[2],
        next,
        next,
        lambda flow: flow[0],
        lambda flow: flow.on_epoch_end(),
        lambda flow: flow[1],
        lambda flow: flow.reset(),
        *[next] * 8,
        lambda flow: flow[6],
    ]
    if seed is None:
        np.random.seed(3)  # noqa: NPY002 Keras draws from NumPy's own.
        pair[1]._random.seed(3)
    for number, call in enumerate(calls):
        results = [call(flow) for flow in pair]
        if results[0] is not None:
            assert np.abs(results[0][0] - results[1][0]).max() <= 0.01 / 255, number
            np.testing.assert_array_equal(results[0][1], results[1][1])
        assert pair[0].total_batches_seen == pair[1].total_batches_seen
        assert pair[0].batch_index == pair[1].batch_index


def test_it_is_a_dataset_and_an_iterator_without_end(two_classes):
    flow = flow_over(two_classes)
    assert isinstance(flow, keras.utils.PyDataset)
    assert flow.workers == 1
    assert iter(flow) is flow
    assert len(flow) == 7
    assert flow.class_names == ["cat", "dog"]
    sizes = [len(next(flow)[0]) for _ in range(15)]
    assert sizes == ([6] * 6 + [4]) * 2 + [6]
    for index in (7, -1):
        with pytest.raises(ValueError, match="below 7, the number of batches"):
            flow[index]


@pytest.mark.parametrize("options", [AUGMENTED, {"rescale": 0.5}, {"brightness_range": (0.5, 2)}])
def test_batches_do_not_depend_on_the_number_of_threads(two_classes, options):
    flows = [flow_over(two_classes, options, workers=workers) for workers in (1, 2, 5)]
    for _ in range(9):
        batches = [next(flow) for flow in flows]
        assert same(batches[0], batches[1])
        assert same(batches[0], batches[2])


def test_drawn_first_and_made_later_in_any_order(two_classes):
    flow, again = flow_over(two_classes), flow_over(two_classes)
    plans = [flow.next_batch_spec() for _ in range(9)]
    made = {number: flow.compute_batch(plans[number]) for number in reversed(range(9))}
    for number in range(9):
        assert same(made[number], next(again))
        y, weight = flow.targets(plans[number].indices)
        np.testing.assert_array_equal(y, made[number][1])
        assert weight is None
        assert list(np.argmax(y, 1)) == [flow.classes[i] for i in plans[number].indices]


def test_nothing_touches_numpys_global_generator(two_classes):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for seed in (None, 3):
        flow = flow_over(two_classes, seed=seed)
        next(flow)
        flow[0]
        flow.on_epoch_end()
        generator = flow.image_data_generator
        generator.random_transform(np.ones((8, 8, 3)), seed)
        generator.fit(np.ones((2, 8, 8, 3)), augment=True, seed=seed)
        next(generator.flow(np.ones((4, 8, 8, 3)), seed=seed))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_without_a_seed_every_flow_is_another(two_classes):
    one, other = (flow_over(two_classes, seed=None) for _ in range(2))
    assert not same(next(one), next(other))


def test_in_file_order_shows_each_sample_once_and_plainly(two_classes):
    flow = flow_over(two_classes)
    next(flow)
    twin = flow.in_file_order()
    plain = flow_over(two_classes, {"rescale": 1 / 255}, shuffle=False)
    for _ in range(len(flow)):
        assert same(next(twin), next(plain))
    assert twin.filenames == flow.filenames
    assert flow.varies_between_epochs
    assert not twin.varies_between_epochs
    # The first flow goes on as if there were no other.
    again = flow_over(two_classes)
    next(again)
    assert same(next(flow), next(again))


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({}, False),
        ({"rescale": 0.5, "samplewise_center": True}, False),
        ({"zoom_range": [1, 1]}, False),
        ({"zoom_range": 0.1}, True),
        ({"width_shift_range": [1, 2]}, True),
        ({"brightness_range": (1, 1)}, True),
        ({"vertical_flip": True}, True),
        ({"channel_shift_range": 3}, True),
    ],
)
def test_images_change(options, change):
    flow = ImageDataGenerator(**options).flow(np.zeros((2, 4, 4, 3)))
    assert flow.varies_between_epochs is change


def test_fingerprint_is_of_the_images_alone(two_classes, tmp_path):
    base = flow_over(two_classes).fingerprint()
    for how in ({"seed": 9}, {"shuffle": False}, {"batch_size": 2}, {"class_mode": None}):
        assert flow_over(two_classes, **how).fingerprint() == base
    assert flow_over(two_classes, {**AUGMENTED, "rotation_range": 3}).fingerprint() == base
    others = [
        flow_over(two_classes, target_size=(17, 16)),
        flow_over(two_classes, color_mode="grayscale"),
        flow_over(two_classes, interpolation="bilinear"),
        flow_over(two_classes, classes=["dog"]),
        flow_over(two_classes, {"rescale": 1 / 128}),
        flow_over(two_classes, {**AUGMENTED, "preprocessing_function": np.negative}),
    ]
    assert len({base, *(flow.fingerprint() for flow in others)}) == 7
    x = np.zeros((3, 4, 4, 3))
    array = ImageDataGenerator().flow(x).fingerprint()
    assert ImageDataGenerator().flow(x.copy(), seed=4).fingerprint() == array
    x[1, 2, 3, 0] = 1
    assert ImageDataGenerator().flow(x).fingerprint() != array


def test_a_copy_elsewhere_has_the_same_fingerprint_until_a_image_changes(two_classes, tmp_path):
    copied = shutil.copytree(two_classes, tmp_path / "copy", copy_function=shutil.copyfile)
    assert flow_over(copied).fingerprint() == flow_over(two_classes).fingerprint()
    image = copied / "dog" / "0.png"
    held = bytearray(image.read_bytes())
    held[-20] ^= 1
    image.write_bytes(held)
    assert flow_over(copied).fingerprint() != flow_over(two_classes).fingerprint()
    image.unlink()
    gone = flow_over(two_classes)
    gone.directory = str(copied)
    with pytest.raises(FileNotFoundError, match=r"0\.png"):
        gone.fingerprint()


def test_functions_with_other_enclosed_values_have_other_fingerprints():
    def less(value):
        return lambda x: x - value

    x = np.zeros((3, 4, 4, 3))
    prints = {
        ImageDataGenerator(preprocessing_function=less(value)).flow(x).fingerprint()
        for value in (1, 1, 2)
    }
    assert len(prints) == 2


def test_a_function_for_the_main_thread_only_stays_there(two_classes):
    seen = set()

    def note(x):
        seen.add(threading.current_thread())
        return x

    note.main_thread_only = True
    flow = flow_over(two_classes, {"preprocessing_function": note}, workers=4)
    assert flow.main_thread_only
    for _ in range(7):
        next(flow)
    assert seen == {threading.current_thread()}
    assert not flow_over(two_classes).main_thread_only


def test_methods_of_a_subclass_are_used(two_classes):
    class Inverting(ImageDataGenerator):
        def apply_transform(self, x, transform_parameters):
            return 255 - super().apply_transform(x, transform_parameters)

    class Fixed(ImageDataGenerator):
        def get_random_transform(self, img_shape, seed=None):
            return {"flip_vertical": True}

    how = {"target_size": (16, 16), "seed": 3}
    plain = next(ImageDataGenerator().flow_from_directory(two_classes, **how))[0]
    inverse = Inverting().flow_from_directory(two_classes, **how)
    np.testing.assert_array_equal(next(inverse)[0], 255 - plain)
    np.testing.assert_array_equal(
        next(Fixed().flow_from_directory(two_classes, **how))[0], plain[:, ::-1]
    )
    assert inverse.varies_between_epochs


def test_keras_fits_a_model_on_it(two_classes):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.layers.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    model.compile("adam", "categorical_crossentropy")
    flow = flow_over(two_classes)
    history = model.fit(flow, epochs=2, validation_data=flow.in_file_order(), verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(flow.in_file_order(), verbose=0).shape == (40, 2)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "Expected batch_size to be an integer >= 1"),
        ({"batch_size": 2.5}, ValueError, "Expected batch_size to be an integer >= 1"),
        ({"workers": 0}, ValueError, "Expected workers to be"),
        ({"target_size": 150}, ValueError, "Expected target_size to be .height, width."),
        ({"target_size": (150, 0)}, ValueError, "Expected target_size to be"),
        ({"target_size": (1.5, 3)}, ValueError, "Expected target_size to be"),
        ({"color_mode": "bgr"}, ValueError, "Expected color_mode to be .* Received: 'bgr'"),
        ({"class_mode": "raw"}, ValueError, "Invalid class_mode.* Received: 'raw'"),
        ({"subset": "test"}, ValueError, "Expected subset to be .* Received: 'test'"),
        ({"interpolation": "cubic"}, ValueError, "Expected interpolation .* Received: 'cubic'"),
        ({"seed": -1}, ValueError, "eed must be between"),
        ({"check": "some"}, ValueError, "Expected check to be"),
        ({"on_bad": "ignore"}, ValueError, "Expected on_bad to be"),
        ({"cache": "yes"}, ValueError, "Expected cache to be"),
        ({"save_to_dir": "/not/there"}, FileNotFoundError, "save_to_dir"),
        ({"colour_mode": "rgb"}, TypeError, "colour_mode"),
    ],
)
def test_wrong_arguments_are_refused_at_once(two_classes, how, error, message):
    with pytest.raises(error, match=message):
        flow_over(two_classes, **how)


def test_wrong_folders_are_refused_at_once(two_classes, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        flow_over(tmp_path / "none")
    with pytest.raises(NotADirectoryError, match="is a file"):
        flow_over(two_classes / "dog" / "0.png")
    with pytest.warns(UserWarning, match="no class folder 'cow'"):
        flow = flow_over(two_classes, classes=["cow", "dog"])
    assert flow.class_indices == {"cow": 0, "dog": 1}
    assert set(flow.classes) == {1}


def test_wrong_tables_are_refused_at_once(two_classes):
    generator = ImageDataGenerator()
    table = pd.DataFrame(
        {"filename": ["dog/0.png", "none.png"], "class": ["a", "b"], "w": ["x"] * 2}
    )

    def flow(table=table, **how):
        return generator.flow_from_dataframe(table, two_classes, **how)

    with pytest.warns(UserWarning, match="Found 1 invalid image filename"):
        assert flow().filenames == ["dog/0.png"]
    with pytest.raises(ValueError, match="the column 'file'"):
        flow(x_col="file")
    with pytest.raises(TypeError, match="unexpected argument 'colour_mode'"):
        flow(colour_mode="rgb")
    with pytest.raises(TypeError, match="to hold numbers"):
        flow(weight_col="w")
    with pytest.raises(TypeError, match="to hold strings"):
        flow(table.assign(filename=[1, 2]))
    with pytest.raises(TypeError, match="Expected y_col to be a list"):
        flow(class_mode="multi_output")
    with pytest.raises(ValueError, match="Expected 2 classes"):
        flow(table.assign(**{"class": "a"}), class_mode="binary")
    # A file that is missing is only missed when it is its turn, if names are not looked at.
    late = flow(validate_filenames=False, shuffle=False, batch_size=1)
    assert next(late)[0].shape == (1, 256, 256, 3)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        next(late)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_format": "first"}, "data_format"),
        ({"validation_split": 1.5}, "validation_split"),
        ({"zoom_range": (1, 2, 3)}, "zoom_range"),
        ({"brightness_range": 0.5}, "brightness_range"),
        ({"fill_mode": "mean"}, "fill_mode"),
        ({"interpolation_order": 6}, "interpolation_order"),
    ],
)
def test_wrong_settings_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator(**options)
    with pytest.raises(TypeError, match="rotation"):
        ImageDataGenerator(rotation=3)


def test_reading_and_warping_do_without_keras():
    code = (
        "import sys, pykeras_tl.images.decoding.reading, pykeras_tl.images.transforms.warp;"
        "import pykeras_tl.images.transforms.sampling;"
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_flows_share_one_base(two_classes):
    table = pd.DataFrame({"filename": ["dog/0.png"], "class": ["a"]})
    generator = ImageDataGenerator()
    for flow in (
        flow_over(two_classes),
        generator.flow_from_dataframe(table, two_classes),
        generator.flow(np.zeros((1, 4, 4, 3))),
    ):
        assert isinstance(flow, Iterator)
