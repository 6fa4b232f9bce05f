"""What a trial says about its training reaches `fit`, the optimizer and the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

from pykeras_tl import evaluation
from pykeras_tl.evaluation import predict_flow
from pykeras_tl.studies import Trial, phases
from pykeras_tl.studies.data_splits import split_iterators, split_tables
from pykeras_tl.studies.trial import with_changes
from pykeras_tl.studies.trial_runner import build_model, run_trial, train_model
from pykeras_tl.training import OneCycle, WeightAveraging

_DATA = {"target_size": [32, 32], "batch_size": 6, "rescale": 1 / 255}
_MODEL = {"network": "blood_cells.modern"}
_TRAINING = {
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.05},
    "epochs": 2,
    "schedule": "one-cycle",
    "warmup": 0.25,
    "layer_rates": 0.5,
    "label_smoothing": 0.1,
    "batch_augmentation": {"mixup": {"alpha": 0.2}},
    "weight_averaging": {"ema_momentum": 0.9},
}


@pytest.fixture
def tables(colours: Path) -> dict[str, Any]:
    return split_tables(colours, train="TRAIN", validation="TEST_SIMPLE", test="TEST")


def test_each_part_is_used(tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    fit = phases.fit

    def record(model: keras.Model, *args: Any, **options: Any) -> Any:
        calls.append({"loss": model.loss, "optimizer": model.optimizer} | options)
        return fit(model, *args, **options)

    monkeypatch.setattr(phases, "fit", record)
    trial = Trial("all", _DATA, _MODEL, _TRAINING)
    iterators = split_iterators(trial, tables)
    model = build_model(trial, classes=3)
    history, _ = train_model(model, trial, iterators)
    assert len(history.epoch) == 2
    (call,) = calls
    config = call["optimizer"].get_config()
    assert type(call["optimizer"]).__name__ == "LayerwiseAdamW"
    assert config["weight_decay"] == 0.05
    assert (min(config["layer_rates"]), max(config["layer_rates"])) < (0.5, 1.1)
    schedule = call["optimizer"]._learning_rate
    assert isinstance(schedule, OneCycle)
    assert (schedule.peak, schedule.steps, schedule.warmup) == (0.01, 12, 0.25)
    assert call["loss"].label_smoothing == 0.1
    assert call["batch_augmentation"] == {"mixup": {"alpha": 0.2}}
    (averaging,) = (each for each in call["callbacks"] if isinstance(each, WeightAveraging))
    assert averaging.ema_momentum == 0.9


def test_devices_and_precision_reach_fit_with_a_scaled_loss(
    tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reached(Exception):
        """Raised in place of training."""

    def record(model: keras.Model, *args: Any, **options: Any) -> Any:
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        raise Reached(options["devices"], options["mixed_precision"])

    monkeypatch.setattr(phases, "fit", record)
    training = {"optimizer": {"name": "adam"}, "epochs": 1}
    hardware = {"training.devices": ["gpu:0", "gpu:1"], "training.mixed_precision": "mixed_float16"}
    (trial,) = with_changes([Trial("plain", _DATA, _MODEL, training)], hardware)
    assert trial.folder != Trial("plain", _DATA, _MODEL, training).folder
    model = build_model(trial, classes=3)
    with pytest.raises(Reached, match=r"\['gpu:0', 'gpu:1'\], 'mixed_float16'"):
        train_model(model, trial, split_iterators(trial, tables))


def test_a_trial_without_them_is_as_before(tables: dict[str, Any]) -> None:
    trial = Trial("plain", _DATA, _MODEL, {"optimizer": {"name": "adam"}, "epochs": 1})
    model = build_model(trial, classes=3)
    train_model(model, trial, split_iterators(trial, tables))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.loss == "categorical_crossentropy"


def test_rates_of_unknown_layers_are_found_before_training(tables: dict[str, Any]) -> None:
    training = {**_TRAINING, "layer_rates": {"conv99": 0.1}}
    trial = Trial("typo", _DATA, _MODEL, training)
    with pytest.raises(ValueError, match="no layer or stage named 'conv99'"):
        phases.phases_of(trial, split_iterators(trial, tables), build_model(trial, classes=3))


def test_views_of_the_test_images_are_averaged(
    tables: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def record(model: keras.Model, flow: Any, test_time_augmentation: str | None = None) -> Any:
        seen.append(test_time_augmentation)
        return predict_flow(model, flow, test_time_augmentation)

    monkeypatch.setattr(evaluation, "predict_flow", record)
    training = {"optimizer": {"name": "adam"}, "epochs": 1}
    run_trial(
        Trial("views", {**_DATA, "test_time_augmentation": "d4"}, _MODEL, training),
        tables,
        tmp_path,
    )
    assert seen == ["d4"] * 2
