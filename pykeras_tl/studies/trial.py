"""A trial: the plain record of one training, identified by its content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import yaml

from ..storage.atomic_files import atomic_file
from .trial_config import TrialSettings, check_settings, describe_unknown_key, read_settings

# The splits that are trained on, in this order.
TRAINED_ON = ("source", "train")
_YAML = (".yaml", ".yml")
_NOT_A_RECORD = "This is not the record of a trial"


@dataclass(frozen=True)
class Trial:
    """What one training needs, as plain values that can be read and written as JSON or YAML.

    A trial may be incomplete until it is run. Unknown keys and values are rejected at once.

    Args:
        name: The name of the trial in tables and figures.
        data: How images become batches: `target_size` (height, width), `batch_size`,
            `rescale` (a factor or `None`) or `standardize` (by the mean and standard deviation
            of the training images), `interpolation`, `augmentation` (arguments of
            `ImageDataGenerator`), `test_time_augmentation` (as in `predict_flow`), and `split`:
            what the study needs to split the images.
        model: A network (`network`, one of the studies' or your own as `"module:function"`,
            with its options) or a backbone with a head (`backbone`, with the arguments of
            `transfer_model`).
        training: `optimizer` (`name` and arguments of `make_optimizer`), `epochs`, and
            optionally `steps_per_epoch`, `schedule` and `warmup` (as in `make_schedule`),
            `lower_each_epoch` (a factor from 0 to 1), `layer_rates` (as in `make_optimizer`),
            `early_stopping` (arguments of Keras's `EarlyStopping`), `weight_averaging` (arguments
            of `WeightAveraging`), `label_smoothing` (as in `cross_entropy`),
            `batch_augmentation` and `cached_augmented_epochs` (as in `fit`), `unfreeze_from` (a
            layer), `linear_probe` (whether the last layer starts as `fit_linear_probe` sets it),
            `keep_best` (whether the phase with the lowest validation loss decides the weights),
            `temperature_scaling` (whether the last layer is scaled so that probabilities are
            calibrated on validation), `minutes` (after which training ends), `devices` and
            `mixed_precision` (as in `fit`), and the phases before and after: `source` (with
            `freeze_to`, a layer) and `fine_tune` (with `from`, a layer, and `augmentation`), each
            with an `optimizer` and `epochs` of its own.
        seed: The seed of weights, dropout, shuffling and augmentation.
        files: A digest of the files of each split.

    Raises:
        ValueError: If a key is unknown or a value out of range.

    Example:
        >>> trial = Trial("adam", {"batch_size": 50}, {"network": "version_1"}, {"epochs": 30})
        >>> Trial.from_json(trial.to_json()) == trial
        True
        >>> trial.with_training(epoch=5)
        Traceback (most recent call last):
            ...
        ValueError: Trial 'adam': Unknown key 'epoch' in training. Did you mean 'epochs'?
    """

    name: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    seed: int = 0
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(asdict(self))

    @cached_property
    def settings(self) -> TrialSettings:
        """The settings as typed sections, with the defaults filled in.

        Raises:
            ValueError: If the record lacks a setting without which it cannot be run.
        """
        return read_settings(asdict(self))

    @property
    def folder(self) -> str:
        """The name of its folder of results: the trial's name and a digest of the record."""
        digest = hashlib.sha256(self.to_json().encode()).hexdigest()
        return f"{self.name}-{digest[:10]}"

    @property
    def split(self) -> Mapping[str, Any]:
        """The settings of the split, as the study reads them."""
        split: Mapping[str, Any] = self.data.get("split", {})
        return split

    @property
    def fold(self) -> int:
        """The fold that is left out of training, from 1; 0 if there are no folds."""
        return int(self.split.get("fold", 0))

    @property
    def measured_on(self) -> str:
        """A digest of the images not trained on: the same for trials that share them."""
        files = {split: digest for split, digest in self.files.items() if split not in TRAINED_ON}
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:10]

    def with_training(self, **changes: Any) -> Self:
        """Return the trial with some training settings changed."""
        return replace(self, training={**self.training, **changes})

    def with_data(self, **changes: Any) -> Self:
        """Return the trial with some data settings changed."""
        return replace(self, data={**self.data, **changes})

    def with_model(self, **changes: Any) -> Self:
        """Return the trial with some model settings changed."""
        return replace(self, model={**self.model, **changes})

    def on_files(self, digests: Mapping[str, str]) -> Self:
        """Return the trial with the digests of the files it runs on, one for each split."""
        return replace(self, files=dict(digests))

    def described(self) -> dict[str, Any]:
        """Return the settings for readers: the record without its name."""
        return {name: value for name, value in asdict(self).items() if name != "name"}

    def to_json(self) -> str:
        """Return the record as JSON, the same text for the same record."""
        return json.dumps(asdict(self), sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record that `to_json` wrote.

        Raises:
            ValueError: If the text is not a JSON object with a trial's fields, or a setting is
                unknown.
        """
        try:
            return cls._from_record(json.loads(text))
        except json.JSONDecodeError as error:
            raise ValueError(f"{_NOT_A_RECORD}: {error}.") from error

    def to_yaml(self) -> str:
        """Return the record as YAML."""
        text: str = yaml.dump(asdict(self), Dumper=_Dumper, sort_keys=False)
        return text

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a record that `to_yaml` or a person wrote.

        Only plain values are read; a tag that would run code is rejected.

        Raises:
            ValueError: If the text is not a YAML mapping with a trial's fields, or a setting is
                unknown.

        Example:
            >>> text = "{name: a, data: {}, model: {}, training: {optimizer: {name: adam}}}"
            >>> Trial.from_yaml(text).training
            {'optimizer': {'name': 'adam'}}
        """
        try:
            record = yaml.load(text, Loader=_Loader)
            # By way of JSON: dates and the like have no place in a record.
            return cls._from_record(json.loads(json.dumps(record)))
        except (yaml.YAMLError, TypeError, RecursionError) as error:
            raise ValueError(f"{_NOT_A_RECORD}: {error}") from error

    @classmethod
    def _from_record(cls, record: Any) -> Self:
        if not isinstance(record, dict):
            raise ValueError(f"{_NOT_A_RECORD}: expected a mapping. Received: {record!r}.")
        known = [each.name for each in fields(cls)]
        for key in record:
            if key not in known:
                raise ValueError(f"{_NOT_A_RECORD}: {describe_unknown_key(key, '', known)}")
        for key in known[:4]:
            if key not in record:
                raise ValueError(f"{_NOT_A_RECORD}: {key!r} is missing.")
        check_settings(record)
        return cls(**record)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a record from a file: YAML if its name ends in `.yaml` or `.yml`, else JSON.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it does not hold the record of a trial.
        """
        text = Path(path).read_text(encoding="utf-8")
        return cls.from_yaml(text) if Path(path).suffix in _YAML else cls.from_json(text)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the record to a file: YAML if its name ends in `.yaml` or `.yml`, else JSON."""
        with atomic_file(path) as temporary:
            text = self.to_yaml() if Path(path).suffix in _YAML else self.to_json()
            temporary.write_text(text, encoding="utf-8")


class _Loader(yaml.SafeLoader):
    """Reads plain values only, so that nothing in a file is ever run."""


class _Dumper(yaml.SafeDumper):
    """Writes repeated values in full, without aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# PyYAML takes 1e-4 for text, as YAML 1.1 does; to people and to JSON it is a number.
for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def with_changes(trials: list[Trial], changes: Mapping[str, Any]) -> list[Trial]:
    """Change settings in every trial that has them.

    Every optimizer has a `learning_rate`, even if the trial leaves it to Keras, and every training
    has `devices` and `mixed_precision`.

    Args:
        trials: The trials.
        changes: New values by the path of the setting in the record, such as
            `data.batch_size` or `training.optimizer.learning_rate`.

    Returns:
        The trials in their order, changed.

    Raises:
        ValueError: If no trial has such a setting, or the new value is out of range.

    Example:
        >>> trial = Trial("adam", {"batch_size": 50}, {"network": "n"}, {"epochs": 3})
        >>> with_changes([trial], {"data.batch_size": 32})[0].data
        {'batch_size': 32}
    """
    for path, value in changes.items():
        known = sorted({name for trial in trials for name in _paths(asdict(trial))})
        if path not in known:
            near = get_close_matches(path, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
            raise ValueError(f"No trial has a setting {path!r}. {hint}")
        trials = [
            _changed(trial, path, value) if path in _paths(asdict(trial)) else trial
            for trial in trials
        ]
    return trials


_CHANGEABLE = ("data", "model", "training")
# What can be changed where it is not written down: by the section that has it.
_OPTIONAL = {
    "optimizer": {"learning_rate": None},
    "training": {"devices": None, "mixed_precision": None},
}


def _paths(record: Mapping[str, Any]) -> list[str]:
    """Return the dotted paths of all settings that can be changed."""

    def below(value: Any, path: str) -> list[str]:
        if not isinstance(value, Mapping):
            return [path]
        keys = {**_OPTIONAL.get(path.rpartition(".")[2], {}), **value}
        return [path] + [name for key in keys for name in below(keys[key], f"{path}.{key}")]

    return [name for part in _CHANGEABLE for name in below(record[part], part)[1:]]


def _changed(trial: Trial, path: str, value: Any) -> Trial:
    record = json.loads(trial.to_json())
    *above, last = path.split(".")
    section = record
    for key in above:
        section = section[key]
    section[last] = value
    return Trial(**record)
