from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import train_classifier
from pykeras_tl.evaluation import Evaluation
from pykeras_tl.images import list_images
from pykeras_tl.models.saving.classifier import load_classifier
from pykeras_tl.studies import trial_runner

_SMALL = {
    "backbone": "mobilenet",
    "weights": None,
    "target_size": (32, 32),
    "epochs": 1,
    "batch_size": 4,
}


@pytest.fixture
def images(colours: Path) -> Path:
    return colours / "TRAIN"


@pytest.mark.slow
def test_a_folder_becomes_a_classifier(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    classifier = train_classifier(images, out, unfreeze_from="conv_pw_13", **_SMALL)
    assert classifier.class_names == ["blue", "green", "red"]
    assert set(classifier.metrics) == {"validation", "test"}
    assert (out / "report.html").is_file()
    again = load_classifier(out / "classifier")
    pd.testing.assert_frame_equal(again.predict(images), classifier.predict(images))


@pytest.mark.slow
def test_the_same_call_trains_once(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    first = train_classifier(images, tmp_path / "out", **_SMALL)
    monkeypatch.setattr(trial_runner, "run_trial", None)
    second = train_classifier(images, tmp_path / "out", **_SMALL)
    pd.testing.assert_frame_equal(first.predict(images), second.predict(images))


@pytest.mark.slow
def test_another_classifier_is_not_overwritten(images: Path, tmp_path: Path) -> None:
    train_classifier(images, tmp_path / "out", **_SMALL)
    with pytest.raises(FileExistsError, match="made with other settings or images"):
        train_classifier(images, tmp_path / "out", **{**_SMALL, "seed": 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "vgg61"}, "vgg61"),
        ({"batch_size": 50}, "fewer images than a batch of 50"),
        ({"target_size": (0, 32)}, "target_size"),
        ({"weights": "nowhere.h5"}, "nowhere.h5"),
        ({"epochs": 0}, "epochs"),
        ({"unfreeze_from": "block99"}, "block99"),
        ({"dropout": 1.5}, "dropout"),
    ],
)
def test_wrong_arguments_are_told_before_training(
    changes: dict, message: str, images: Path, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, FileNotFoundError, RuntimeError), match=message):
        train_classifier(images, tmp_path / "out", **{**_SMALL, **changes})


def test_a_folder_of_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images" / "cat").mkdir(parents=True)
    for number in range(20):
        Image.new("RGB", (32, 32)).save(tmp_path / "images" / "cat" / f"{number}.png")
    with pytest.raises(ValueError, match=r"at least two classes\. Received: only 'cat'"):
        train_classifier(tmp_path / "images", tmp_path / "out", **_SMALL)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_patients_stay_in_one_part_and_make_the_interval(images: Path, tmp_path: Path) -> None:
    patients = tmp_path / "patients"
    for number, row in enumerate(list_images(images).itertuples(index=False)):
        # Two images of each patient.
        target = patients / row[1] / f"P{number // 2}_{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(row[0]).read_bytes())
    train_classifier(patients, tmp_path / "out", groups=r"^P\d+", **_SMALL)
    (trial,) = (tmp_path / "out" / "trials").iterdir()
    parts = {}
    for part in ("validation", "test"):
        made = Evaluation.load(trial / "evaluation" / part)
        names = [Path(file).name.partition("_")[0] for file in made.predictions["filename"]]
        assert list(made.groups) == names
        parts[part] = set(names)
    assert not parts["validation"] & parts["test"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"by the {len(parts['test'])} groups" in page
    assert "most frequent class" in page
    with pytest.raises(ValueError, match="matches no part of"):
        train_classifier(patients, tmp_path / "other", groups="slide", **_SMALL)


@pytest.mark.slow
def test_copies_are_looked_for_when_asked(images: Path, tmp_path: Path) -> None:
    for path in sorted(images.rglob("*.png")):
        target = tmp_path / "images" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        image = Image.open(path)
        image.save(target / path.name)
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(target / f"{path.stem}-copy.png")
    out = tmp_path / "out"
    train_classifier(tmp_path / "images", out, groups="copies", **_SMALL)
    (trial,) = (out / "trials").iterdir()
    for part in ("validation", "test"):
        files = Evaluation.load(trial / "evaluation" / part).predictions["filename"]
        names = {(Path(file).parent.name, Path(file).stem) for file in files}
        assert names
        assert all((label, stem.removesuffix("-copy")) in names for label, stem in names)
        assert all((label, f"{stem.removesuffix('-copy')}-copy") in names for label, stem in names)
