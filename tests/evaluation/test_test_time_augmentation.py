import keras
import numpy as np
import pytest

from pykeras_tl.evaluation.evaluate import evaluate_classifier
from pykeras_tl.evaluation.predictions import predict_flow
from pykeras_tl.images.image_data_generator import ImageDataGenerator
from pykeras_tl.models.inference import predict_batch
from pykeras_tl.models.saving.classifier import Classifier

FLIPS = [lambda x: x, lambda x: x[:, ::-1], lambda x: x[:, :, ::-1], lambda x: x[:, ::-1, ::-1]]
TURNED = [lambda x, f=f: f(x.transpose(0, 2, 1, 3)) for f in FLIPS]
VIEWS = {"hflip": [FLIPS[0], FLIPS[2]], "flips": FLIPS, "d4": [*FLIPS, *TURNED]}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(5, 6, 6, 3)).astype("float32")


@pytest.mark.parametrize("name", VIEWS)
def test_it_averages_over_the_views(model, images, name):
    expected = np.mean([model.predict_on_batch(view(images)) for view in VIEWS[name]], axis=0)
    np.testing.assert_allclose(predict_batch(model, images, name), expected, rtol=1e-6)
    flow = ImageDataGenerator().flow(images, np.eye(3)[[0, 1, 2, 0, 1]], batch_size=2)
    table = predict_flow(model, flow, test_time_augmentation=name)
    np.testing.assert_allclose(table.iloc[:, -3:], expected, rtol=1e-5)
    assert evaluate_classifier(model, flow, test_time_augmentation=name).predictions.equals(table)


def test_the_views_are_all_different(images):
    for views in VIEWS.values():
        assert len({view(images).tobytes() for view in views}) == len(views)


def test_channels_first(model, images):
    first = images.transpose(0, 3, 1, 2)

    class Transposed:
        def predict_on_batch(self, x):
            return model.predict_on_batch(x.transpose(0, 2, 3, 1))

    found = predict_batch(Transposed(), first, "d4", data_format="channels_first")
    np.testing.assert_allclose(found, predict_batch(model, images, "d4"), rtol=1e-6)


def test_a_classifier_does_it_with_files(model, images, tmp_path):
    for number, image in enumerate(images):
        path = tmp_path / f"{'abc'[number % 3]}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        keras.utils.save_img(path, image * 255, scale=False)
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        tmp_path, target_size=(6, 6), batch_size=2
    )
    classifier = Classifier.from_flow(model, flow)
    expected = predict_flow(model, flow, test_time_augmentation="flips")
    found = classifier.predict(tmp_path, test_time_augmentation="flips")
    np.testing.assert_allclose(found.iloc[:, -3:], expected.iloc[:, -3:], rtol=1e-5)
    evaluation = evaluate_classifier(classifier, tmp_path, test_time_augmentation="flips")
    np.testing.assert_allclose(
        evaluation.predictions.iloc[:, -3:], expected.iloc[:, -3:], rtol=1e-5
    )


def test_mistakes_get_an_answer(model, images):
    with pytest.raises(ValueError, match=r"'hflip', 'flips', 'd4'. Received: 'mirror'"):
        predict_batch(model, images, "mirror")
    with pytest.raises(ValueError, match=r"Received: 6 x 5 pixels. Use 'flips'"):
        predict_batch(model, images[:, :, :5], "d4")
