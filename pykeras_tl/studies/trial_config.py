"""The settings of a trial as typed sections, which reject unknown keys and values."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from ..images.decoding.resizing import validate_interpolation
from ..images.decoding.value_range import as_dtype_range
from ..images.transforms.augmenter import Augmenter

# A record may be created, read and written before it is complete, but not run.
_MISSING = "missing"
_OLD_KEYS = {"augmented_passes": "cached_augmented_epochs"}


def _interpolation(name: str) -> str:
    validate_interpolation(name)
    return name


def _augmentation(options: dict[str, Any]) -> dict[str, Any]:
    # `rescale` applies to all images, and is a key of the section itself.
    known = [key for key in inspect.signature(Augmenter).parameters if key != "rescale"]
    for key in options:
        if key not in known:
            raise PydanticCustomError("unknown_key", describe_unknown_key(key, "{section}", known))
    return options


_Augmentation = Annotated[dict[str, Any], AfterValidator(_augmentation)]


class _Section(BaseModel):
    # Strict: the text "16" is not a number. (Tuples, which are lists in JSON, opt out.)
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OptimizerSettings(_Section):
    """An optimizer of Keras, as `make_optimizer` takes it.

    Its further options, such as `momentum`, depend on the optimizer and are checked with it.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str
    learning_rate: PositiveFloat | None = None
    decay: NonNegativeFloat = 0.0

    def options(self) -> dict[str, Any]:
        """Return the given options, without the name."""
        return self.model_dump(exclude_unset=True, exclude={"name"})


class EarlyStoppingSettings(_Section):
    """The arguments of `keras.callbacks.EarlyStopping`, with Keras's defaults."""

    monitor: str = "val_loss"
    min_delta: FiniteFloat = 0
    patience: NonNegativeInt = 0
    verbose: int = 0
    mode: Literal["auto", "min", "max"] = "auto"
    baseline: FiniteFloat | None = None
    restore_best_weights: bool = False
    start_from_epoch: NonNegativeInt = 0


class WeightAveragingSettings(_Section):
    """The arguments of `training.WeightAveraging`, with its defaults."""

    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    start_from_epoch: NonNegativeInt = 0


class PhaseSettings(_Section):
    """The settings of every phase of a training."""

    optimizer: OptimizerSettings
    epochs: PositiveInt
    schedule: Literal["constant", "cosine", "one-cycle"] | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = None
    lower_each_epoch: Annotated[float, Field(gt=0, le=1)] | None = None
    early_stopping: EarlyStoppingSettings | None = None
    cached_augmented_epochs: PositiveInt | None = None
    layer_rates: PositiveFloat | dict[str, PositiveFloat] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    batch_augmentation: list[str] | dict[str, dict[str, Any]] | None = None
    weight_averaging: WeightAveragingSettings | None = None
    teacher: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _rename_old_keys(cls, record: Any) -> Any:
        if not isinstance(record, Mapping):
            return record
        for old, new in _OLD_KEYS.items():
            if old in record:
                warnings.warn(
                    f"The key {old!r} of a trial is now called {new!r}.",
                    FutureWarning,
                    stacklevel=2,
                )
        return {_OLD_KEYS.get(key, key): value for key, value in record.items()}

    @model_validator(mode="after")
    def _one_schedule(self) -> PhaseSettings:
        if self.schedule and self.lower_each_epoch:
            raise PydanticCustomError(
                "two_schedules",
                "Expected either 'schedule' or 'lower_each_epoch' in {section}. Received both.",
            )
        if self.warmup is not None and not self.schedule:
            raise PydanticCustomError(
                "no_schedule", "'warmup' is part of a schedule. Set 'schedule' in {section}."
            )
        if (self.schedule or self.lower_each_epoch) and self.optimizer.learning_rate is None:
            raise PydanticCustomError(
                "no_rate",
                "A schedule starts from a learning rate. Set 'learning_rate' in "
                "{section}.optimizer.",
            )
        return self


class SourcePhase(PhaseSettings):
    """The training on a source set that comes first."""

    freeze_to: str


class FineTuning(PhaseSettings):
    """The fine tuning that follows the training of the head."""

    from_: str = Field(alias="from")
    augmentation: _Augmentation | None = None


class TrainingSettings(PhaseSettings):
    """The main training, with the phases before and after it."""

    steps_per_epoch: PositiveInt | None = None
    unfreeze_from: str | None = None
    linear_probe: bool = False
    keep_best: bool = False
    temperature_scaling: bool = False
    minutes: PositiveFloat | None = None
    devices: PositiveInt | str | list[str] | None = None
    mixed_precision: Literal["mixed_bfloat16", "mixed_float16"] | None = None
    source: SourcePhase | None = None
    fine_tune: FineTuning | None = None

    @model_validator(mode="after")
    def _check_frozen_layers(self) -> TrainingSettings:
        if self.source and self.unfreeze_from:
            raise PydanticCustomError(
                "conflicting_keys",
                "After a 'source' phase the layers up to 'freeze_to' are frozen. Remove "
                "'unfreeze_from' from {section}.",
            )
        return self


class DataSettings(_Section):
    """How images become batches."""

    target_size: Annotated[tuple[PositiveInt, PositiveInt], Field(strict=False)]
    batch_size: PositiveInt
    rescale: FiniteFloat | None = None
    standardize: bool = False
    interpolation: Annotated[str, AfterValidator(_interpolation)] = "nearest"
    dtype_range: Annotated[Any, AfterValidator(as_dtype_range)] = None
    augmentation: _Augmentation | None = None
    split: dict[str, Any] = {}
    test_time_augmentation: Literal["hflip", "flips", "d4"] | None = None


