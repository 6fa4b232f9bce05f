"""A search for settings: what it varies, what it keeps, and that it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import load_classifier
from pykeras_tl.recipe.plan import Plan
from pykeras_tl.recipe.planning import Request
from pykeras_tl.recipe.saved_plans import save_plans
from pykeras_tl.search import search, search_classifier
from pykeras_tl.search.space import planned_settings, suggest_settings, trial_with
from pykeras_tl.studies import phases
from pykeras_tl.studies.execution import trial_task
from pykeras_tl.studies.trial_runner import check_trial_options

pytestmark = pytest.mark.usefixtures("tiny_backbone")
_PLAN = Plan("tiny", (32, 32), 8, "block1", 2, False, 1.0)
_ASKED: dict[str, Any] = {
    "minutes": 1, "backbone": "tiny", "weights": None, "target_size": (32, 32),
    "batch_size": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for index, name in enumerate("ab"):
        (folder / name).mkdir()
        for number in range(30):
            pixels = random.integers(0, 255, (24, 24, 3))
            pixels[..., index] //= 2
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number}.png")
    return folder


def test_the_planned_settings_are_the_plan() -> None:
    told = ("t", 0, None, {"groups": None}, (0.0, 4095.0))
    planned = _PLAN.trial(*told)
    mine = trial_with(planned_settings(_PLAN), _PLAN, *told)
    assert mine.data == planned.data
    assert mine.model == planned.model
    assert mine.training == planned.training


def test_all_that_is_suggested_can_be_trained() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(12):
        settings = suggest_settings(study.ask(), ["block1", "block2"])
        trial = trial_with(settings, _PLAN, "t", 0, None, {})
        check_trial_options(trial)
        rates = trial.settings.training.fine_tune.optimizer
        assert rates.learning_rate == settings["learning_rate"]


@pytest.mark.slow  # Trains four small networks.
def test_a_search_goes_on_and_keeps_the_best(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(search, "plan_training", None, raising=False)
    save_plans(out, Request("good", **_ASKED), {"search": _PLAN}, search._STUDY)
    run, ran, given = trial_task.run_task, [], []
    left_out = pd.DataFrame({"filename": ["a/0.png"], "exclude": [True]})
    options = {"groups": None, "corrections": left_out, **_ASKED}

    def interrupted(task: Any, report: Any) -> None:
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(task.trial.name)
        given.extend(set(table["filename"]) for table in task.tables.values())
        run(task, report)

    monkeypatch.setattr(trial_task, "run_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search_classifier(images, out, trials=4, **options)
    monkeypatch.setattr(trial_task, "run_task", run)
    assert all(str(images / "a" / "0.png") not in names for names in given)
    result = search_classifier(images, out, trials=4, **options)

    assert repr(result).startswith("Search\ntrials: 4 · test accuracy of the best: ")
    assert result.table["number"].tolist() == [0, 1, 2, 3]
    assert set(result.table["state"]) <= {"complete", "pruned"}
    assert result.table.loc[0, "learning_rate"] == 1e-3  # The plan's own comes first.
    complete = result.table[result.table["state"] == "complete"]
    assert (
        result.best_settings["dropout"]
        == (complete.loc[complete["validation_accuracy"].idxmax(), "dropout"])
    )
    files = set(result.evaluation.predictions["filename"])
    trained = pd.read_csv(next(out.glob("trials/*/evaluation/validation/predictions.csv")))
    assert not files & set(trained["filename"])
    assert not list(out.glob("trials/*/evaluation/test"))
    assert load_classifier(out / "classifier").metrics["test"] == result.evaluation.accuracy
    assert "Settings by how much they mattered" in result.report.read_text() or (
        result.importances.empty
    )
    with pytest.raises(FileExistsError, match="other settings"):
        search_classifier(images, out, trials=4, **options | {"minutes": 2})


def test_each_trial_trains_on_the_devices(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[Any] = []

    def record(*args: Any, **options: Any) -> None:
        reached.append((options["devices"], options["mixed_precision"]))
        raise RuntimeError("Nothing is trained here.")

    monkeypatch.setattr(phases, "fit", record)
    save_plans(tmp_path, Request("good", **_ASKED), {"search": _PLAN}, search._STUDY)
    search_two = partial(search_classifier, images, tmp_path, trials=2, groups=None, **_ASKED)
    with pytest.raises(RuntimeError, match="All trials of the search failed"):
        search_two(devices=("cpu:0",), mixed_precision="mixed_bfloat16")
    assert reached == [(["cpu:0"], "mixed_bfloat16")] * 2
    with pytest.raises(FileExistsError, match=r"Received: \{\}\. Pass those"):
        search_two()
    with pytest.raises(ValueError, match=r"Received: (100|devices=100)"):
        search_two(devices=100)


@pytest.mark.slow  # A child process, since devices are configured before anything is computed.
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch trains on one device")
def test_a_search_trains_on_two_devices(images: Path, tmp_path: Path) -> None:
    tests = Path(__file__).resolve().parents[1]
    path = os.pathsep.join(map(str, [tests, tests / "training", *sys.path]))
    child = subprocess.run(
        [sys.executable, Path(__file__).with_name("two_devices.py"), images, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": path},
    )
    assert child.returncode == 0, child.stderr[-3000:]
    assert json.loads(child.stdout.splitlines()[-1]) == ["complete"]


def test_a_trial_behind_the_median_is_ended(images: Path, tmp_path: Path) -> None:
    tables = {"train": pd.DataFrame({"filename": [], "class": []})}
    request = Request("good", **_ASKED)
    running = search._Search(
        tmp_path, replace(_PLAN, epochs=9), tables, request, {"groups": None}, 9
    )
    for accuracy in (0.9, 0.8, 0.9, 0.8):
        asked = running.study.ask()
        suggest_settings(asked, ["block1"])
        report = partial(running._report, asked.number)
        assert not any(report(epoch, accuracy) for epoch in range(6))
        running.study.tell(asked, accuracy)
    asked = running.study.ask()
    suggest_settings(asked, ["block1"])
    report = partial(running._report, asked.number)
    assert [report(epoch, 0.3) for epoch in range(5)] == [False, False, False, True, True]
    assert running.study.trials[-1].user_attrs["pruned"]
