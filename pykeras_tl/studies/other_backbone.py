"""A study's trials with a backbone other than the published one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..models.backbones.registry import Backbone, get_backbone
from .trial import Trial


def with_backbone(trials: Sequence[Trial], name: str) -> list[Trial]:
    """Add trials with another backbone beside those that rest on a pretrained one.

    The head, the images and the training stay as they are. Fine tuning begins at the stage that
    is as far from the output as the published one; the first stage stays the first.

    Args:
        trials: The trials of a study.
        name: The backbone.

    Returns:
        The trials, and after them one for each that has a backbone; trials that would differ in
        nothing but their name are added once.

    Raises:
        ValueError: If the backbone is unknown, or no trial has one.

    Example:
        >>> from .study import Settings, get_study
        >>> published = get_study("pokemon").trials(Settings())
        >>> [trial.name for trial in with_backbone(published, "efficientnet_lite0")][-1:]
        ['efficientnet_lite0-for-vgg16']
    """
    entry = get_backbone(name)
    added: dict[str, Trial] = {}
    for trial in trials:
        if trial.model.get("backbone"):
            other = _on_backbone(trial, entry)
            content = [other.data, other.model, other.training, other.seed]
            added.setdefault(json.dumps(content, sort_keys=True, default=str), other)
    if not added:
        raise ValueError(
            f"Expected trials that rest on a pretrained backbone, to try {name} beside it. "
            f"Received: {', '.join(dict.fromkeys(trial.name for trial in trials))}."
        )
    return [*trials, *added.values()]


def _on_backbone(trial: Trial, entry: Backbone) -> Trial:
    from ..models.transfer import transfer_model

    old = get_backbone(trial.model["backbone"])
    # Options of the old backbone's constructor mean nothing to the new one.
    known = [*inspect.signature(transfer_model).parameters, "binary"]
    model = {key: value for key, value in trial.model.items() if key in known}
    training = dict(trial.training)
    if training.get("unfreeze_from"):
        training["unfreeze_from"] = _stage(old, entry, training["unfreeze_from"])
    if training.get("fine_tune"):
        phase = training["fine_tune"]
        training["fine_tune"] = {**phase, "from": _stage(old, entry, phase["from"])}
    return replace(
        trial,
        name=f"{entry.name}-for-{trial.name}",
        model={**model, "backbone": entry.name},
        training=training,
    )


def _stage(old: Backbone, new: Backbone, layer: str) -> str:
    stages, others = list(old.stages), list(new.stages)
    index = _index(old.stages, layer)
    if index == 0:
        return others[0]
    return others[max(0, len(others) - len(stages) + index)]


def _index(stages: dict[str, Any], layer: str) -> int:
    """Return the stage in which a layer or stage lies; the last one where its name does not say."""
    names = list(stages)
    if layer in names:
        return names.index(layer)
    fitting = [
        number for number, mark in enumerate(stages.values()) if mark and layer.startswith(mark)
    ]
    if fitting:
        return fitting[-1]
    return 0 if layer.startswith(f"{names[0]}_") else len(names) - 1
