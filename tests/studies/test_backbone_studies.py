"""The studies of backbones: their published settings, and their quick forms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pykeras_tl.images import list_images, write_hdf5
from pykeras_tl.models.layer_tree import flatten_layers
from pykeras_tl.studies import Settings, get_study, run_study, study_names
from pykeras_tl.studies.catalog.synthetic_images import generate_class_folders
from pykeras_tl.studies.trial import Trial

_FLIPS = {"horizontal_flip": True, "vertical_flip": True}


def _trials(name: str) -> dict[str, Trial]:
    return {trial.name: trial for trial in get_study(name).trials(Settings())}


@pytest.mark.parametrize("name", study_names())
def test_published_numbers_belong_to_trials(name: str) -> None:
    published = {entry.trial for entry in get_study(name).published}
    assert published
    assert published <= set(_trials(name))


@pytest.mark.parametrize(
    ("trial", "head", "optimizer", "first"),
    [
        ("efficientnet-b0", ["batch normalization", "flatten"], "adagrad", "block5c_drop"),
        ("inception-v3", ["batch normalization", "flatten"], "adagrad", "mixed8"),
        ("inception-resnet-v2", ["average pooling"], "adam", "block8_1_mixed"),
        ("resnet50", ["flatten", "batch normalization"], "adam", "conv5_block1_1_conv"),
        ("vgg16", ["flatten"], "adam", "block5_conv1"),
        ("xception", ["average pooling"], "adam", "block14_sepconv1"),
    ],
)
def test_cats_and_dogs_is_as_published(
    trial: str, head: list[str], optimizer: str, first: str
) -> None:
    trials = _trials("cats-and-dogs")
    published, own = trials[trial], trials[f"{trial}-own-scaling"]
    dense = ["dense 512", "dropout 0.5", "dense 256"]
    expected = head + (dense if trial in ("efficientnet-b0", "inception-v3", "vgg16") else [])
    assert published.model["head"] == expected
    assert published.training == {
        "optimizer": {"name": optimizer, "learning_rate": 5e-5},
        "epochs": 10,
        "unfreeze_from": first,
    }
    assert published.data["batch_size"] == 32
    assert (published.training, published.data) == (own.training, own.data)
    assert own.model["include_preprocessing"] is not published.model["include_preprocessing"]


def test_pokemon_is_as_published() -> None:
    trials = _trials("pokemon")
    assert (trials["densenet201"].model["head"], trials["densenet201"].model["dense"]) == (
        "pooling",
        [],
    )
    assert (trials["vgg16"].model["head"], trials["vgg16"].model["dense"]) == ("flatten", [256])
    for trial in trials.values():
        assert (trial.data["batch_size"], trial.training["epochs"]) == (32, 10)
        assert trial.training["optimizer"]["name"] == "adam"
        assert trial.training["lower_each_epoch"] < 1
        assert trial.training["early_stopping"]["monitor"] == "val_loss"


def test_pokemons_rate_is_lower_in_every_epoch() -> None:
    from pykeras_tl.studies.phases import Phase, make_phase_optimizer

    training = _trials("pokemon")["vgg16"].settings.training
    phase = Phase("target", None, 5, training, "categorical_crossentropy")
    schedule = make_phase_optimizer(phase)._learning_rate
    rates = [float(schedule(step)) for step in (0, 4, 5, 9, 10)]
    assert rates == pytest.approx([1e-3, 1e-3, 9e-4, 9e-4, 8.1e-4])


def test_birds_are_as_published() -> None:
    trials = _trials("birds")
    augmentation = {"zoom_range": 0.3, "rotation_range": 100, **_FLIPS}
    assert trials["dense"].model["head"] == ["average pooling", "dense 1024", "dropout 0.5"]
    assert trials["convolutions"].data["augmentation"] == {}
    assert trials["convolutions-augmented"].data["augmentation"] == augmentation
    for name in ("pooling", "convolutions"):
        fine = trials[f"{name}-fine-tuned"]
        assert fine.model == trials[name].model
        assert fine.training["fine_tune"] == {
            "from": "conv1_conv",
            "optimizer": {"name": "adam", "learning_rate": 1e-5},
            "epochs": 10,
            "augmentation": augmentation,
        }
    for trial in trials.values():
        assert trial.model["backbone"] == "resnet50"
        assert (trial.data["target_size"], trial.data["batch_size"]) == ([224, 224], 32)


def test_histology_is_as_published() -> None:
    head, fine = _trials("histology").values()
    assert (head.data["target_size"], head.data["batch_size"]) == ([224, 224], 32)
    assert (head.training["epochs"], head.training["early_stopping"]["patience"]) == (100, 4)
    tuned = fine.training["fine_tune"]
    assert (tuned["epochs"], tuned["early_stopping"]["patience"]) == (20, 5)
    assert tuned["optimizer"] == {"name": "adam", "learning_rate": 8e-5}
    assert tuned["augmentation"] == {"zoom_range": 0.3, "rotation_range": 50, **_FLIPS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "trials"),
    [
        ("cats-and-dogs", "tiny-for-vgg16,tiny-for-vgg16-own-scaling"),
        ("pokemon", "vgg16"),
        ("birds", "tiny-for-pooling-fine-tuned"),
        ("histology", "tiny-for-head"),
    ],
)
def test_the_quick_form_runs_on_synthetic_images(
    study: str, trials: str, tmp_path: Path, tiny_backbone: str
) -> None:
    result = run_study(
        *(study, None, tmp_path / "out"),
        **{"quick": True, "epochs": 1, "weights": None},
        trials=trials,
        backbone=tiny_backbone if "tiny" in trials else None,
    )
    assert not result.failures
    assert list(result.table["trial"]) == trials.split(",")
    assert result.table[result.study.metric].between(0, 1).all()


@pytest.mark.parametrize("name", study_names())
def test_the_whole_quick_form_runs(name: str, tmp_path: Path) -> None:
    if not os.environ.get("PYKERAS_TL_QUICK_FORMS"):
        pytest.skip(
            "some minutes a study; a part of each runs in other tests: PYKERAS_TL_QUICK_FORMS=1"
        )
    result = run_study(name, None, tmp_path / "out", quick=True, weights=None)
    assert not result.failures
    settings = Settings(quick=True, weights=None)
    assert set(result.table["trial"]) == {trial.name for trial in get_study(name).trials(settings)}


def test_cats_and_dogs_come_from_one_hdf5_file(tmp_path: Path) -> None:
    generate_class_folders(tmp_path / "images", classes=2, count=10, size=16)
    stored = write_hdf5(list_images(tmp_path / "images"), tmp_path / "all.h5", (16, 16))
    parts = get_study("cats-and-dogs").tables(stored, {"seed": 1})
    assert {part: len(table) for part, table in parts.items()} == {
        "train": 12,
        "validation": 4,
        "test": 4,
    }
    rows = [row for table in parts.values() for row in table["index"]]
    assert sorted(rows) == list(range(20))


def test_published_pixels_are_divided_by_255_before_efficientnets_own_scaling() -> None:
    from pykeras_tl.studies.trial_runner import build_model

    trial = get_study("cats-and-dogs").trials(Settings(quick=True, weights=None))[0]
    kinds = [type(leaf.layer).__name__ for leaf in flatten_layers(build_model(trial, classes=2))]
    assert kinds.count("Rescaling") > 1
