"""Networks are bagged and boosted from files like anything else."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.ensembles import NetworkTrainer, average_predictions, bag, boost
from pykeras_tl.evaluation import metrics
from pykeras_tl.models.seeding import seed_initializers


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    import cv2

    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    rows = []
    for number in range(60):
        name = ("dark", "light")[number % 2]
        level = {"dark": 95, "light": 160}[name]
        image = random.normal(level, 60, (8, 8, 3)).clip(0, 255).astype("uint8")
        path = str(root / f"{number}.png")
        cv2.imwrite(path, image)
        rows.append((path, name))
    return pd.DataFrame(rows, columns=["filename", "class"])


def _build(seed: int) -> keras.Model:
    with seed_initializers(seed):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Flatten(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
    model.compile(
        keras.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


@pytest.fixture
def trainer() -> NetworkTrainer:
    return NetworkTrainer(_build, ["dark", "light"], target_size=(8, 8), epochs=4, batch_size=10)


def test_bagged_networks_predict_in_the_tables_order(trainer, table) -> None:
    said = bag(trainer, table, 2).predict(table, each=True)
    assert said[0]["filename"].tolist() == table["filename"].tolist()
    assert said[0]["class"].tolist() == table["class"].tolist()
    assert not said[0].equals(said[1])
    assert metrics.accuracy(average_predictions(said)) > 0.6


@pytest.mark.slow
def test_the_seed_decides(trainer, table) -> None:
    first, again, other = (trainer(table, seed)(table) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_weights_reach_the_training(trainer, table) -> None:
    light_only = table.assign(weight=(table["class"] == "light") * 2.0)
    said = trainer(light_only, 0)(table)
    assert said["light"].mean() > trainer(table, 0)(table)["light"].mean() + 0.05


def test_boosted_networks(trainer, table) -> None:
    boosted = boost(trainer, table, 2)
    assert len(boosted.members) == len(boosted.weights)
    assert metrics.accuracy(boosted.predict(table)) > 0.6
