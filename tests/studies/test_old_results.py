"""Results that the version before the names changed wrote: they are found, and not made again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pykeras_tl.images import generate_blood_cells
from pykeras_tl.studies import Study, read_runs, run_study
from pykeras_tl.studies.data_splits import digest_files, split_tables
from pykeras_tl.studies.execution import trial_task

_METRICS = {
    "training accuracy": 0.5,
    "best validation accuracy": 0.25,
    "validation accuracy": 0.25,
    "validation loss": 1.4,
    "test accuracy": 0.75,
    "test loss": 0.9,
}


def _write_predictions(folder: Path, table: pd.DataFrame) -> None:
    """Write what `evaluation/SPLIT` of the old version holds: the columns file, true, class."""
    folder.mkdir(parents=True)
    classes = sorted(table["class"].unique())
    lines = [",".join(["file", "true", "class", *classes])]
    for filename, true in zip(table["filename"], table["class"], strict=True):
        said = ["0.8" if name == true else "0.1" for name in classes]
        lines.append(",".join([str(filename), true, true, *said]))
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")
    (folder / "summary.csv").write_text("pictures,accuracy\n12,1.0\n")
    (folder / "reliability.csv").write_text("low,high,pictures,confidence,accuracy\n")


@pytest.fixture
def old_results(colours: Path, tiny_study: Study, tmp_path: Path) -> Path:
    """A folder of results of the tiny study as it was written before; one trial is done."""
    from pykeras_tl.studies import Settings

    out = tmp_path / "old"
    tables = split_tables(colours, train="TRAIN", validation="TEST_SIMPLE", test="TEST")
    trial = tiny_study.trials(Settings())[0]
    trial = trial.on_files({split: digest_files(table) for split, table in tables.items()})
    folder = out / "trials" / trial.folder
    for split in ("validation", "test"):
        _write_predictions(folder / "evaluation" / split, tables[split])
    (out / "study.json").write_text('{"study": "tiny"}')
    (folder / "trial.json").write_text(trial.to_json())
    (folder / "history.csv").write_text(
        "epoch,metric,value,data\n1,accuracy,0.4,training\n1,accuracy,0.2,validation\n"
        "2,accuracy,0.5,training\n2,accuracy,0.25,validation\n"
    )
    summary = {"epochs": 2, "seconds": 3.5, "parameters": 100, "versions": {"keras": "3.15.1"}}
    (folder / "result.json").write_text(json.dumps({"metrics": _METRICS, **summary}))
    (out / "results.csv").write_text(
        "study,trial,seed,fold,pictures,metric,value\n"
        "tiny,constant,0,0,6953000680,test accuracy,0.75\n"
    )
    (out / "baselines.csv").write_text(
        "part,baseline,accuracy,low,high,macro f1,pictures\n"
        "test,nearest picture at 16 × 16 pixels,0.5,0.4,0.6,0.5,1-2-3\n"
    )
    return out


def test_a_done_trial_of_the_old_version_is_found(
    old_results: Path, tiny_study: Study, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_task, "run_task", None)
    result = run_study(tiny_study, colours, old_results, trials="constant")
    assert result.table["test accuracy"].tolist() == [0.75]
    assert result.trials[0].history().history["accuracy"] == [0.4, 0.5]
    predictions = result.trials[0].predictions()
    assert list(predictions.columns[3:]) == ["blue", "green", "red"]
    assert len(predictions) == 15
    assert list(pd.read_csv(old_results / "baselines.csv")["split"].unique()) == [
        *("validation", "test")
    ]
    assert "pictures" not in pd.read_csv(old_results / "results.csv")


def test_old_tables_are_read_with_todays_columns(old_results: Path) -> None:
    table = read_runs([old_results])
    assert list(table) == [*("study", "trial", "seed", "fold", "images", "metric", "value")]
    assert table["images"].tolist() == ["6953000680"]


def test_generated_cells_of_the_old_version_are_taken_for_the_same(tmp_path: Path) -> None:
    options = {"train": 1, "test": 1, "test_simple": 1, "size": (24, 32)}
    generate_blood_cells(tmp_path, **options)
    record = json.loads((tmp_path / "drawn.json").read_text())
    record["pictures"] = record.pop("images")
    (tmp_path / "drawn.json").write_text(json.dumps(record))
    generate_blood_cells(tmp_path, **options)
    with pytest.raises(FileExistsError, match="another"):
        generate_blood_cells(tmp_path, **{**options, "train": 2})


def test_the_timing_callback_of_an_unfinished_trial_has_its_old_name() -> None:
    from pykeras_tl.studies.phases import TimingCallback
    from pykeras_tl.training.checkpoints.run import _NEW_CALLBACK
    from pykeras_tl.training.checkpoints.state import _callback_settings

    assert repr(_callback_settings(TimingCallback())) == _NEW_CALLBACK
