"""The plan of a training: what to train, on which size of images, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ..images.decoding.value_range import DtypeRange, range_setting
from ..studies.trial import Trial
from .probing import INTERPOLATION, ProbeResult
from .speed import Speed

QUALITIES = {"fast": 2.0, "good": 10.0, "best": 60.0}
# Of the time that is left, the share that is planned with: machines are not equally fast always.
_PLANNED = 0.8
# Seconds for compiling a network, and for predictions, tables and the report.
_COMPILING, _REPORT = 40.0, 25.0
# The error of a frozen backbone below which the images are like those it was trained on, and more
# pixels gain more than more training.
_FAMILIAR = 0.05
# Epochs of fine tuning, and the share of the backbone to fine-tune: the first that time allows.
_FINE_TUNING = ((8, 0.8), (5, 0.8), (5, 0.5), (4, 0.3), (3, 0.15))
_MOST_EPOCHS = {"fast": 5, "good": 20, "best": 30}
# Both phases, so that their validation losses can be compared.
_SMOOTHING = 0.1
# The part of the averaged weights that a step keeps.
_AVERAGING = 0.98
# How many epochs with a teacher of three networks take the time of one without.
_TAUGHT = 0.4
_LARGEST_BATCH, _SMALLEST_BATCH = 32, 4
_BATCHES = 8


@dataclass(frozen=True)
class Plan:
    """What a training does, and why.

    Attributes:
        backbone: The pretrained network.
        target_size: Height and width of the images in pixels.
        batch_size: Images in a batch.
        fine_tune_from: The stage of the backbone from which on it is trained; None for the head
            only.
        epochs: Epochs of fine tuning.
        turned: Whether training images are turned by any angle and flipped both ways.
        minutes: The time after which training ends even if it is not done.
        teacher: The folder of a classifier whose probabilities are the labels of the fine tuning.
        reasons: What was found and decided, a line each.
    """

    backbone: str
    target_size: tuple[int, int]
    batch_size: int
    fine_tune_from: str | None
    epochs: int
    turned: bool
    minutes: float
    reasons: tuple[str, ...] = ()
    teacher: str | None = None

    def trial(
        self,
        name: str,
        seed: int,
        weights: str | None,
        split: Mapping[str, Any] | None = None,
        dtype_range: DtypeRange = None,
    ) -> Trial:
        """Return the plan as a trial.

        Args:
            name: The trial's name.
            seed: Its seed.
            weights: The backbone's weights, as for `transfer_model`.
            split: What the study needs to split the images.
            dtype_range: The range of values in the files, as in `read_image`.

        Returns:
            The trial.
        """
        data = {
            "target_size": list(self.target_size),
            "batch_size": self.batch_size,
            "interpolation": INTERPOLATION,
            **range_setting(dtype_range),
            **({"split": dict(split)} if split else {}),
        }
        model = {"backbone": self.backbone, "weights": weights, "head": "pooling", "dropout": 0.2}
        return Trial(name, data, model, self._training(), seed)

    def _training(self) -> dict[str, Any]:
        training: dict[str, Any] = {
            "linear_probe": True,
            "keep_best": True,
            "temperature_scaling": True,
            "minutes": round(self.minutes, 2),
            "optimizer": {"name": "adamw", "learning_rate": 3e-4, "weight_decay": 0.01},
            "schedule": "cosine",
            "label_smoothing": _SMOOTHING,
            "epochs": 3,
        }
        if self.fine_tune_from is not None:
            training["fine_tune"] = {
                "from": self.fine_tune_from,
                "optimizer": {
                    "name": "adamw",
                    "learning_rate": 1e-3,
                    "weight_decay": 0.05,
                    "clipnorm": 1.0,
                },
                "layer_rates": 0.7,
                "schedule": "cosine",
                "warmup": 0.1,
                "label_smoothing": _SMOOTHING,
                "weight_averaging": {"ema_momentum": _AVERAGING},
                "early_stopping": {
                    "monitor": "val_loss",
                    "patience": self.epochs,
                    "restore_best_weights": True,
                },
                "augmentation": augmentation(self.turned),
                "epochs": self.epochs,
                **({"teacher": self.teacher} if self.teacher else {}),
            }
        return training

    def taught_by(self, teacher: str) -> Self:
        """Return the plan of a network that learns from a classifier, in as much time.

        Args:
            teacher: The classifier's folder.
        """
        return replace(self, teacher=teacher, epochs=max(1, round(_TAUGHT * self.epochs)))

    def with_reasons(self, reasons: Sequence[str]) -> Self:
        """Return the plan with reasons before its own."""
        return replace(self, reasons=(*reasons, *self.reasons))

    def to_record(self) -> dict[str, Any]:
        """Return the plan as values that JSON can represent."""
        return asdict(self) | {"target_size": list(self.target_size), "reasons": list(self.reasons)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read a plan that `to_record` wrote."""
        size, reasons = tuple(record["target_size"]), tuple(record["reasons"])
        return cls(**{**record, "target_size": size, "reasons": reasons})


