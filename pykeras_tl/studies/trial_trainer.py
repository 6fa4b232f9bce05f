"""Trials as members of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from ..ensembles.members import Member
from .trial import Trial


@dataclass(frozen=True)
class TrialTrainer:
    """Trains a trial on tables of files; give it to `bag`, `boost` and the others.

    Args:
        trial: Its data, model and training settings count; its own split and seed do not.

    Example:
        >>> from .study import Settings, get_study
        >>> TrialTrainer(get_study("basenet").trials(Settings())[-1]).trial.name
        'basenet-2-3'
    """

    trial: Trial

    def __call__(self, table: pd.DataFrame, seed: int) -> Member:
        """Train a member.

        Args:
            table: Images with the columns `filename` and `class`, and `weight` where they
                weigh differently.
            seed: Of the weights, the order and the augmentation.

        Returns:
            The trained member.

        Raises:
            ValueError: When images weigh differently that lie together in one file.
        """
        from ..evaluation import predict_flow
        from .data_splits import part_flows
        from .trial_runner import build_model, train_model

        trial = replace(self.trial, seed=seed)
        flows = part_flows(trial, {"train": table})
        model = build_model(trial, classes=len(flows["train"].class_names or ()))
        train_model(model, trial, flows)

        def predict(rows: pd.DataFrame) -> pd.DataFrame:
            return predict_flow(model, part_flows(trial, {"train": table, "test": rows})["test"])

        return predict
