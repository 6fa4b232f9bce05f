from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pykeras_tl.ensembles import average_predictions
from pykeras_tl.studies import Study, run_study
from pykeras_tl.studies import trial_runner as execution_module


@pytest.fixture(scope="module")
def result(tiny_study: Study, colours: Path, tmp_path_factory: pytest.TempPathFactory):
    return run_study(tiny_study, colours, tmp_path_factory.mktemp("trained") / "out")


@pytest.mark.slow
def test_every_trial_leaves_its_results(result) -> None:
    assert list(result.table["trial"]) == ["constant", "cosine"]
    assert list(result.table["epochs"]) == [2, 2]
    assert result.table["test accuracy"].between(0, 1).all()
    assert not result.failures
    for trial in result.trials:
        assert len(trial.history().epoch) == 2
        assert (trial.folder / "classifier").is_dir()
    both = average_predictions([trial.predictions() for trial in result.trials])
    assert both["class"].tolist() == ["blue"] * 5 + ["green"] * 5 + ["red"] * 5


@pytest.mark.slow
def test_tables_stand_beside_the_report(result) -> None:
    written = pd.read_csv(result.folder / "trials.csv")
    pd.testing.assert_frame_equal(written, result.table, check_dtype=False)
    tidy = pd.read_csv(result.folder / "results.csv")
    assert list(tidy.columns) == [*("study", "trial", "seed", "fold", "images", "metric", "value")]
    page = result.report.read_text(encoding="utf-8")
    assert "A note &lt;for&gt; the reader." in page
    assert "constant" in page


@pytest.mark.slow
def test_the_recorded_accuracy_is_that_of_the_saved_classifier(result, colours: Path) -> None:
    from pykeras_tl.models.saving.classifier import load_classifier

    trial = result.trials[0]
    predicted = load_classifier(trial.folder / "classifier").predict(colours / "TEST")
    true = [Path(file).parent.name for file in predicted["filename"]]
    accuracy = (predicted["predicted"] == pd.Series(true)).mean()
    assert accuracy == pytest.approx(trial.metrics["test accuracy"])


@pytest.mark.slow
def test_a_done_trial_is_not_run_again(
    result, tiny_study: Study, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a trial that is done was run again")

    monkeypatch.setattr(execution_module, "run_trial", never)
    again = run_study(tiny_study, colours, result.folder)
    pd.testing.assert_frame_equal(again.table, result.table)


@pytest.mark.slow
def test_a_stopped_study_goes_on_with_the_next_trial(
    tiny_study: Study, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    run_trial = execution_module.run_trial

    def stop_at_the_second(trial, *rest):
        started.append(trial.name)
        if trial.name == "cosine" and started.count("cosine") == 1:
            raise KeyboardInterrupt
        return run_trial(trial, *rest)

    monkeypatch.setattr(execution_module, "run_trial", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_study(tiny_study, colours, tmp_path / "out")
    result = run_study(tiny_study, colours, tmp_path / "out")
    assert started == ["constant", "cosine", "cosine"]
    assert list(result.table["trial"]) == ["constant", "cosine"]
    assert len(list((tmp_path / "out" / "trials").iterdir())) == 2


@pytest.mark.slow
def test_a_stopped_trial_goes_on_after_its_last_epoch(
    result, tiny_study: Study, colours: Path, tmp_path: Path, monkeypatch, caplog
) -> None:
    caplog.set_level("INFO", "pykeras_tl")
    from pykeras_tl.studies.phases import TimingCallback

    ended = []

    def stop_at_the_second(self: TimingCallback, epoch: int, logs: object = None) -> None:
        ended.append(epoch)
        self.seconds += 100
        if epoch == 1 and ended.count(1) == 1:
            raise RuntimeError("the power is gone")

    monkeypatch.setattr(TimingCallback, "on_epoch_end", stop_at_the_second)
    place = tmp_path / "stopped"
    failed = run_study(tiny_study, colours, place, trials="constant")
    assert "the power is gone" in failed.failures["constant"]
    assert len(list((place / "trials").glob("*.unfinished"))) == 1
    again = run_study(tiny_study, colours, place, trials="constant")
    assert ended == [0, 1, 1]
    assert 200 < again.table["seconds"][0] < 300
    assert "Resuming after epoch 1" in caplog.text
    pd.testing.assert_frame_equal(
        again.table.drop(columns="seconds"), result.table.drop(columns="seconds").iloc[[0]]
    )
    assert [path.name for path in (place / "trials").iterdir()] == [again.trials[0].folder.name]


@pytest.mark.slow
def test_trials_that_were_chosen_before_stand_in_the_results_too(
    result, tiny_study: Study, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pykeras_tl.studies.results.report.write_study_report", lambda *_: None)
    again = run_study(tiny_study, colours, result.folder, trials="cosine")
    assert list(again.table["trial"]) == ["constant", "cosine"]


@pytest.mark.slow
def test_a_failing_trial_does_not_stop_the_others(
    tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    def with_a_wrong_network(settings):
        first, second = tiny_study.trials(settings)
        return [first.with_model(network="blood_cells.version_9"), second]

    study = replace(tiny_study, trials=with_a_wrong_network)
    result = run_study(study, colours, tmp_path / "out")
    assert list(result.table["trial"]) == ["cosine"]
    assert "Unknown network 'blood_cells.version_9'" in result.failures["constant"]
    assert list((tmp_path / "out" / "trials").glob("constant-*.error.txt"))
    assert "Unknown network" in result.report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(
    result, tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    again = run_study(tiny_study, colours, tmp_path / "again", trials="constant")
    one = result.table.drop(columns="seconds").iloc[[0]]
    pd.testing.assert_frame_equal(again.table.drop(columns="seconds"), one)


def test_a_folder_of_something_else_is_refused(
    tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        run_study(tiny_study, colours, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
def test_the_folder_of_another_study_is_refused(result, tiny_study: Study, colours: Path) -> None:
    with pytest.raises(FileExistsError, match="holds the study 'tiny', not 'other'"):
        run_study(replace(tiny_study, name="other"), colours, result.folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": "nothing*"}, "No trial matches 'nothing\\*'. Known trials: constant, cosine"),
        ({"epochs": 0}, "Expected epochs >= 1. Received: 0"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(
    arguments: dict, message: str, tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run_study(tiny_study, colours, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_an_unknown_study_is_refused(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Unknown study 'red-cells'\. Known studies: blood-cells"):
        run_study("red-cells", colours, tmp_path / "out")


def test_missing_images_are_told_before_anything_is_made(tiny_study: Study, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        run_study(tiny_study, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()
