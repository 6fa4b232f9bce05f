"""The typed sections of a trial: what is misspelt or out of range is named, and never ignored."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest
import yaml

from pykeras_tl.studies import Settings, Study, Trial, get_study, run_study, study_names
from pykeras_tl.studies.trial_config import EarlyStoppingSettings
from pykeras_tl.studies.trial_runner import build_model, check_trial_options

_OPTIMIZER = {"name": "adam", "learning_rate": 1e-3}
_DATA = {"target_size": [50, 50], "batch_size": 16}
_TRAINING = {"optimizer": _OPTIMIZER, "epochs": 3}


def _record(**sections: Any) -> dict[str, Any]:
    given = {"data": _DATA, "model": {"network": "soco.network"}, "training": _TRAINING}
    return {"name": "small", **{key: {**given[key], **sections.get(key, {})} for key in given}}


_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"data": {"batch_sise": 16}}, "Unknown key 'batch_sise' in data. Did you mean 'batch_size'?"),
    (
        {"training": {"finetune": {"from": "flatten"}}},
        "Unknown key 'finetune' in training. Did you mean 'fine_tune'?",
    ),
    (
        {"training": {"schedule": "cosin"}},
        "Expected training.schedule to be 'constant', 'cosine' or 'one-cycle'. Received: 'cosin'.",
    ),
    (
        {"training": {"warmup": 0.1}},
        "'warmup' is part of a schedule. Set 'schedule' in training.",
    ),
    (
        {"training": {"weight_averaging": {"ema_momentun": 0.9}}},
        "Unknown key 'ema_momentun' in training.weight_averaging. Did you mean 'ema_momentum'?",
    ),
    ({"training": {"label_smoothing": 1}}, "Expected training.label_smoothing to be less than 1."),
    (
        {"data": {"test_time_augmentation": "mirror"}},
        "Expected data.test_time_augmentation to be 'hflip', 'flips' or 'd4'.",
    ),
    (
        {"training": {"early_stopping": {"patence": 3}}},
        "Unknown key 'patence' in training.early_stopping. Did you mean 'patience'?",
    ),
    (
        {"training": {"fine_tune": {**_TRAINING, "form": "flatten"}}},
        "Unknown key 'form' in training.fine_tune. Did you mean 'from'?",
    ),
    (
        {"training": {"source": {**_TRAINING, "freeze_too": "flatten"}}},
        "Unknown key 'freeze_too' in training.source. Did you mean 'freeze_to'?",
    ),
    (
        {"data": {"augmentation": {"zoom_rang": 0.2}}},
        "Unknown key 'zoom_rang' in data.augmentation. Did you mean 'zoom_range'?",
    ),
    ({"data": {"interpolation": "bilinar"}}, "bilinar"),
    ({"data": {"batch_size": "16"}}, "Expected data.batch_size to be a valid integer."),
    ({"data": {"target_size": [0, 50]}}, "Expected data.target_size.0 to be greater than 0."),
    ({"training": {"epochs": 0}}, "Expected training.epochs to be greater than 0. Received: 0."),
    ({"model": {"backbone": "vgg16"}}, "either 'network' or 'backbone' in model. Received both."),
    (
        {"training": {"schedule": "cosine", "lower_each_epoch": 0.9}},
        "either 'schedule' or 'lower_each_epoch' in training. Received both.",
    ),
    (
        {"training": {"schedule": "cosine", "optimizer": {"name": "adam"}}},
        "Set 'learning_rate' in training.optimizer.",
    ),
]


@pytest.mark.parametrize(("sections", "message"), _MISTAKES)
def test_mistakes_are_named_wherever_a_trial_comes_from(
    sections: dict[str, Any], message: str, tmp_path: Path
) -> None:
    record = _record(**sections)
    for suffix, write in {"json": json.dumps, "yaml": yaml.safe_dump}.items():
        (tmp_path / f"trial.{suffix}").write_text(write(record))
    sources = [
        lambda: Trial(**record),
        lambda: Trial.read(tmp_path / "trial.json"),
        lambda: Trial.read(tmp_path / "trial.yaml"),
        lambda: replace(Trial(**_record()), **{key: record[key] for key in sections}),
    ]
    for source in sources:
        with pytest.raises(ValueError, match="Trial 'small': ") as raised:
            source()
        assert message in str(raised.value)
        assert len(str(raised.value).splitlines()) == 1


def test_values_changed_on_the_command_line_are_checked(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Trial 'case-1': Expected data\.batch_size to be"):
        run_study("soco", colours, tmp_path / "out", changes={"data.batch_size": "many"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"binry": True}}, "Unknown key 'binry' in model. Did you mean 'binary'?"),
        (
            {"training": {"optimizer": {"name": "sgd", "momentun": 0.9}}},
            "Unknown key 'momentun' in training.optimizer. Did you mean 'momentum'?",
        ),
        (
            {"training": {"fine_tune": {**_TRAINING, "from": "a", "optimizer": {"name": "adm"}}}},
            "Trial 'small', training.fine_tune.optimizer: Unknown optimizer 'adm'.",
        ),
        (
            {"training": {"batch_augmentation": ["mixup", "cutmx"]}},
            "training.batch_augmentation: Unknown augmentation 'cutmx'.",
        ),
        (
            {"training": {"batch_augmentation": {"mixup": {"alfa": 1}}}},
            "training.batch_augmentation: ",
        ),
    ],
)
def test_options_of_networks_and_optimizers_are_checked_before_anything_is_made(
    sections: dict[str, Any], message: str, tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    study = replace(tiny_study, trials=lambda settings: [Trial(**_record(**sections))])
    with pytest.raises(ValueError, match="Trial 'small'") as raised:
        run_study(study, colours, tmp_path / "out")
    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_options_of_backbones_are_checked() -> None:
    def trial(**options: Any) -> Trial:
        return Trial("a", _DATA, {"backbone": "mobilenet", "weights": None, **options}, _TRAINING)

    check_trial_options(trial(alpha=0.25, dropout=0.5, divide_by_255=True))
    with pytest.raises(ValueError, match=r"'droput' in model\. Did you mean 'dropout'"):
        check_trial_options(trial(droput=0.5))


def test_what_is_missing_is_named_when_the_trial_is_run() -> None:
    trial = Trial("a", {"batch_size": 16}, {"network": "soco.network"}, _TRAINING)
    with pytest.raises(ValueError, match=r"Trial 'a': data\.target_size is missing"):
        check_trial_options(trial)
    with pytest.raises(ValueError, match="Trial 'a': Expected 'network' or 'backbone' in model"):
        check_trial_options(replace(trial, data=_DATA, model={}))


@pytest.mark.parametrize("name", study_names())
@pytest.mark.parametrize("quick", [False, True])
def test_the_trials_of_every_study_are_accepted(name: str, quick: bool) -> None:
    for trial in get_study(name).trials(Settings(quick=quick, weights=None)):
        check_trial_options(trial)
        assert Trial.from_yaml(trial.to_yaml()) == trial


def test_old_keys_and_networks_are_still_read() -> None:
    with pytest.warns(FutureWarning, match="now called 'cached_augmented_epochs'"):
        old = Trial(**_record(training={"augmented_passes": 3}))
    with pytest.warns(FutureWarning, match="now called 'cached_augmented_epochs'"):
        assert old.settings.training.cached_augmented_epochs == 3
    assert "augmented_passes" in old.training  # The record, and so its folder, stay the same.
    network = Trial(
        "a", {**_DATA, "target_size": [32, 32]}, {"network": "hybrids.network"}, {**_TRAINING}
    )
    assert build_model(network, classes=3).output_shape == (None, 3)


def test_early_stopping_has_keras_arguments_and_defaults() -> None:
    theirs = inspect.signature(keras.callbacks.EarlyStopping).parameters
    ours = EarlyStoppingSettings.model_fields
    assert list(ours) == list(theirs)
    assert {name: field.default for name, field in ours.items()} == {
        name: parameter.default for name, parameter in theirs.items()
    }


def test_the_old_argument_of_run_study_is_still_taken(tmp_path: Path) -> None:
    with (
        pytest.warns(FutureWarning, match="`name` of run_study is now called `study`"),
        pytest.raises(ValueError, match="Unknown study 'red-cells'"),
    ):
        run_study(name="red-cells", data=tmp_path, out=tmp_path / "out")


def test_draw_is_still_taken_for_generate_data() -> None:
    def generate(folder: Path) -> None:
        folder.mkdir()

    with pytest.warns(FutureWarning, match="`draw` of Study is now called `generate_data`"):
        study = Study("old", "Old", lambda settings: [], lambda *_: {}, draw=generate)
    assert study.generate_data is generate
    assert replace(study, name="copy").generate_data is generate
