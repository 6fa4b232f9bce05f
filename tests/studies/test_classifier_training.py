from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import train_classifier
from pykeras_tl.evaluation import Evaluation
from pykeras_tl.images import list_images
from pykeras_tl.images.decoding.reading import BadImageError
from pykeras_tl.models.saving.classifier import load_classifier
from pykeras_tl.recipe.folder_splits import split_off, tables_on_disk
from pykeras_tl.studies import run_study, trial_runner
from pykeras_tl.studies.data_splits import without_bad_files

_SMALL = {
    "backbone": "tiny",
    "weights": None,
    "target_size": (32, 32),
    "epochs": 1,
    "batch_size": 4,
}


pytestmark = pytest.mark.usefixtures("tiny_backbone")


@pytest.fixture
def images(colours: Path) -> Path:
    return colours / "TRAIN"


@pytest.mark.slow
def test_a_folder_becomes_a_classifier(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    classifier = train_classifier(images, out, unfreeze_from="block2_conv", **_SMALL)
    assert classifier.class_names == ["blue", "green", "red"]
    assert set(classifier.metrics) == {"validation", "test"}
    assert (out / "report.html").is_file()
    again = load_classifier(out / "classifier")
    predicted = again.predict(images)
    pd.testing.assert_frame_equal(predicted, classifier.predict(images))
    assert list(predicted)[2:5] == ["prediction_set", "none_of_these", "novelty"]
    validation = Evaluation.load(next(out.glob("trials/*/evaluation/validation")))
    assert len(again.prediction_sets.scores) == len(validation.predictions)
    tested = Evaluation.load(next(out.glob("trials/*/evaluation/test"))).predictions["filename"]
    marked = again.predict(tested.tolist())["none_of_these"].mean()
    assert f"farther than {again.novelty.threshold:.3f}" in again.card
    assert f"Of {len(tested)} test images, which all have a class, {marked:.1%} are" in again.card


def test_half_of_a_large_validation_part_is_set_aside_by_group() -> None:
    names = [f"P{number // 2}_{number}.png" for number in range(4000)]
    table = pd.DataFrame({"filename": names, "class": ["a", "b", "b", "a"] * 1000})
    tables = split_off({"train": table}, r"^P[0-9]+", 0)
    assert {name: len(rows) for name, rows in tables.items()} == {
        "train": 2800,
        "validation": 200,
        "test": 800,
        "calibration": 200,
    }
    groups = [set(rows["group"]) for rows in tables.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    few = split_off({"train": table[:800]}, r"^P[0-9]+", 0)
    assert "calibration" not in few


@pytest.mark.parametrize(("images", "validated"), [(50, 10), (500, 100), (800, 100), (1500, 150)])
def test_few_images_are_validated_on_with_a_larger_share(images: int, validated: int) -> None:
    names = [f"{number}.png" for number in range(images)]
    table = pd.DataFrame({"filename": names, "class": ["a", "b"] * (images // 2)})
    tables = split_off({"train": table}, None, 0)
    assert len(tables["validation"]) == validated
    assert len(tables["test"]) == images // 5
    assert len(tables["train"]) == images - validated - images // 5


@pytest.mark.slow
def test_the_same_call_trains_once_and_another_overwrites_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_classifier(images, tmp_path / "out", **_SMALL)
    monkeypatch.setattr(trial_runner, "run_trial", None)
    second = train_classifier(images, tmp_path / "out", **_SMALL)
    pd.testing.assert_frame_equal(first.predict(images), second.predict(images))
    with pytest.raises(FileExistsError, match="made with other settings or images"):
        train_classifier(images, tmp_path / "out", **{**_SMALL, "seed": 1})


def test_default_backbone_is_one_with_weights(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pykeras_tl.models.weights.at_hand.default_backbone", lambda: "vgg61")
    with caplog.at_level("INFO", "pykeras_tl"), pytest.raises(ValueError, match="vgg61"):
        train_classifier(images, tmp_path / "out", epochs=1)
    assert "Backbone: vgg61." in caplog.messages


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "vgg61"}, "vgg61"),
        ({"batch_size": 50}, "at least 50 images of each class"),
        ({"target_size": (0, 32)}, "target_size"),
        ({"backbone": "mobilenet", "weights": "nowhere.h5"}, "nowhere.h5"),
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


def _tables(data: Path, tmp_path: Path, **options: object) -> dict[str, pd.DataFrame]:
    return split_off(tables_on_disk(data), options.get("groups"), 0)


def test_splits_on_disk_are_used_as_what_they_are(
    colours: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pykeras_tl")
    tables = _tables(colours, tmp_path)
    everything = len(list_images(colours / "TRAIN"))
    assert list(tables)[:3] == ["train", "validation", "test"]
    assert len(tables["train"]) + len(tables["validation"]) == everything
    assert len(tables["test"]) == len(list_images(colours / "TEST"))
    assert set(tables["train"]["class"]) == {"blue", "green", "red"}
    (said,) = caplog.messages
    assert f"training on TRAIN ({everything} images)" in said
    assert "parts of TRAIN for validation" in said
    shutil.copytree(colours / "TRAIN", tmp_path / "set" / "Training")
    assert {name: len(table) for name, table in _tables(tmp_path / "set", tmp_path).items()} == {
        name: len(table) for name, table in _tables(colours / "TRAIN", tmp_path).items()
    }


def test_train_names_what_is_beside_the_splits(colours: Path, tmp_path: Path) -> None:
    shutil.copytree(colours, tmp_path / "set")
    for name in (".git", "annotations"):
        (tmp_path / "set" / name).mkdir()
    with pytest.warns(UserWarning, match=r"\.git \(left by a tool\), annotations \(no image\)"):
        tables = _tables(tmp_path / "set", tmp_path)
    assert len(tables["test"]) == len(list_images(colours / "TEST"))


def test_splits_that_are_not_clear_are_refused(colours: Path, tmp_path: Path) -> None:
    data = tmp_path / "set"
    shutil.copytree(colours, data)
    shutil.copytree(colours / "TRAIN" / "red", data / "red")
    with pytest.raises(ValueError, match="either splits or classes"):
        train_classifier(data, tmp_path / "out", **_SMALL)
    shutil.rmtree(data / "red")
    shutil.rmtree(data / "TEST" / "red")
    with pytest.raises(ValueError, match="Expected the same classes in TRAIN and TEST"):
        train_classifier(data, tmp_path / "out", **_SMALL)
    assert not (tmp_path / "out").exists()


def test_a_study_that_splits_by_itself_refuses_splits(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Received: the splits .*TRAIN"):
        run_study("cats-and-dogs", colours, tmp_path / "out", weights=None)


def test_bad_files_are_found_before_training(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "images"
    shutil.copytree(images, data)
    whole = next(data.rglob("*.png")).read_bytes()
    (data / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (32, 32)).save(data / "red" / "cut.jpg")
    cut = (data / "red" / "cut.jpg").read_bytes()
    (data / "red" / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    with pytest.raises(BadImageError, match=r"2 of 38 image files .*cut\.jpg.*--skip-bad") as error:
        train_classifier(data, tmp_path / "out", **_SMALL)
    assert "cut.png" in str(error.value)
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadImageError, match="2 of 38"):
        run_study("cats-and-dogs", data, tmp_path / "study", weights=None)
    with pytest.raises(ValueError, match="on_bad"):
        train_classifier(data, tmp_path / "out", on_bad="ignore", **_SMALL)
    with pytest.warns(UserWarning, match="2 of 38 image files are left out"):
        tables = without_bad_files({"train": list_images(data)}, "skip")
    assert len(tables["train"]) == 36


def test_groups_that_are_on_both_sides_and_too_large_to_leave_out_are_told(
    colours: Path, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="will be too good"):
        _tables(colours, tmp_path, groups=".")


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
    assert f"resampling the {len(parts['test'])} groups" in page
    assert "most frequent class" in page
    with pytest.raises(ValueError, match="does not match 36"):
        train_classifier(patients, tmp_path / "other", groups="slide", **_SMALL)


@pytest.fixture
def copied(images: Path, tmp_path: Path) -> Path:
    """The images, each with its mirror image."""
    for path in sorted(images.rglob("*.png")):
        target = tmp_path / "images" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        image = Image.open(path)
        image.save(target / path.name)
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(target / f"{path.stem}-copy.png")
    return tmp_path / "images"


@pytest.mark.slow
def test_copies_stay_in_one_part_by_default_and_count_once(copied: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train_classifier(copied, out, **_SMALL)
    (trial,) = (out / "trials").iterdir()
    table = pd.read_csv(out / "intervals.csv").set_index("split")
    for part in ("validation", "test"):
        made = Evaluation.load(trial / "evaluation" / part)
        files = made.predictions["filename"]
        names = {(Path(file).parent.name, Path(file).stem) for file in files}
        assert names
        assert all((label, stem.removesuffix("-copy")) in names for label, stem in names)
        assert all((label, f"{stem.removesuffix('-copy')}-copy") in names for label, stem in names)
        assert made.size == f"{len(files)} images, {len(files) // 2} distinct"
        assert table.loc[part, "size"] == made.size
    page = (out / "report.html").read_text()
    assert "each with its copies" in page
    assert "Counting each distinct image once" in page
    sizes = pd.read_csv(out / "splits.csv")
    assert sizes["images"].sum() == 72
    assert (sizes["distinct"] * 2 == sizes["images"]).all()
    assert (sizes["in training"] == 0).all()


def test_copies_are_split_at_random_on_request_only(copied: Path, tmp_path: Path) -> None:
    together = _tables(copied, tmp_path, groups="copies")
    assert sum(table["original"].nunique() for table in together.values()) == 36
    assert all("original" not in table for table in _tables(copied, tmp_path).values())


def test_training_images_with_copies_in_another_split_are_left_out(
    colours: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pykeras_tl")
    data = tmp_path / "set"
    shutil.copytree(colours, data)
    for number in range(2):
        image = Image.open(data / "TEST" / "red" / f"{number}.png")
        image.rotate(180).save(data / "TRAIN" / "red" / f"copy-{number}.png")
    tables = _tables(data, tmp_path, groups="copies")
    assert "2 of 38 training images are left out" in caplog.text
    names = {
        Path(name).name for name in [*tables["train"].filename, *tables["validation"].filename]
    }
    assert not any(name.startswith("copy") for name in names)
    assert len(tables["test"]) == 15
