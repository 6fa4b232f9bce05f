"""A study that the tests kill and restart. Arguments: the folders of images and of results."""

from __future__ import annotations

import sys
from pathlib import Path

from pykeras_tl.studies import run_study
from pykeras_tl.studies.data_splits import split_tables
from pykeras_tl.studies.study import Settings, Study
from pykeras_tl.studies.trial import Trial


def _trials(settings: Settings) -> list[Trial]:
    data = {"target_size": [32, 32], "batch_size": 6, "rescale": 1 / 255}
    optimizer = {"name": "adam", "learning_rate": 1e-2}
    training = {"optimizer": optimizer, "epochs": 4, "early_stopping": {"patience": 3}}
    return [Trial("only", data, {"network": "blood_cells.modern"}, training, settings.seed)]


STUDY = Study(
    name="killed",
    title="A study that is killed",
    trials=_trials,
    tables=lambda data, split: split_tables(
        data, train="TRAIN", validation="TEST_SIMPLE", test="TEST"
    ),
    published=(),
    notes=(),
)

if __name__ == "__main__":
    run_study(STUDY, Path(sys.argv[1]), Path(sys.argv[2]))
