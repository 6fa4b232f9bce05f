from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from pykeras_tl.images import k_folds, list_images
from pykeras_tl.images.progress import report_progress_to
from pykeras_tl.studies import Settings, Study, run_study
from pykeras_tl.studies.trial import Trial


def _trials(settings: Settings) -> list[Trial]:
    training = {"optimizer": {"name": "adam", "learning_rate": 1e-2}, "epochs": 1}
    return [
        Trial(
            name,
            {
                "target_size": [32, 32],
                "batch_size": size,
                "rescale": 1 / 255,
                "split": {"seed": settings.seed, "fold": fold},
            },
            {"network": "soco.network"},
            training,
            settings.seed,
        )
        for name, size in {"small": 6, "large": 12}.items()
        for fold in (1, 2)
    ]


def _tables(data: Path, split) -> dict:
    table = k_folds(list_images(data / "TRAIN"), 2, seed=split["seed"])
    left_out = table["fold"] == split["fold"]
    return {"train": table[~left_out], "test": table[left_out]}


@pytest.fixture
def folded(tiny_study: Study) -> Study:
    """Two trials of two folds each, repeated twice."""
    return replace(tiny_study, trials=_trials, tables=_tables, repeats=2, published=())


@pytest.mark.slow
def test_repeats_and_folds_are_summarized_and_paired(
    folded: Study, colours: Path, tmp_path: Path
) -> None:
    result = run_study(folded, colours, tmp_path / "out")
    assert not result.failures
    assert list(result.table["runs"]) == [4, 4]
    tidy = result.to_frame()
    found = tidy[tidy["metric"] == "test accuracy"]
    assert sorted(zip(found["trial"], found["seed"], found["fold"], strict=True)) == [
        (name, seed, fold) for name in ("large", "small") for seed in (0, 1) for fold in (1, 2)
    ]
    assert result.summary.query("metric == 'test accuracy'")["runs"].tolist() == [4, 4]
    assert result.compare()["pairs"].tolist() == [4]
    page = result.report.read_text(encoding="utf-8")
    assert "<th>pairs needed</th>" in page
    assert '<th class="text">size</th>' in page
    assert "means of 4 runs" in page


def test_folds_of_a_repeat_leave_out_every_image_once(folded: Study, colours: Path) -> None:
    parts = [_tables(colours, {"seed": 3, "fold": fold}) for fold in (1, 2)]
    left_out = [set(part["test"]["filename"]) for part in parts]
    assert left_out[0] == set(parts[1]["train"]["filename"])
    assert left_out[1] == set(parts[0]["train"]["filename"])


@pytest.mark.slow
def test_two_processes_give_what_one_gives(
    folded: Study,
    colours: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"repeats": 1, "trials": "small", "epochs": 3}
    alone = run_study(folded, colours, tmp_path / "alone", **options)
    assert "Epoch 3/3" in capfd.readouterr().out
    steps: list[tuple[str, int, int]] = []
    report_progress_to(lambda *step: steps.append(step))
    caplog.set_level(logging.INFO)
    try:
        both = run_study(folded, colours, tmp_path / "both", jobs=2, **options)
    finally:
        report_progress_to(None)
    # Two progress bars would overwrite each other: one is shown for both.
    printed = capfd.readouterr()
    assert "Epoch" not in printed.out
    assert ".py:" not in printed.err
    trained = [(done, total) for what, done, total in steps if what == "Training"]
    assert trained == sorted(trained)
    assert trained[-1] == (6, 6)
    assert sorted(m.partition(":")[2] for m in caplog.messages if ": done" in m) == [
        " done (1 of 2)", " done (2 of 2)",
    ]  # fmt: skip
    numbers = [
        result.to_frame().query("metric != 'seconds'")["value"].tolist() for result in (alone, both)
    ]
    assert not both.failures
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-6)


@pytest.mark.slow
def test_settings_are_changed_where_they_stand(
    folded: Study, colours: Path, tmp_path: Path
) -> None:
    changes = {"data.batch_size": 9, "training.optimizer.learning_rate": 1e-3}
    result = run_study(
        folded, colours, tmp_path / "out", repeats=1, trials="small", changes=changes
    )
    record = result.trials[0].trial
    assert record.data["batch_size"] == 9
    assert record.training["optimizer"] == {"name": "adam", "learning_rate": 1e-3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"repeats": 0}, "Expected repeats >= 1. Received: 0"),
        ({"jobs": 0}, "Expected jobs >= 1. Received: 0"),
        (
            {"changes": {"data.batchsize": 1}},
            r"No trial has a setting 'data\.batchsize'\. Did you mean 'data\.batch_size'",
        ),
        ({"changes": {"seed": 1}}, "No trial has a setting 'seed'"),
        ({"data": None}, "'tiny' needs a folder of data"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(
    arguments: dict, message: str, folded: Study, colours: Path, tmp_path: Path
) -> None:
    arguments = {"data": colours, **arguments}
    with pytest.raises(ValueError, match=message):
        run_study(folded, out=tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()
