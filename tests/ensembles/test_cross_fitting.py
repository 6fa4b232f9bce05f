"""Nothing is predicted by a member that saw it, and other images by all members."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pykeras_tl.ensembles import average_predictions, cross_fit, cross_validate
from pykeras_tl.evaluation import nearest_neighbour_baseline, prediction_table


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


def test_copies_do_not_flatter_a_cross_validation(tmp_path) -> None:
    import cv2

    random = np.random.default_rng(0)
    rows = []
    # Classes that cannot be told apart: only the copies of an image tell its class.
    for number in range(20):
        image = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        for copy in range(4):
            name = str(tmp_path / f"{number}-{copy}.png")
            cv2.imwrite(name, image + np.uint8(copy))
            rows.append((name, "xy"[number % 2]))
    table = pd.DataFrame(rows, columns=["filename", "class"])

    def trainer(train, seed):
        return lambda asked: nearest_neighbour_baseline(train, asked)

    fooled = cross_validate(trainer, table, folds=4, groups=None)
    assert fooled.accuracy > 0.95
    assert fooled.groups is None
    honest = cross_validate(trainer, table, folds=4)
    assert honest.accuracy < 0.8
    assert honest.size == "80 images, 20 distinct"
    assert honest.predictions["filename"].tolist() == table["filename"].tolist()
    once = honest.by_group()
    assert len(once.predictions) == 20
    widths = [each.intervals["high"][0] - each.intervals["low"][0] for each in (fooled, honest)]
    assert widths[1] > widths[0]
