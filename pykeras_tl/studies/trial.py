"""A trial: the plain record of one training, named by what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Trial:
    """What one training needs, as plain values that read and write as JSON.

    Args:
        name: What the tables and pictures call the trial.
        data: How pictures become batches: `target_size` (height, width), `batch_size`,
            `rescale` (a factor or `None`) and `augmentation` (arguments of
            `ImageDataGenerator`).
        model: A network of the studies (`network`, with its options) or a backbone with a
            head (`backbone`, with the arguments of `transfer_model`).
        training: `optimizer` (arguments of `make_optimizer`), `epochs`, and where they
            apply `steps_per_epoch`, `schedule` and `fine_tune`.
        seed: The seed of weights, dropout, shuffling and augmentation.

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

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record from a file."""
        return cls.from_json(path.read_text(encoding="utf-8"))
