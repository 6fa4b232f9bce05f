from __future__ import annotations

from pathlib import Path

import pytest

from pykeras_tl.ensembles import average_predictions, bag
from pykeras_tl.images import array_file_table, list_images
from pykeras_tl.studies import Settings, Study, TrialTrainer
from pykeras_tl.studies.data_splits import split_iterators


@pytest.mark.slow
def test_trials_are_bagged_like_any_trainer(tiny_study: Study, colours: Path) -> None:
    trial = tiny_study.trials(Settings())[0].with_training(epochs=1)
    train, test = list_images(colours / "TRAIN"), list_images(colours / "TEST")
    first, second = bag(TrialTrainer(trial), train, 2).predict(test, each=True)
    assert first["filename"].tolist() == test["filename"].tolist()
    assert not first.equals(second)
    assert len(average_predictions([first, second])) == len(test)


def test_weights_reach_the_training_alone(tiny_study: Study, colours: Path) -> None:
    trial = tiny_study.trials(Settings())[0]
    table = list_images(colours / "TRAIN")
    table = table.assign(weight=[float(row % 3) for row in range(len(table))])
    flows = split_iterators(trial, {"train": table, "test": table})
    weights = next(flows["train"])[2]
    assert set(weights) <= {0.0, 1.0, 2.0}
    assert len(next(flows["test"])) == 2


def test_images_in_one_file_cannot_weigh_differently(tiny_study: Study, tmp_path: Path) -> None:
    table = array_file_table(tmp_path / "many.npy", ["a", "b"]).assign(weight=1.0)
    with pytest.raises(ValueError, match="cannot have different weights"):
        split_iterators(tiny_study.trials(Settings())[0], {"train": table})
