"""What every image iterator has in common, and how an empty one behaves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images import (
    ImageDataGenerator,
    Iterator,
    array_file_table,
    list_images,
    validate_filename,
)
from pykeras_tl.images.datasets.array_files import index_column

AUGMENTED = {"rotation_range": 20, "horizontal_flip": True, "rescale": 1 / 255}
SIZE = (8, 9)


def _directory(folder: Path, generator: Any, **options: Any) -> Iterator:
    return generator.flow_from_directory(folder, target_size=SIZE, **options)


def _dataframe(folder: Path, generator: Any, **options: Any) -> Iterator:
    return generator.flow_from_dataframe(list_images(folder), target_size=SIZE, **options)


def _array_file(folder: Path, generator: Any, **options: Any) -> Iterator:
    count = len(list_images(folder))
    path = folder.parent / "contract.npy"
    if not path.exists():
        np.save(path, np.random.default_rng(0).integers(0, 256, (count, 7, 7, 3), "uint8"))
    table = array_file_table(path, list_images(folder)["class"])
    return generator.flow_from_array_files(table, SIZE, **options)


def _array(folder: Path, generator: Any, **options: Any) -> Iterator:
    classes = list_images(folder)["class"].to_numpy()
    x = np.random.default_rng(0).integers(0, 256, (len(classes), *SIZE, 3), "uint8")
    return generator.flow(x, (classes == "dog").astype("float32"), **options)


KINDS = [_directory, _dataframe, _array_file, _array]
Kind = Callable[..., Iterator]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__[1:])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def _arrays(batch: Any) -> list[np.ndarray]:
    return list(batch) if isinstance(batch, tuple) else [batch]


def _assert_same(one: Any, other: Any) -> None:
    for a, b in zip(_arrays(one), _arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_attributes(kind: Kind, two_classes: Path) -> None:
    iterator = kind(two_classes, ImageDataGenerator(**AUGMENTED), batch_size=6, seed=1)
    assert isinstance(iterator, Iterator)
    assert isinstance(iterator, keras.utils.PyDataset)
    assert iterator.n == 40
    assert len(iterator) == 7
    assert iterator.image_shape == (*SIZE, 3)
    assert iterator.data_format == "channels_last"
    assert np.dtype(iterator.dtype) == np.float32
    assert iterator.save_to_dir is None
    assert iterator.sample_weight is None
    assert not iterator.main_thread_only
    assert iterator.varies_between_epochs
    assert len(iterator.labels) == len(set(iterator.sample_names)) == 40
    named = kind is not _array
    assert iterator.class_mode == ("categorical" if named else "array")
    assert iterator.class_indices == ({"cat": 0, "dog": 1} if named else None)
    assert iterator.class_names == (["cat", "dog"] if named else None)


def test_labels_and_names_are_those_of_the_samples(kind: Kind, two_classes: Path) -> None:
    iterator = kind(two_classes, ImageDataGenerator(), batch_size=40, seed=1)
    spec = iterator.next_batch_spec()
    y = iterator.compute_batch(spec)[1]
    numbers = y.argmax(axis=1) if y.ndim == 2 else y
    np.testing.assert_array_equal(numbers, np.asarray(iterator.labels)[spec.indices])
    np.testing.assert_array_equal(iterator.targets(spec.indices)[0], y)
    if kind in (_directory, _dataframe):
        names = np.asarray(iterator.sample_names)[spec.indices]
        assert [Path(name).relative_to(two_classes).parts[0] for name in names] == [
            iterator.class_names[number] for number in numbers
        ]


@pytest.mark.parametrize("seed", [3, None])
def test_a_state_is_a_position(kind: Kind, two_classes: Path, seed: int | None) -> None:
    iterator = kind(two_classes, ImageDataGenerator(**AUGMENTED), batch_size=16, seed=seed)
    for _ in range(4):
        next(iterator)
    state = copy.deepcopy(iterator.get_state())
    assert (state.total_batches_seen, state.batch_index) == (4, 1)
    batches = [next(iterator) for _ in range(5)]
    iterator.set_state(state)
    again = [next(iterator) for _ in range(5)]
    other = kind(two_classes, ImageDataGenerator(**AUGMENTED), batch_size=16, seed=seed)
    other.set_state(state)
    for batch, one, two in zip(batches, again, [next(other) for _ in range(5)], strict=True):
        _assert_same(batch, one)
        _assert_same(batch, two)


def test_without_labels_a_batch_is_x(kind: Kind, two_classes: Path) -> None:
    if kind is _array:
        iterator = ImageDataGenerator().flow(np.zeros((4, 2, 2, 3)))
    else:
        iterator = kind(two_classes, ImageDataGenerator(), class_mode=None, batch_size=4)
        assert iterator.class_mode is None
    assert isinstance(next(iterator), np.ndarray)
    assert iterator.targets(np.arange(2)) == (None, None)


def test_the_index_generator_is_keras(two_classes: Path) -> None:
    """Keras 2 subclasses advance it while they hold the lock."""
    ours = _directory(two_classes, ImageDataGenerator(), batch_size=16, seed=2)
    keras_iterator = theirs.ImageDataGenerator().flow_from_directory(
        two_classes, target_size=SIZE, batch_size=16, seed=2
    )
    for _ in range(5):
        with ours.lock:
            indices = next(ours.index_generator)
        np.testing.assert_array_equal(indices, next(keras_iterator.index_generator))


@pytest.mark.parametrize("batch_size", [0, 4])
def test_an_iterator_over_nothing(batch_size: int) -> None:
    iterator = Iterator(0, batch_size, shuffle=False, seed=0)
    assert len(iterator) == 0
    assert next(iterator.index_generator).shape == (0,)


def _empty(case: str, folder: Path) -> Callable[[Any], Any]:
    if case == "no class folder":
        return lambda generator: generator.flow_from_directory(folder)
    if case == "no image":
        (folder / "cat").mkdir()
        (folder / "dog").mkdir()
        (folder / "dog" / "notes.txt").touch()
        return lambda generator: generator.flow_from_directory(folder)
    if case == "array":
        return lambda generator: generator.flow(np.zeros((0, 256, 256, 3)), np.zeros((0, 2)))
    table = pd.DataFrame({"filename": ["no/A.jpg", "no/B.jpg"], "class": ["A", "B"]})
    return lambda generator: generator.flow_from_dataframe(table, folder, classes=["B", "A"])


@pytest.mark.parametrize("case", ["no class folder", "no image", "array", "no file of the table"])
@pytest.mark.filterwarnings("ignore:Found 2 invalid image filename")
def test_without_images_an_iterator_is_as_empty_as_keras(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create = _empty(case, tmp_path)
    with pytest.warns(UserWarning, match=r"[Nn]o (class folder|images?|image file)"):
        ours = create(ImageDataGenerator(rotation_range=10, width_shift_range=[1, 2]))
    said = capsys.readouterr().out
    expected = create(theirs.ImageDataGenerator(rotation_range=10))
    assert said == capsys.readouterr().out
    assert (ours.n, len(ours)) == (expected.n, len(expected)) == (0, 0)
    assert getattr(ours, "class_indices", None) == getattr(expected, "class_indices", None)
    for one, other in zip(next(ours), next(expected), strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
    assert ours.sample_names == []
    assert isinstance(ours.fingerprint(), str)


def test_the_warning_says_what_an_empty_folder_has(tmp_path: Path, two_classes: Path) -> None:
    generator = ImageDataGenerator()
    with pytest.warns(UserWarning, match="it is empty"):
        generator.flow_from_directory(tmp_path)
    with pytest.warns(UserWarning, match="18 images are not inside a class folder"):
        generator.flow_from_directory(two_classes / "cat")
    with pytest.warns(UserWarning, match="validation subset"):
        generator.flow_from_directory(two_classes, subset="validation")


def test_training_on_nothing_is_an_error(tmp_path: Path) -> None:
    from pykeras_tl.training import fit

    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2, "softmax"))
    model.compile("sgd", "categorical_crossentropy")
    with pytest.warns(UserWarning, match="No image"):
        iterator = ImageDataGenerator().flow_from_directory(tmp_path, (8, 8))
    with pytest.raises(ValueError, match="no images"):
        fit(model, iterator, verbose=0)


def test_names_are_valid_as_in_keras(tmp_path: Path) -> None:
    for name in ("a.png", "b.PnG", "c.txt", "d"):
        (tmp_path / name).touch()
    (tmp_path / "e.png").mkdir()
    formats = ("png", "jpg")
    for name in ("a.png", "b.PnG", "c.txt", "d", "e.png", "missing.png"):
        path = str(tmp_path / name)
        assert validate_filename(path, formats) == theirs.validate_filename(path, formats)
    assert validate_filename(tmp_path / "a.png")


def test_array_files_have_the_generators_data_format_and_dtype(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), "uint8")
    np.save(tmp_path / "a.npy", pixels)
    table = array_file_table(tmp_path / "a.npy", list("abab"))
    generator = ImageDataGenerator(data_format="channels_first", dtype="float64", rescale=2)
    x, y = next(generator.flow_from_array_files(table, (8, 8), shuffle=False, class_mode="input"))
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, 2.0 * pixels.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(x, y)


def test_array_file_tables_of_older_versions_and_of_other_kinds(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(2 * 4 * 4, dtype="uint8").reshape(2, 4, 4))
    table = array_file_table(tmp_path / "a.npy", ["x", "y"])
    old = table.rename(columns={"index": "row"})
    flows = [
        ImageDataGenerator().flow_from_array_files(one, (4, 4), shuffle=False)
        for one in (table, old)
    ]
    _assert_same(next(flows[0]), next(flows[1]))
    files = pd.DataFrame({"filename": ["1.png", "2.png"], "class": ["x", "y"]})
    assert index_column(files.reset_index()) is None
    with pytest.raises(ValueError, match="the columns `filename` and `index`"):
        ImageDataGenerator().flow_from_array_files(files.reset_index())
    with pytest.raises(ValueError, match=r"classes \['x'\]. Received: also \['y'\]"):
        ImageDataGenerator().flow_from_array_files(table, classes=["x"])
    with pytest.raises(ValueError, match="Invalid class_mode"):
        ImageDataGenerator().flow_from_array_files(table, class_mode="raw")
    with pytest.raises(ValueError, match="the column 'class'"):
        ImageDataGenerator().flow_from_array_files(table.drop(columns="class"))
