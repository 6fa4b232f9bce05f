"""Nothing is predicted by a member that saw it, and other images by all members."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pykeras_tl.ensembles import average_predictions, cross_fit
from pykeras_tl.evaluation import prediction_table


def _undecided(asked: pd.DataFrame) -> pd.DataFrame:
    chances = np.full((len(asked), 3), 1 / 3)
    return prediction_table(
        asked["filename"].tolist(), asked["class"].tolist(), chances, ["x", "y", "z"]
    )


def test_every_image_is_predicted_by_a_member_that_did_not_see_it(draw) -> None:
    table = draw(60, 0)
    seen = []

    def trainer(rows, seed):
        seen.append(set(rows["filename"]))
        known = len(seen) - 1

        def predict(asked):
            assert not seen[known] & set(asked["filename"])
            return _undecided(asked)

        return predict

    found = cross_fit(trainer, table, folds=4).out_of_fold
    assert len(seen) == 4
    assert found["filename"].tolist() == table["filename"].tolist()
    assert found["class"].tolist() == table["class"].tolist()


def test_groups_stay_together(draw) -> None:
    table = draw(60, 0).assign(patient=np.arange(60) // 4)

    def trainer(rows, seed):
        def predict(asked):
            assert not set(rows["patient"]) & set(asked["patient"])
            return _undecided(asked)

        return predict

    assert len(cross_fit(trainer, table, 3, groups="patient").out_of_fold) == 60


def test_other_images_are_predicted_by_the_mean_of_all_members(draw, tree) -> None:
    table, test = draw(100, 0), draw(50, 1)
    fitted = cross_fit(tree(2), table, folds=3)
    said = [member(test) for member in fitted.members]
    assert len(said) == 3
    assert not said[0].equals(said[1])
    assert fitted.predict(test).equals(average_predictions(said))
