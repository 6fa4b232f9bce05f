import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.training.class_weights import balanced_class_weight
from pykeras_tl.training.fit_function import fit


def array_flow(labels, classes=4, **options):
    random = np.random.RandomState(0)
    x = random.randint(0, 256, (len(labels), 48, 48, 3)).astype("uint8")
    settings = ImageDataGenerator(rescale=1 / 255)
    return settings.flow(x, np.eye(classes)[labels], batch_size=8, **options)


def test_weights_are_those_of_scikit_learn():
    labels = np.repeat([0, 1, 3], [5, 20, 9])
    wanted = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    assert balanced_class_weight(array_flow(labels)) == pytest.approx(dict(zip([0, 1, 3], wanted)))


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", "binary"])
def test_classes_have_their_names(tmp_path, class_mode):
    import keras

    for name, count in {"cat": 2, "dog": 6}.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            keras.utils.save_img(tmp_path / name / f"{number}.png", np.zeros((4, 4, 3)))
    flow = ImageDataGenerator().flow_from_directory(tmp_path, (4, 4), class_mode=class_mode)
    assert balanced_class_weight(flow) == pytest.approx({"cat": 2.0, "dog": 2 / 3})


def test_labels_that_are_no_classes_are_refused(tmp_path):
    import keras

    keras.utils.save_img(tmp_path / "1.png", np.zeros((4, 4, 3)))
    table = pd.DataFrame({"filename": ["1.png"], "age": [3.5]})
    flow = ImageDataGenerator().flow_from_dataframe(
        table, tmp_path, y_col="age", class_mode="raw", target_size=(4, 4)
    )
    for each in (flow, ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.zeros(4))):
        with pytest.raises(ValueError, match="labels are not classes"):
            balanced_class_weight(each)


@pytest.mark.slow
def test_uneven_classes_are_reported_with_weights_to_use(small_model):
    flow = array_flow(np.repeat([0, 1, 2, 3], [10, 30, 14, 20]))
    with pytest.warns(UserWarning, match=r"30 images of 1, 10 of 0\. .* class_weight=") as found:
        fit(small_model(), flow, steps_per_epoch=1, verbose=0)
    message = next(str(each.message) for each in found if "uneven" in str(each.message))
    offered = eval(message.partition("class_weight=")[2].rstrip("."))
    assert offered == pytest.approx(balanced_class_weight(flow), rel=1e-3)
    assert "\n" not in message
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(small_model(), flow, steps_per_epoch=1, class_weight=offered, verbose=0)


@pytest.mark.parametrize("options", [{}, {"sample_weight": np.ones(60)}])
def test_even_or_weighted_classes_are_not_reported(small_model, options):
    counts = [10, 20, 15, 15] if options else [11, 19, 15, 15]
    flow = array_flow(np.repeat([0, 1, 2, 3], counts), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(small_model(), flow, steps_per_epoch=1, verbose=0)
