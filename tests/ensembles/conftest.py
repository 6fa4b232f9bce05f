"""Small tables of numbers, and trees that learn them: ensembles do not mind what they combine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from pykeras_tl.ensembles.members import Member, Trainer
from pykeras_tl.evaluation import prediction_table

NAMES = ["x", "y", "z"]


def features(table: pd.DataFrame) -> np.ndarray:
    return table[["one", "two"]].to_numpy()


@pytest.fixture
def draw() -> Callable[[int, int], pd.DataFrame]:
    """Draw rows of three classes that overlap, with two numbers each."""

    def rows(count: int, seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        numbers = random.integers(0, 3, count)
        places = np.array([[0, 0], [2, 0], [0, 2]])[numbers] + random.normal(0, 1, (count, 2))
        return pd.DataFrame(
            {
                "filename": [f"{seed}-{i}.png" for i in range(count)],
                "class": [NAMES[number] for number in numbers],
                "one": places[:, 0],
                "two": places[:, 1],
            }
        )

    return rows


@pytest.fixture
def tree() -> Callable[[int | None], Trainer]:
    """Make a trainer of decision trees of a depth."""

    def of_depth(depth: int | None) -> Trainer:
        def train(table: pd.DataFrame, seed: int) -> Member:
            model = DecisionTreeClassifier(max_depth=depth, random_state=seed)
            model.fit(features(table), table["class"], sample_weight=table.get("weight"))

            def predict(rows: pd.DataFrame) -> pd.DataFrame:
                chances = np.zeros((len(rows), 3))
                columns = [NAMES.index(name) for name in model.classes_]
                chances[:, columns] = model.predict_proba(features(rows))
                return prediction_table(
                    rows["filename"].tolist(), rows["class"].tolist(), chances, NAMES
                )

            return predict

        return train

    return of_depth
