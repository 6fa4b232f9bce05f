from __future__ import annotations

from pathlib import Path

import pytest

from pykeras_tl.studies import Settings, get_study


def test_trials_are_the_published_ones() -> None:
    trials = {trial.name: trial for trial in get_study("blood-cells").trials(Settings())}
    assert list(trials) == [
        "version-1-rmsprop",
        "version-1-adam",
        "version-1-sgd",
        "version-2-rmsprop",
        "version-2-adam",
        "version-2-sgd",
        "version-2-augmented",
        "vgg16-fine-tuned-rmsprop",
        "vgg16-fine-tuned-sgd",
        "modern",
    ]
    plain = trials["version-1-adam"]
    assert plain.data == {"target_size": [150, 150], "batch_size": 50, "rescale": 1 / 255}
    assert plain.training["optimizer"] == {"name": "adam", "learning_rate": 1e-4, "decay": 1e-6}
    assert (plain.training["steps_per_epoch"], plain.training["epochs"]) == (200, 30)
    augmented = trials["version-2-augmented"]
    assert augmented.data["batch_size"] == 20
    assert (augmented.training["steps_per_epoch"], augmented.training["epochs"]) == (180, 70)
    assert trials["vgg16-fine-tuned-sgd"].training["fine_tune"]["from"] == "block5_conv1"


def test_published_numbers_belong_to_trials() -> None:
    study = get_study("blood-cells")
    names = {trial.name for trial in study.trials(Settings())}
    assert {published.trial for published in study.published} <= names


def test_weights_seed_and_quick_form_reach_every_trial() -> None:
    trials = get_study("blood-cells").trials(Settings(quick=True, seed=7, weights=None))
    assert {trial.seed for trial in trials} == {7}
    assert all(trial.training["epochs"] <= 8 for trial in trials)
    assert {t.model["weights"] for t in trials if "backbone" in t.model} == {None}


def test_a_missing_part_is_named(colours: Path, tmp_path: Path) -> None:
    (tmp_path / "TRAIN").mkdir()
    with pytest.raises(FileNotFoundError, match="Missing: TEST_SIMPLE, TEST"):
        get_study("blood-cells").tables(tmp_path, 0)


def test_parts_with_different_classes_are_refused(colours: Path, tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST", "TEST_SIMPLE"):
        (tmp_path / part).symlink_to(colours / part)
    (tmp_path / "TEST").unlink()
    (tmp_path / "TEST").mkdir()
    (tmp_path / "TEST" / "red").symlink_to(colours / "TEST" / "red")
    with pytest.raises(ValueError, match="Expected the same classes"):
        get_study("blood-cells").tables(tmp_path, 0)
