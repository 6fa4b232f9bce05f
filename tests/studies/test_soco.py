from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pykeras_tl.studies import Settings, get_study, run_study
from pykeras_tl.studies.catalog.synthetic_images import generate_class_folders


@pytest.fixture
def images(tmp_path: Path) -> Path:
    generate_class_folders(tmp_path / "images", classes=2, count=50, size=50)
    return tmp_path / "images"


def _tables(images: Path, name: str, **changes: object) -> dict[str, set[str]]:
    study = get_study("soco")
    trial = next(trial for trial in study.trials(Settings()) if trial.name == name)
    found = study.tables(images, {**trial.split, **changes})
    return {part: set(table["filename"]) for part, table in found.items()}


def test_cases_train_on_what_they_say(images: Path) -> None:
    cases = {name: _tables(images, name) for name in ("case-1", "case-2", "case-3", "case-4")}
    assert [len(case["train"]) for case in cases.values()] == [28, 60, 88, 28]
    assert len({frozenset(case["test"]) for case in cases.values()}) == 1
    assert len(cases["case-1"]["test"]) == 12
    assert cases["case-4"]["source"] == cases["case-2"]["train"]
    assert cases["case-4"]["train"] == cases["case-1"]["train"]
    assert cases["case-3"]["train"] == cases["case-1"]["train"] | cases["case-2"]["train"]
    for case in cases.values():
        assert not case["train"] & case["test"]


def test_patients_stay_in_one_part(images: Path) -> None:
    for number, file in enumerate(sorted(images.rglob("*.png"))):
        file.rename(file.with_name(f"P{number % 20}_{number}.png"))
    parts = _tables(images, "case-4", groups=r"^P\d+")
    patients = [{Path(file).name.split("_")[0] for file in part} for part in parts.values()]
    assert sum(map(len, patients)) == 20
    assert len(set.union(*patients)) == 20


def test_copies_stay_in_one_part_on_request(images: Path) -> None:
    from PIL import Image, ImageOps

    for file in sorted(images.rglob("*.png")):
        with Image.open(file) as image:
            ImageOps.mirror(image).save(file.with_name(f"copy-{file.name}"))
    parts = _tables(images, "case-4", groups="copies")
    originals = [{file.replace("copy-", "") for file in part} for part in parts.values()]
    assert sum(map(len, originals)) == len(set.union(*originals)) > 10


def test_settings_are_the_published_ones() -> None:
    trials = {trial.name: trial for trial in get_study("soco").trials(Settings(seed=3))}
    assert get_study("soco").repeats == 10
    for trial in trials.values():
        assert trial.data["target_size"] == [50, 50]
        assert trial.data["batch_size"] == 128
        assert trial.training["epochs"] == 5
        assert trial.training["optimizer"] == {"name": "rmsprop", "learning_rate": 1e-4}
        assert (trial.seed, trial.split["seed"]) == (3, 3)


@pytest.mark.slow
def test_case_4_retrains_the_dense_layers_alone(images: Path) -> None:
    from pykeras_tl.studies.data_splits import split_iterators
    from pykeras_tl.studies.phases import phases_of, train_phase
    from pykeras_tl.studies.trial_runner import build_model

    study = get_study("soco")
    trial = study.trials(Settings())[-1]
    flows = split_iterators(trial, study.tables(images, trial.split))
    model = build_model(trial, classes=2)
    source, target = phases_of(trial, flows, model)
    assert (source.iterator.n, target.iterator.n) == (60, 28)
    start = [np.array(weight) for weight in model.get_weights()]
    train_phase(model, source, None, 0)
    between = [np.array(weight) for weight in model.get_weights()]
    assert all((a != b).any() for a, b in zip(start, between, strict=True))
    train_phase(model, target, None, 5)
    after = model.get_weights()
    assert [bool((a != b).any()) for a, b in zip(between, after, strict=True)] == [
        *[False] * 6,
        *[True] * 4,
    ]


@pytest.mark.slow
def test_the_quick_form_runs_on_synthetic_images(tmp_path: Path) -> None:
    result = run_study("soco", None, tmp_path / "out", quick=True, repeats=1, epochs=1)
    assert not result.failures
    assert list(result.table["trial"]) == ["case-1", "case-2", "case-3", "case-4"]


@pytest.mark.slow
def test_one_sigmoid_unit_tells_two_classes_apart(images: Path, tmp_path: Path) -> None:
    result = run_study(
        "soco",
        images,
        tmp_path / "out",
        repeats=1,
        epochs=1,
        trials="case-4",
        changes={"model.binary": True, "model.one_by_one": 4},
    )
    assert not result.failures
    assert result.table["test accuracy"].between(0, 1).all()
