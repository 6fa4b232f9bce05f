"""Trials as trainers of ensemble members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..ensembles.members import Member
from .trial import Trial


@dataclass(frozen=True)
class TrialTrainer:
    """Trains a trial on a table of files, for `bag`, `boost` and the other ensembles.

    Args:
        trial: Its data, model and training settings are used; its split and seed are not, nor
            early stopping that monitors validation: a member is trained on all images it is given.

    Example:
        >>> from .study import Settings, get_study
        >>> TrialTrainer(get_study("basenet").trials(Settings())[-1]).trial.name
        'basenet-2-3'
    """

    trial: Trial

    def __call__(self, table: pd.DataFrame, seed: int) -> Member:
        """Train a member.

        Args:
            table: Images with the columns `filename` and `class`, and `weight` if their weights
                differ.
            seed: The seed of the weights, the order and the augmentation.

        Returns:
            The trained member.

        Raises:
            ValueError: If images in one array file have different weights.
        """
        from ..evaluation import predict_flow
        from .data_splits import split_iterators
        from .trial_runner import build_model, train_model

        training = _without_validation(self.trial.training)
        trial = replace(self.trial, seed=seed, training=training)
        iterators = split_iterators(trial, {"train": table})
        model = build_model(trial, classes=len(iterators["train"].class_names or ()))
        train_model(model, trial, iterators)

        def predict(rows: pd.DataFrame) -> pd.DataFrame:
            iterators = split_iterators(trial, {"train": table, "test": rows})
            return predict_flow(model, iterators["test"])

        return predict


def _without_validation(training: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        key: _without_validation(value) if key in ("source", "fine_tune") and value else value
        for key, value in training.items()
    }
    stopping = kept.get("early_stopping")
    if stopping and stopping.get("monitor", "val_loss").startswith("val_"):
        del kept["early_stopping"]
    return kept
