"""A planned training, from a folder to the classifier."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import load_classifier, train_classifier
from pykeras_tl.evaluation import Evaluation, scale_by_temperature
from pykeras_tl.evaluation.calibration import fit_temperature
from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.models import average_classifiers
from pykeras_tl.models.saving.classifier import Classifier
from pykeras_tl.models.saving.preprocess_config import PreprocessConfig
from pykeras_tl.recipe import plan, planning
from pykeras_tl.studies import trial_runner
from pykeras_tl.studies.phases import BestWeights
from pykeras_tl.studies.trial_runner import scale_outputs
from pykeras_tl.training.history import History

pytestmark = pytest.mark.usefixtures("tiny_backbone")
_NETWORK = {"backbone": "tiny", "weights": None, "target_size": (32, 32), "groups": None}


def write_images(folder: Path, count: int, classes: str = "abc") -> Path:
    random = np.random.default_rng(0)
    for index, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 90, (24, 24, 3))
            pixels[..., index] += 150
            image = Image.fromarray(pixels.astype("uint8"))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.mark.slow
def test_nothing_but_a_folder_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data, out = write_images(tmp_path / "data", 40), tmp_path / "out"
    caplog.set_level("INFO", "pykeras_tl")
    classifier = train_classifier(data, out, quality="fast", **_NETWORK)
    assert set(classifier.metrics) == {"validation", "test"}
    assert "72 images of 3 classes" in caplog.text
    assert "tiny, frozen, at 32 × 32: accuracy" in caplog.text
    assert (out / "report.html").is_file()
    plans = json.loads((out / "plan.json").read_text())["plans"]
    assert plans["tiny"]["target_size"] == [32, 32]
    monkeypatch.setattr(planning, "probe_backbone", None)
    monkeypatch.setattr(trial_runner, "run_trial", None)
    again = train_classifier(data, out, quality="fast", **_NETWORK)
    pd.testing.assert_frame_equal(again.predict(data), classifier.predict(data))
    with pytest.raises(FileExistsError, match="other settings"):
        train_classifier(data, out, quality="good", **_NETWORK)


@pytest.mark.slow
@pytest.mark.slow
def test_the_best_is_an_average_that_another_network_learns_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(plan._MOST_EPOCHS, "best", 5)
    data, out = write_images(tmp_path / "data", 30), tmp_path / "out"
    caplog.set_level("INFO", "pykeras_tl")
    average = train_classifier(data, out, quality="best", minutes=10, **_NETWORK)
    plans = json.loads((out / "plan.json").read_text())["plans"]
    assert list(plans) == ["tiny", "tiny-2", "tiny-3"]
    alone = load_classifier(out / "distilled" / "classifier")
    assert alone.model.count_params() < average.model.count_params() / 2
    (record,) = (out / "distilled" / "trials").glob("*/trial.json")
    fine_tuning = json.loads(record.read_text())["training"]["fine_tune"]
    assert fine_tuning["teacher"] == str(out / "classifier")
    assert fine_tuning["epochs"] == round(0.4 * plans["tiny-3"]["epochs"])
    assert f"Alone it reaches {alone.metrics['test']:.3f}" in caplog.text
    # The same command finds all done.
    train_classifier(data, out, quality="best", minutes=10, **_NETWORK)


def test_few_images_are_cross_validated(tmp_path: Path) -> None:
    data, out = write_images(tmp_path / "data", 6), tmp_path / "out"
    classifier = train_classifier(data, out, **_NETWORK)
    evaluation = Evaluation.load(out / "evaluation" / "cross-validation")
    assert len(evaluation.predictions) == 18
    assert classifier.metrics == {"cross-validation": evaluation.accuracy}
    assert "Too few images for a test part" in (out / "report.html").read_text()
    predicted = load_classifier(out / "classifier").predict(data)
    assert predicted["predicted"].nunique() == 3
    # What it learned from is of its classes.
    assert predicted["none_of_these"].mean() < 0.1
    assert predicted["prediction_set"].str.contains(predicted["predicted"][0]).any()
    with pytest.raises(FileExistsError, match="other settings"):
        train_classifier(data, out, **_NETWORK)


def write_deep_images(folder: Path, count: int) -> Path:
    """Write 16-bit images whose values are all above 255: Keras reads every one as white."""
    random = np.random.default_rng(0)
    for name, level in {"dim": 1000, "bright": 3000}.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            values = level + random.integers(0, 400, (24, 24))
            Image.fromarray(values.astype("uint16")).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [None, 1])
def test_deep_images_are_trained_on_in_their_range(tmp_path: Path, epochs: int | None) -> None:
    data = write_deep_images(tmp_path / "data", 8)
    asked = {"backbone": "tiny", "weights": None, "target_size": (32, 32), "epochs": epochs}
    # One more image, of a class of its own, is there to be left out.
    other = write_deep_images(tmp_path / "other", 1) / "dim" / "0.png"
    (data / "odd").mkdir()
    other.rename(data / "odd" / "0.png")
    left_out = pd.DataFrame({"filename": ["odd/0.png"], "exclude": [True]})
    classifier = train_classifier(
        data, tmp_path / "out", dtype_range=(0, 4095), batch_size=2, corrections=left_out, **asked
    )
    assert classifier.class_names == ["bright", "dim"]
    assert classifier.images.dtype_range == (0.0, 4095.0)
    assert load_classifier(tmp_path / "out" / "classifier").images.dtype_range == (0.0, 4095.0)
    if epochs is None:  # A probe on a random network tells dim from bright.
        assert classifier.metrics["cross-validation"] == 1
        blind = train_classifier(data, tmp_path / "blind", corrections=left_out, **asked)
        assert blind.metrics["cross-validation"] <= 0.5


def test_settings_of_an_unplanned_training_need_epochs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`epochs` or `unfreeze_from` with learning_rate, dense"):
        train_classifier(tmp_path, tmp_path / "out", learning_rate=0.1, dense=[4])


def make_classifier(seed: int) -> Classifier:
    dense = keras.layers.Dense(
        3, "softmax", kernel_initializer=keras.initializers.RandomNormal(0, 0.5, seed)
    )
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    return Classifier(model, ["a", "b", "c"], PreprocessConfig((8, 8)))


def test_the_average_is_that_of_the_probabilities(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data", 2)
    members = [make_classifier(seed) for seed in (1, 2, 3)]
    columns = ["a", "b", "c"]
    expected = np.mean([each.predict(data)[columns].to_numpy() for each in members], axis=0)
    average = average_classifiers(members)
    average.save(tmp_path / "average")
    loaded = load_classifier(tmp_path / "average").predict(data)[columns]
    np.testing.assert_allclose(loaded.to_numpy(), expected, atol=1e-6)
    other = make_classifier(4)
    other.class_names = ["a", "b", "d"]
    with pytest.raises(ValueError, match="same classes"):
        average_classifiers([*members, other])
    with pytest.raises(ValueError, match="none"):
        average_classifiers([])


def test_scaling_the_last_layer_is_temperature_scaling() -> None:
    from pykeras_tl import predict_flow

    random = np.random.default_rng(0)
    model = make_classifier(5).model
    flow = ImageDataGenerator().flow(
        random.normal(0, 0.1, (40, 8, 8, 3)), np.eye(3)[random.integers(0, 3, 40)]
    )
    before = predict_flow(model, flow)
    temperature = scale_outputs(model, flow)
    assert temperature == pytest.approx(fit_temperature(before))
    expected = scale_by_temperature(before, temperature)
    columns = list(before.columns[-3:])
    np.testing.assert_allclose(predict_flow(model, flow)[columns], expected[columns], atol=1e-4)


def test_the_better_phase_is_kept() -> None:
    model = make_classifier(1).model
    best = BestWeights(model)
    first = [weights.copy() for weights in model.get_weights()]
    best.update(History({"val_loss": [0.9, 0.5]}, epoch=[0, 1]))
    model.set_weights([0 * weights for weights in first])
    best.update(History({"val_loss": [0.7, 0.6]}, epoch=[2, 3]))
    best.restore()
    for one, other in zip(model.get_weights(), first):
        np.testing.assert_array_equal(one, other)
