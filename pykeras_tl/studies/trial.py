"""A trial: the plain record of one training, named by what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from ..storage.atomic_files import atomic_file
from .plain_yaml import read_yaml, write_yaml

# The parts that are trained on, in this order.
TRAINED_ON = ("source", "train")
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Trial:
    """What one training needs, as plain values that read and write as JSON or YAML.

    Args:
        name: What the tables and images call the trial.
        data: How images become batches: `target_size` (height, width), `batch_size`,
            `rescale` (a factor or `None`) or `standardize` (by the training part's mean and
            deviation), `augmentation` (arguments of `ImageDataGenerator`), and `split`:
            what the study needs to know to cut the images into parts.
        model: A network (`network`, of the studies or your own as `"module:function"`, with
            its options) or a backbone with a head (`backbone`, with the arguments of
            `transfer_model`).
        training: `optimizer` (arguments of `make_optimizer`), `epochs`, and where they
            apply `steps_per_epoch`, `schedule` (`"cosine"`), `lower_each_epoch` (a factor),
            `early_stopping` (arguments of Keras's `EarlyStopping`), `unfreeze_from`, and the
            phases before and after: `source` (`epochs`, `optimizer`, `freeze_to`) and
            `fine_tune` (`from`, `epochs`, `optimizer`, `augmentation`, …).
        seed: The seed of weights, dropout, shuffling and augmentation.
        files: A digest of each part's images.

    Example:
        >>> trial = Trial("adam", {"batch_size": 50}, {"network": "version_1"}, {"epochs": 30})
        >>> Trial.from_json(trial.to_json()) == trial
        True
    """

    name: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    seed: int = 0
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name of the folder of its results: the trial's name and a digest of the record."""
        digest = hashlib.sha256(self.to_json().encode()).hexdigest()
        return f"{self.name}-{digest[:10]}"

    @property
    def split(self) -> Mapping[str, Any]:
        """What the study cuts the images into parts by."""
        found: Mapping[str, Any] = self.data.get("split", {})
        return found

    @property
    def fold(self) -> int:
        """The fold that is left out of training, from 1; 0 where there are no folds."""
        return int(self.split.get("fold", 0))

    @property
    def measured_on(self) -> str:
        """A digest of the images that are not trained on, the same for trials that share them."""
        parts = {part: files for part, files in self.files.items() if part not in TRAINED_ON}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]

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
        """Return the trial bound to the data it runs on, a digest for each part."""
        return replace(self, files=dict(digests))

    def to_json(self) -> str:
        """Return the record as JSON, the same text for the same record."""
        return json.dumps(asdict(self), sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record that `to_json` wrote.

        Raises:
            ValueError: When the text is no JSON object with a trial's fields.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not the record of a trial: {error}") from error

    def to_yaml(self) -> str:
        """Return the record as YAML."""
        return write_yaml(asdict(self))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a record that `to_yaml` or a person wrote.

        Raises:
            ValueError: When the text is no YAML mapping with a trial's fields.

        Example:
            >>> Trial.from_yaml("{name: a, data: {}, model: {}, training: {epochs: 3}}").training
            {'epochs': 3}
        """
        try:
            record = json.dumps(read_yaml(text))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not the record of a trial: {error}") from error
        return cls.from_json(record)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a record from a file: YAML where its name ends in `.yaml` or `.yml`, else JSON.

        Raises:
            FileNotFoundError: When there is no such file.
            ValueError: When it holds no record of a trial.
        """
        text = Path(path).read_text(encoding="utf-8")
        return cls.from_yaml(text) if Path(path).suffix in _YAML else cls.from_json(text)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the record to a file: YAML where its name ends in `.yaml` or `.yml`, else JSON."""
        with atomic_file(path) as temporary:
            text = self.to_yaml() if Path(path).suffix in _YAML else self.to_json()
            temporary.write_text(text, encoding="utf-8")


def with_changes(trials: list[Trial], changes: Mapping[str, Any]) -> list[Trial]:
    """Change settings in every trial that has them.

    Every optimizer has a `learning_rate`, also where the trial leaves it to Keras.

    Args:
        trials: The trials.
        changes: New values by the setting's place in the record, such as `data.batch_size` or
            `training.optimizer.learning_rate`.

    Returns:
        The trials in their order, changed.

    Raises:
        ValueError: When no trial has such a setting; the message lists those there are.

    Example:
        >>> trial = Trial("adam", {"batch_size": 50}, {"network": "n"}, {"epochs": 3})
        >>> with_changes([trial], {"data.batch_size": 32})[0].data
        {'batch_size': 32}
    """
    for place, value in changes.items():
        known = sorted({name for trial in trials for name in _places(asdict(trial))})
        if place not in known:
            raise ValueError(f"No trial has a setting {place!r}; there are: {', '.join(known)}.")
        trials = [
            _changed(trial, place, value) if place in _places(asdict(trial)) else trial
            for trial in trials
        ]
    return trials


_CHANGEABLE = ("data", "model", "training")


def _places(record: Mapping[str, Any]) -> list[str]:
    def below(value: Any, place: str) -> list[str]:
        if not isinstance(value, Mapping):
            return [place]
        held = {"learning_rate": None, **value} if place.endswith(".optimizer") else value
        return [place] + [name for key in held for name in below(held[key], f"{place}.{key}")]

    return [name for part in _CHANGEABLE for name in below(record[part], part)[1:]]


def _changed(trial: Trial, place: str, value: Any) -> Trial:
    record = json.loads(trial.to_json())
    *way, last = place.split(".")
    inner = record
    for key in way:
        inner = inner[key]
    inner[last] = value
    return Trial(**record)
