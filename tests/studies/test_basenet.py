from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pykeras_tl.studies import Settings, get_study, run_study
from pykeras_tl.studies.data_splits import split_iterators


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    get_study("basenet").generate_data(tmp_path / "drawn")
    return tmp_path / "drawn"


def test_settings_are_the_published_ones() -> None:
    trials = get_study("basenet").trials(Settings())
    folds = [trial for trial in trials if trial.fold]
    assert sorted({trial.name for trial in folds}) == [
        *("adadelta", "adagrad", "adam", "adamax", "nadam", "rmsprop")
    ]
    assert [trial.fold for trial in folds] == [1, 2, 3, 4, 5] * 6
    for trial in folds:
        assert trial.training["early_stopping"] == {"monitor": "val_loss", "patience": 4}
    networks = [trial for trial in trials if not trial.fold]
    assert [trial.model["network"] for trial in networks] == [
        f"basenet.{name}" for name in ("basenet", "basenet_2_1", "basenet_2_2", "basenet_2_3")
    ]
    for trial in networks:
        assert (trial.data["batch_size"], trial.training["epochs"]) == (64, 30)
        assert trial.split["validation"] == 0.1
        assert set(trial.data["augmentation"]) == {"zoom_range", "horizontal_flip"}


def test_images_are_standardized_by_the_training_part_and_only_it_is_augmented(
    drawn: Path,
) -> None:
    study = get_study("basenet")
    trial = study.trials(Settings())[-1]
    flows = split_iterators(trial, study.tables(drawn, trial.split))
    train = flows["train"].in_file_order()
    pixels = np.concatenate([next(train)[0] for _ in range(len(train))])
    np.testing.assert_allclose(pixels.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(axis=(0, 1, 2)), 1, atol=1e-4)
    assert flows["train"].varies_between_epochs
    for part in ("validation", "test"):
        generator = flows[part].image_data_generator
        assert not flows[part].varies_between_epochs
        np.testing.assert_array_equal(generator.mean, train.image_data_generator.mean)
        np.testing.assert_array_equal(generator.std, train.image_data_generator.std)


@pytest.mark.slow
def test_the_quick_form_runs_on_synthetic_images(tmp_path: Path) -> None:
    result = run_study(
        "basenet", None, tmp_path / "out", quick=True, epochs=1, trials="adam,basenet"
    )
    assert not result.failures
    assert result.table[["trial", "runs"]].values.tolist() == [["adam", 2], ["basenet", 1]]


@pytest.mark.slow
def test_binary_files_give_the_images_of_folders(drawn: Path, tmp_path: Path) -> None:
    from PIL import Image

    study, binary = get_study("basenet"), tmp_path / "binary"
    binary.mkdir()
    split = {"seed": 0, "validation": 0.1}
    folders = study.tables(drawn, split)
    for part in ("train", "test"):
        files = sorted((drawn / part).rglob("*.png"))
        records = [
            [
                0,
                int(file.parent.name[-2:]),
                *np.asarray(Image.open(file)).transpose(2, 0, 1).ravel(),
            ]
            for file in files * 25
        ]
        # The study takes 25 classes; there are five drawn ones, given five numbers each.
        for copy, start in enumerate(range(0, len(records), len(files))):
            for record in records[start : start + len(files)]:
                record[1] = 5 * (copy % 5) + record[1]
        np.array(records, "uint8").tofile(binary / f"{part}.bin")
    found = study.tables(binary, split)
    assert found["train"]["class"].nunique() == 25
    assert len(found["test"]) == 25 * len(folders["test"])
    trial = next(trial for trial in study.trials(Settings()) if not trial.fold)
    flow = split_iterators(trial, found)["test"]
    files = sorted((drawn / "test").rglob("*.png"))
    first = np.asarray(Image.open(files[0])).astype("float32")
    generator = flow.image_data_generator
    np.testing.assert_allclose(
        next(flow)[0][0], (first - generator.mean) / (generator.std + 1e-6), atol=1e-4
    )
