"""The plan of a training follows from what was found, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl.recipe.image_size import image_sizes
from pykeras_tl.recipe.plan import Plan, Workload, augmentation, make_plan
from pykeras_tl.recipe.planning import Request
from pykeras_tl.recipe.probing import ProbeResult, TurningCost, turning_cost
from pykeras_tl.recipe.sampling import probe_sample, without_surplus_copies
from pykeras_tl.recipe.speed import Speed
from pykeras_tl.recipe.survey import survey_images
from pykeras_tl.studies.trial_runner import check_trial_options

_SHARES = {
    "stem": 1.0,
    "block1": 0.9,
    "block4": 0.75,
    "block5": 0.45,
    "block6": 0.25,
    "block7": 0.1,
}


def probe(
    accuracy: float,
    turned: float | None = None,
    forward: float = 0.01,
    size: tuple[int, int] = (160, 160),
) -> ProbeResult:
    speed = Speed(forward, 0.001, _SHARES)
    turned = accuracy if turned is None else turned
    cost = TurningCost(accuracy - turned, 0.01)
    return ProbeResult("efficientnet_lite0", size, accuracy, 1 - accuracy, turned, cost, speed)


def work(seconds: float, training: int = 1000) -> Workload:
    return Workload(training, training // 3, training // 3, seconds)


def test_more_time_trains_more_layers_and_more_epochs() -> None:
    plans = [make_plan([probe(0.7)], work(seconds)) for seconds in (70, 220, 600, 6000)]
    trained = [
        0.0 if plan.fine_tune_from is None else _SHARES[plan.fine_tune_from] for plan in plans
    ]
    assert trained[0] == 0
    assert trained == sorted(trained)
    assert trained[-1] == 0.75
    assert [plan.epochs for plan in plans] == sorted(plan.epochs for plan in plans)


@pytest.mark.parametrize("seconds", [150, 300, 600, 1800])
@pytest.mark.parametrize("training", [200, 2000, 9000])
def test_what_is_planned_fits_into_the_time(seconds: float, training: int) -> None:
    given = work(seconds, training)
    found = probe(0.7)
    plan = make_plan([found], given)
    if plan.fine_tune_from is None:
        return
    epoch = given.training * found.speed.training_from(plan.fine_tune_from)
    epoch += given.validation * found.speed.forward
    assert given.frozen_pass(found.speed) + plan.epochs * epoch <= seconds


def test_familiar_images_get_the_best_frozen_network_and_others_the_trainable_one() -> None:
    small, large = probe(0.96, size=(160, 160)), probe(0.99, forward=0.1, size=(256, 256))
    assert make_plan([small, large], work(600)).target_size == (256, 256)
    small, large = probe(0.6, size=(160, 160)), probe(0.65, forward=0.1, size=(256, 256))
    assert make_plan([small, large], work(600)).target_size == (160, 160)


def test_images_are_turned_over_only_where_that_changes_nothing() -> None:
    assert make_plan([probe(0.9, 0.89)], work(600)).turned
    assert not make_plan([probe(0.9, 0.7)], work(600)).turned
    assert augmentation(turned=True)["vertical_flip"]
    assert not augmentation(turned=False)["vertical_flip"]
    assert augmentation(turned=False)["horizontal_flip"]


def test_a_plan_is_a_trial_that_can_be_run_and_written() -> None:
    for seconds in (80, 2000):
        plan = make_plan([probe(0.7)], work(seconds))
        trial = plan.trial("a", 3, None, {"groups": "copies"})
        check_trial_options(trial)
        assert trial.seed == 3
        assert ("fine_tune" in trial.training) == (plan.fine_tune_from is not None)
        assert Plan.from_record(plan.to_record()) == plan


def test_a_network_of_few_stages_is_fine_tuned_from_its_last_one() -> None:
    speed = Speed(0.01, 0.001, {"stem": 1.0, "rest": 0.9})
    found = ProbeResult("resnet50", (160, 160), 0.6, 0.9, 0.6, TurningCost(0, 0), speed)
    assert make_plan([found], work(900)).fine_tune_from == "rest"


def test_what_turning_costs_is_judged_by_group() -> None:
    random = np.random.default_rng(0)
    upright = random.uniform(0.5, 1, 40)
    noise = random.normal(0, 0.2, 40)
    noise -= noise.mean()
    alone = pd.DataFrame({"filename": map(str, range(40))})
    # Three points less by chance are no reason, and neither are two points for certain.
    chance = turning_cost(upright, upright - 0.03 - noise, alone)
    assert chance.mean == pytest.approx(0.03)
    assert chance.error == pytest.approx(noise.std(ddof=1) / 40**0.5)
    assert not chance.is_clear
    assert not turning_cost(upright, upright - 0.019, alone).is_clear
    assert turning_cost(upright, upright - 0.1 - noise, alone).is_clear
    # A hundred copies of an image say no more than the image.
    copies = pd.DataFrame({"original": np.repeat(list(map(str, range(40))), 100)})
    repeated = turning_cost(
        *(np.repeat(each, 100) for each in (upright, upright - 0.03 - noise)), copies
    )
    assert repeated.mean == pytest.approx(0.03)
    assert repeated.error == pytest.approx(chance.error)
    one = pd.DataFrame({"group": ["p"] * 40})
    assert not turning_cost(upright, upright - 0.5, one).is_clear


def test_small_sets_get_small_batches() -> None:
    assert make_plan([probe(0.7)], work(600, 40)).batch_size == 5
    assert make_plan([probe(0.7)], work(600, 4000)).batch_size == 32
    assert make_plan([probe(0.7)], work(600), batch_size=7).batch_size == 7


@pytest.mark.parametrize("side", [16, 32, 100, 500])
def test_sizes_keep_proportions_and_limits(side: int) -> None:
    for width in (side, 2 * side):
        sizes = image_sizes(side, width)
        assert sizes
        for height, across in sizes:
            assert height % 16 == across % 16 == 0
            assert across / height == pytest.approx(width / side, rel=0.15)
            assert height * across <= max(128 * 128, 2.25 * side * width) * 1.2


def test_a_survey_counts_groups_once(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{number}.png")
    table = pd.DataFrame(
        {
            "filename": [str(tmp_path / f"{number}.png") for number in range(4)],
            "class": ["a", "a", "a", "b"],
            "original": ["x", "x", "y", "z"],
        }
    )
    survey = survey_images(table)
    assert (survey.images, survey.distinct, survey.smallest, survey.largest) == (4, 3, 1, 2)
    assert (survey.height, survey.width) == (20, 30)
    assert "4 images (3 distinct) of 2 classes" in survey.describe()


def test_a_sample_has_all_classes_and_one_of_each_group_first() -> None:
    names = [
        f"{label}-{group}-{copy}" for label in "ab" for group in range(30) for copy in range(40)
    ]
    table = pd.DataFrame({"filename": names})
    table["class"] = table["filename"].str[0]
    table["original"] = table["filename"].str.rpartition("-")[0]
    training, validation = probe_sample({"train": table, "validation": table}, seed=0)
    assert len(training) == 600
    assert training["class"].value_counts().tolist() == [300, 300]
    assert training["original"].nunique() == 60
    assert validation["original"].value_counts().between(6, 7).all()


def test_a_set_of_copies_is_thinned_out_class_by_class() -> None:
    copies = [("a", "x", 100), ("b", "x", 20), ("c", "y", 40)]
    rows = [
        (f"{name}-{number}.png", kind, name)
        for name, kind, count in copies
        for number in range(count)
    ]
    table = pd.DataFrame(rows, columns=["filename", "class", "original"])

    def thin(table: pd.DataFrame) -> pd.DataFrame:
        return without_surplus_copies({"train": table}, ["train"], seed=0)["train"]

    thinned = thin(table)
    # 24 of 160, so that x keeps 18 of 120 and y 6 of 40.
    assert thinned["original"].value_counts().to_dict() == {"a": 9, "b": 9, "c": 6}
    assert thin(table).equals(thinned)
    few = table.groupby("original").head(8)
    assert thin(few) is few
    # A class with few copies keeps all its images.
    single = [(f"{name}.png", "z", str(name)) for name in range(5)]
    rare = pd.concat([table, pd.DataFrame(single, columns=table.columns)], ignore_index=True)
    assert thin(rare)["class"].value_counts()["z"] == 5
    patients = table.rename(columns={"original": "group"})
    assert thin(patients) is patients
    # So are images for validation that were split off, but not those of a folder of their own.
    tables = dict.fromkeys(("train", "validation", "calibration", "test"), table)
    for on_disk, complete in (
        (["train"], ["test"]),
        (["train", "validation", "test"], ["validation", "calibration", "test"]),
    ):
        found = without_surplus_copies(tables, on_disk, seed=0)
        assert list(found) == list(tables)
        assert [name for name in tables if found[name] is table] == complete
        assert all(found[name].equals(thinned) for name in tables if name not in complete)


def test_wrong_requests_are_told() -> None:
    for wrong, says in [
        ({"quality": "perfect"}, "'fast', 'good', 'best'"),
        ({"minutes": 0}, "minutes above 0"),
        ({"backbone": "vgg61"}, "vgg61"),
        ({"target_size": (0, 5)}, "target_size"),
        ({"batch_size": 0}, "batch_size"),
    ]:
        with pytest.raises(ValueError, match=says):
            Request(**wrong)