def augmentation(turned: bool) -> dict[str, Any]:
    """Return the augmentation of the fine tuning, as arguments of `ImageDataGenerator`.

    Args:
        turned: Whether the images show the same upside down.

    Returns:
        The arguments.

    Example:
        >>> augmentation(turned=False)["rotation_range"]
        15
    """
    return {
        "rotation_range": 180 if turned else 15,
        "width_shift_range": 0.08,
        "height_shift_range": 0.08,
        "zoom_range": 0.15,
        "channel_shift_range": 15.0,
        "horizontal_flip": True,
        "vertical_flip": turned,
        "fill_mode": "reflect",
    }


@dataclass(frozen=True)
class Workload:
    """How many images each part of a training looks at, and the time there is for it.

    Attributes:
        training: Images to train on.
        validation: Images to validate on after every epoch.
        test: Images that are predicted once, at the end.
        seconds: The time until all must be done.
    """

    training: int
    validation: int
    test: int
    seconds: float

    def frozen_pass(self, speed: Speed) -> float:
        """Return the seconds of computing the frozen backbone once, and the last predictions."""
        once = self.training + self.validation
        return (
            _COMPILING
            + _REPORT
            + once * speed.reading
            + (once + self.validation + self.test) * speed.forward
        )

    def epochs(self, speed: Speed, stage: str) -> int:
        """Return how many epochs of fine tuning from a stage on there is time for."""
        left = self.seconds - self.frozen_pass(speed)
        epoch = self.training * speed.training_from(stage) + self.validation * speed.forward
        return max(0, int(_PLANNED * left / epoch))


def affordable(work: Workload, speed: Speed, share: float = 0.5) -> bool:
    """Return whether a frozen backbone takes no more than a share of the time."""
    return work.frozen_pass(speed) <= max(share * work.seconds, _COMPILING + _REPORT)


def make_plan(
    probes: Sequence[ProbeResult],
    work: Workload,
    quality: str = "good",
    batch_size: int | None = None,
) -> Plan:
    """Decide how to train.

    Args:
        probes: How frozen backbones do on them, one or more.
        work: The number of images and the time.
        quality: `"fast"`, `"good"` or `"best"`.
        batch_size: Images in a batch; None chooses.

    Returns:
        The plan.
    """
    best = min(probes, key=lambda probe: probe.loss)
    options = [(probe, *_fine_tuning(work, probe.speed, quality)) for probe in probes]
    familiar = 1 - best.accuracy <= _FAMILIAR
    if familiar or quality == "fast":
        chosen = best
        why = (
            f"The frozen network {best.short_of}: the images are like "
            "those it was trained on, so that their size matters most."
            if familiar
            else "There is time for the head only."
        )
    else:
        # More layers and epochs first, then the better frozen network.
        chosen = max(options, key=lambda each: (_depth(each), -each[0].loss))[0]
        why = (
            f"The frozen network {chosen.short_of}, so that its layers must learn what these "
            "images show."
        )
    stage, epochs = _fine_tuning(work, chosen.speed, quality)
    if quality == "fast":
        stage, epochs = None, 0
    turned = not any(probe.turning.is_clear for probe in probes)
    reasons = [f"{chosen.backbone} at {chosen.size[0]} × {chosen.size[1]} pixels. {why}"]
    if stage:
        reasons.append(f"Fine tuning from {stage} on, {epochs} epochs.")
        reasons.append(
            "Training images are turned by any angle: upside down they show the same."
            if turned
            else "Training images are not turned over: upside down they show something else."
        )
    elif quality != "fast":
        reasons.append("No fine tuning: too little time for three epochs.")
    left = work.seconds - _REPORT - (work.validation + work.test) * chosen.speed.forward
    return Plan(
        chosen.backbone,
        chosen.size,
        batch_size or _batch_size(work),
        stage,
        epochs,
        turned,
        max(left, _COMPILING) / 60,
        tuple(reasons),
    )


def _depth(option: tuple[ProbeResult, str | None, int]) -> float:
    probe, stage, _ = option
    return 0.0 if stage is None else probe.speed.shares[stage]


def _fine_tuning(work: Workload, speed: Speed, quality: str) -> tuple[str | None, int]:
    """Return the stage from which on to fine-tune, and the number of epochs."""
    for epochs, share in _FINE_TUNING:
        stage = _stage_from(speed.shares, share)
        possible = work.epochs(speed, stage)
        if possible >= epochs:
            return stage, min(possible, _MOST_EPOCHS[quality])
    return None, 0


def _stage_from(shares: Mapping[str, float], most: float) -> str:
    """Return the first stage from which on the network does at most a share of its work."""
    return next((name for name, share in shares.items() if share <= most), list(shares)[-1])


def _batch_size(work: Workload) -> int:
    fitting = work.training // _BATCHES
    return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, fitting))