class ModelSettings(_Section):
    """A network, or a backbone with a head; all other keys are options of what is named."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    network: str | None = None
    backbone: str | None = None
    divide_by_255: bool = False
    binary: bool = False

    @model_validator(mode="after")
    def _one_model(self) -> ModelSettings:
        if self.network and self.backbone:
            raise PydanticCustomError(
                "two_models", "Expected either 'network' or 'backbone' in {section}. Received both."
            )
        if not (self.network or self.backbone):
            raise PydanticCustomError(_MISSING, "Expected 'network' or 'backbone' in {section}.")
        return self

    @property
    def class_mode(self) -> Literal["binary", "categorical"]:
        """How classes become labels: two classes may share one unit."""
        return "binary" if self.binary else "categorical"

    def options(self) -> dict[str, Any]:
        """Return the options of the network or of `transfer_model`."""
        ours = {"network", "backbone", "divide_by_255"}
        return self.model_dump(exclude_unset=True, exclude=ours)


class TrialSettings(_Section):
    """The complete record of a trial."""

    name: str
    data: DataSettings
    model: ModelSettings
    training: TrainingSettings
    seed: int = 0
    files: dict[str, str] = {}


_SECTIONS: dict[str, type[BaseModel]] = {
    "": TrialSettings,
    "data": DataSettings,
    "model": ModelSettings,
    "training": TrainingSettings,
    "optimizer": OptimizerSettings,
    "early_stopping": EarlyStoppingSettings,
    "weight_averaging": WeightAveragingSettings,
    "source": SourcePhase,
    "fine_tune": FineTuning,
}


def read_settings(record: Mapping[str, Any]) -> TrialSettings:
    """Parse the record of a trial.

    Args:
        record: `name`, `data`, `model`, `training`, and optionally `seed` and `files`.

    Returns:
        The settings, with the defaults filled in.

    Raises:
        ValueError: If a key is unknown or missing, or a value out of range. The message names
            the trial, the place and the nearest known key.

    Example:
        >>> record = {
        ...     "name": "a",
        ...     "data": {"target_size": [32, 32], "batch_size": 16},
        ...     "model": {"network": "soco.network"},
        ...     "training": {"optimizer": {"name": "adam"}, "epochs": 3},
        ... }
        >>> read_settings(record).data.interpolation
        'nearest'
        >>> read_settings({**record, "data": {"batch_sise": 16}})
        Traceback (most recent call last):
            ...
        ValueError: Trial 'a': Unknown key 'batch_sise' in data. Did you mean 'batch_size'?
    """
    try:
        return TrialSettings.model_validate(record)
    except ValidationError as error:
        # Report missing keys last: one may be missing because it is misspelt.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] == _MISSING)
        raise ValueError(f"Trial {record.get('name')!r}: {_message(first)}") from None


def check_settings(record: Mapping[str, Any]) -> None:
    """Check the record of a trial, which may be incomplete.

    Args:
        record: As for `read_settings`; keys may be missing.

    Raises:
        ValueError: If a key is unknown or a value out of range.

    Example:
        >>> check_settings({"name": "a", "training": {"schedule": "cosin"}})
        Traceback (most recent call last):
            ...
        ValueError: Trial 'a': Expected training.schedule to be 'constant', ... Received: 'cosin'.
    """
    try:
        TrialSettings.model_validate(record)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            if each["type"] != _MISSING:
                raise ValueError(f"Trial {record.get('name')!r}: {_message(each)}") from None


def check_options(
    name: str, section: str, options: Iterable[str], known: Iterable[str] | None
) -> None:
    """Check the names of options that depend on what a trial names.

    Args:
        name: The trial's name.
        section: Where the options are, such as `"model"`.
        options: The names of the options.
        known: The names that are accepted; None accepts all.

    Raises:
        ValueError: If a name is unknown.

    Example:
        >>> check_options("a", "model", ["binry"], ["binary", "one_by_one"])
        Traceback (most recent call last):
            ...
        ValueError: Trial 'a': Unknown key 'binry' in model. Did you mean 'binary'?
    """
    if known is None:
        return
    accepted = list(known)
    for key in options:
        if key not in accepted:
            raise ValueError(f"Trial {name!r}: {describe_unknown_key(key, section, accepted)}")


def _message(error: ErrorDetails) -> str:
    *above, last = map(str, error["loc"]) if error["loc"] else ("",)
    section = ".".join(above)
    if error["type"] == "extra_forbidden":
        model = _SECTIONS[above[-1] if above else ""]
        known = [field.alias or key for key, field in model.model_fields.items()]
        return describe_unknown_key(last, section, known)
    place = f"{section}.{last}" if section else last
    if error["type"] == _MISSING:
        return error["msg"].format(section=place) if "{" in error["msg"] else f"{place} is missing."
    if "{section}" in error["msg"]:
        return error["msg"].format(section=place)
    if not error["msg"].startswith("Input should "):
        return f"{place}: {error['msg'].removeprefix('Value error, ')}"
    expected = error["msg"].removeprefix("Input should ")
    return f"Expected {place} to {expected}. Received: {error['input']!r}."


def describe_unknown_key(key: str, section: str, known: list[str]) -> str:
    """Name an unknown key, where it is, and the nearest known one."""
    near = get_close_matches(key, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
    return f"Unknown key {key!r} in {section or 'the record'}. {hint}"
