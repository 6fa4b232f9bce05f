"""The settings that a search varies, and from where to where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..images.decoding.value_range import DtypeRange
from ..recipe.plan import Plan, augmentation
from ..studies.trial import Trial

if TYPE_CHECKING:
    import optuna

_BATCH_AUGMENTATION: Mapping[str, list[str]] = {
    "none": [],
    "mixup": ["mixup"],
    "cutmix": ["cutmix"],
}


def suggest_settings(trial: optuna.trial.BaseTrial, stages: Sequence[str]) -> dict[str, Any]:
    """Have Optuna suggest the settings of a training.

    Args:
        trial: Optuna's trial.
        stages: The stages from which on the backbone may be fine-tuned.

    Returns:
        The settings by name.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        >>> settings = suggest_settings(study.ask(), ["block3", "block5"])
        >>> settings["fine_tune_from"] in ["block3", "block5"]
        True
    """
    return {
        "fine_tune_from": trial.suggest_categorical("fine_tune_from", list(stages)),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 5e-3, log=True),
        "layer_rates": trial.suggest_float("layer_rates", 0.4, 1.0),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 0.2, log=True),
        "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.2),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "augmentation": trial.suggest_float("augmentation", 0.0, 2.0),
        "batch_augmentation": trial.suggest_categorical(
            "batch_augmentation", list(_BATCH_AUGMENTATION)
        ),
    }


def planned_settings(plan: Plan) -> dict[str, Any]:
    """Return the settings of a plan, with which a search begins.

    Args:
        plan: A plan with fine tuning.

    Returns:
        The settings by name.
    """
    return {
        "fine_tune_from": plan.fine_tune_from,
        "learning_rate": 1e-3,
        "layer_rates": 0.7,
        "weight_decay": 0.05,
        "label_smoothing": 0.1,
        "dropout": 0.2,
        "augmentation": 1.0,
        "batch_augmentation": "none",
    }


def trial_with(
    settings: Mapping[str, Any],
    plan: Plan,
    name: str,
    seed: int,
    weights: str | None,
    split: Mapping[str, Any],
    dtype_range: DtypeRange = None,
) -> Trial:
    """Return a plan's trial with other settings.

    Args:
        settings: What `suggest_settings` returned.
        plan: The plan, with fine tuning.
        name: The trial's name.
        seed: Its seed.
        weights: The backbone's weights.
        split: What the split depends on.
        dtype_range: The range of values in the files, as in `read_image`.

    Returns:
        The trial.
    """
    trial = replace(plan, fine_tune_from=settings["fine_tune_from"]).trial(
        name, seed, weights, split, dtype_range
    )
    fine_tune = trial.training["fine_tune"]
    smoothing = settings["label_smoothing"]
    batches = _BATCH_AUGMENTATION[settings["batch_augmentation"]]
    optimizer = {
        **fine_tune["optimizer"],
        "learning_rate": settings["learning_rate"],
        "weight_decay": settings["weight_decay"],
    }
    fine_tune = {
        **fine_tune,
        "optimizer": optimizer,
        "layer_rates": settings["layer_rates"],
        "label_smoothing": smoothing,
        "augmentation": _stronger(augmentation(plan.turned), settings["augmentation"]),
        **({"batch_augmentation": batches} if batches else {}),
    }
    return trial.with_model(dropout=settings["dropout"]).with_training(
        label_smoothing=smoothing, fine_tune=fine_tune
    )


def _stronger(settings: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Multiply what an augmentation may change; flips and quarter turns stay."""
    kept = {name: settings[name] for name in ("horizontal_flip", "vertical_flip", "fill_mode")}
    ranges = {name: value * factor for name, value in settings.items() if name not in kept}
    return kept | ranges | {"rotation_range": min(180, ranges["rotation_range"])}
