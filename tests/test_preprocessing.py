"""`pykeras_tl.preprocessing.image` has what scripts import from Keras 2's module of that name."""

import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pytest

import pykeras_tl.preprocessing.image as ours


def test_it_has_every_public_name():
    classes = ("DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "NumpyArrayIterator")
    functions = {name for name in vars(theirs) if name.startswith(("random_", "apply_"))}
    others = ("Iterator", "flip_axis", "transform_matrix_offset_center", "validate_filename")
    utilities = ("array_to_img", "img_to_array", "load_img", "save_img", "smart_resize")
    expected = {*classes, *functions, *others, *utilities, "list_pictures"}
    assert expected <= set(vars(ours))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flip_axis_is_keras_s(axis):
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(ours.flip_axis(x, axis), theirs.flip_axis(x, axis))


def test_transforms_turn_about_keras_s_center():
    matrix = np.array([[0.8, -0.6, 1], [0.6, 0.8, 2], [0, 0, 1]])
    np.testing.assert_allclose(
        ours.transform_matrix_offset_center(matrix, 7, 12),
        theirs.transform_matrix_offset_center(matrix, 7, 12),
    )


def test_validate_filename_looks_for_the_file(tmp_path):
    (tmp_path / "cell.JPG").touch()
    for name in ("cell.JPG", "cell.txt", "gone.jpg"):
        path = str(tmp_path / name)
        expected = theirs.validate_filename(path, ("png", "jpg"))
        assert ours.validate_filename(path, ("png", "jpg")) == expected == (name == "cell.JPG")


def test_list_pictures_goes_into_folders(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("one.png", "a/two.TIF", "a/b/three.jpeg", "a/b/four.gif", "notes.txt", "xpng"):
        (tmp_path / name).touch()
    found = ours.list_pictures(tmp_path)
    assert found == [str(tmp_path / name) for name in ("a/b/three.jpeg", "a/two.TIF", "one.png")]
    assert ours.list_pictures(tmp_path, ext="gif") == [str(tmp_path / "a/b/four.gif")]


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("All of the arrays in `x`", {"x": (np.zeros((8, 4, 4, 3)), np.zeros((9, 2)))}),
        (r"`x` \(images tensor\) and `y` \(labels\) should", {"y": np.zeros(9)}),
        (
            r"`x` \(images tensor\) and `sample_weight` should",
            {"y": np.zeros(8), "sample_weight": np.ones(9)},
        ),
        (
            "Training and validation subsets have different number of classes after the split",
            {"y": np.arange(8) // 4, "subset": "validation"},
        ),
    ],
)
def test_messages_begin_with_keras_s_words(words, arguments):
    """Scripts and tests look for them."""
    for module in (theirs, ours):
        generator = module.ImageDataGenerator(validation_split=0.5)
        with pytest.raises(ValueError, match=words):
            generator.flow(**{"x": np.zeros((8, 4, 4, 3)), **arguments})
