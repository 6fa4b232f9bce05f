"""The training configuration of HDF5 model files, as Keras 2 and Keras 3 write it.

Optimizers, losses and metrics are made from lists of Keras's own classes; whatever else a file
names is refused.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h5py
import keras
import numpy as np

from ..keras_internals import hdf5_names

_logger = logging.getLogger(__name__)

# Metrics allocate what these settings claim.
_MAX_METRIC_SIZE = 4096
# Names that Keras 3 no longer has.
_RENAMED = {
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
# What `compile` replaces by a metric that fits the loss.
_CHOSEN_BY_COMPILE = ("accuracy", "acc", "crossentropy", "ce")
_WRAPPERS = ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")
# Variables of optimizers that belong to no weight of the model.
_NO_SLOTS = (
    "current_learning_rate", "current_loss_scale", "decay", "good_steps", "iter", "iteration",
    "learning_rate",
)  # fmt: skip


def compile_arguments(
    training: dict[str, Any], outputs: Sequence[str], custom: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `compile` takes from the training configuration of an HDF5 file.

    Args:
        training: The configuration as saved.
        outputs: The names of the model's outputs.
        custom: The user's own objects by name.

    Returns:
        The arguments of `compile`.

    Raises:
        ValueError: When it names anything but Keras's own optimizers, losses and metrics, and the
            user's.

    Example:
        >>> optimizer = {"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.1}}
        >>> made = compile_arguments({"optimizer_config": optimizer, "loss": "mse"}, ["dense"], {})
        >>> float(made["optimizer"].learning_rate), made["loss"]
        (0.5, 'mse')
    """

    def metrics(saved: Any) -> Any:
        if isinstance(saved, list) and len(saved) == len(outputs) > 1:
            saved = [_without_output(name, each) for name, each in zip(outputs, saved)]
        made = _map_nested(lambda item: _metric(item, custom), saved)
        # Keras 2 listed the metrics for each output, also when there was one.
        one_output = isinstance(made, list) and len(made) == 1 and isinstance(made[0], list)
        return made[0] if one_output else made

    return {
        "optimizer": _optimizer(training["optimizer_config"], custom),
        "loss": _map_nested(lambda item: _loss(item, custom), training.get("loss")),
        "metrics": metrics(training.get("metrics")),
        "weighted_metrics": metrics(training.get("weighted_metrics")),
        "loss_weights": training.get("loss_weights"),
    }


def load_optimizer_state(
    model: keras.Model, file: h5py.File, keras_2: dict[str, Any] | None
) -> None:
    """Set the state of a compiled model's optimizer to the one in an HDF5 file.

    A state that does not fit is left out, with a warning in the log.

    Args:
        model: The model.
        file: The file, open.
        keras_2: The optimizer as saved by Keras 2; None in files by Keras 3.
    """
    if "optimizer_weights" not in file:
        return
    group = file["optimizer_weights"]
    saved = {name: np.asarray(group[name]) for name in hdf5_names(group, "weight_names")}
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    pairs: list[tuple[Any, np.ndarray]] | None
    if keras_2 is None:
        pairs = list(zip(optimizer.variables, saved.values()))
        pairs = pairs if len(saved) == len(optimizer.variables) else None
    else:
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        config = keras_2["config"]
        config = config.get("inner_optimizer", {}).get("config", config)
        by_slot = config.get("is_legacy_optimizer") is not False
        pairs = _paired(optimizer, model.trainable_variables, saved, by_slot)
    if pairs is None or any(variable.shape != value.shape for variable, value in pairs):
        _logger.warning(
            "The optimizer's state in %s does not fit %s of this Keras. Training the model further "
            "starts with a new state.",
            file.filename,
            type(optimizer).__name__,
        )
        return
    for variable, value in pairs:
        variable.assign(value)


def _optimizer(saved: Any, custom: Mapping[str, Any]) -> Any:
    own = _own(saved, custom)
    if own is not None:
        return own
    config = dict(saved["config"])
    if "inner_optimizer" in config:
        inner = _optimizer(config["inner_optimizer"], custom)
        scale = keras.optimizers.LossScaleOptimizer
        return scale(inner, **_accepted(scale, config, without="inner_optimizer"))
    kind = _class(saved["class_name"], keras.optimizers, keras.optimizers.Optimizer)
    rate = config.pop("lr", None)
    rate = config.pop("learning_rate", rate)
    if isinstance(rate, dict):
        rate = _own(rate, custom) or _schedule(rate)
    decay = config.pop("decay", 0.0)
    if decay and rate is not None and not callable(rate):
        # The decay of Keras 2's optimizers, at every batch.
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
    return kind(**_accepted(kind, {**config, "learning_rate": rate}))


def _schedule(saved: dict[str, Any]) -> Any:
    schedules = keras.optimizers.schedules
    kind = _class(saved["class_name"], schedules, schedules.LearningRateSchedule)
    return kind(**_accepted(kind, saved["config"]))


def _loss(saved: Any, custom: Mapping[str, Any]) -> Any:
    if isinstance(saved, str):
        return custom[saved] if saved in custom else _known(saved, keras.losses.get)
    own = _own(saved, custom)
    if own is not None:
        return own
    kind = _class(saved["class_name"], keras.losses, keras.Loss)
    config = dict(saved["config"])
    if config.get("reduction") == "auto":
        del config["reduction"]
    return kind(**_accepted(kind, config))


def _metric(saved: Any, custom: Mapping[str, Any]) -> Any:
    if isinstance(saved, str):
        if saved in custom:
            return custom[saved]
        return saved if saved in _CHOSEN_BY_COMPILE else _known(saved, keras.metrics.get)
    own = _own(saved, custom)
    if own is not None:
        return own
    config = dict(saved["config"])
    if saved["class_name"] in _WRAPPERS:
        return _wrapped(config["fn"], config.get("name"), custom)
    kind = _class(saved["class_name"], keras.metrics, keras.Metric)
    for key, value in config.items():
        if isinstance(value, int) and value > _MAX_METRIC_SIZE:
            raise ValueError(f"Expected {key} of at most {_MAX_METRIC_SIZE}. Received: {value}.")
    return kind(**_accepted(kind, config))


def _without_output(output: str, saved: Any) -> Any:
    """Return an output's metrics without its name in theirs, which Keras 3 would repeat."""

    def renamed(metric: Any) -> Any:
        if not isinstance(metric, dict) or not metric["config"].get("name"):
            return metric
        name = metric["config"]["name"].removeprefix(f"{output}_")
        return {**metric, "config": {**metric["config"], "name": name}}

    return _map_nested(renamed, saved)


def _wrapped(function: Any, name: Any, custom: Mapping[str, Any]) -> Any:
    """Return the metric that Keras 2 saved as a function and the name it was given."""
    if function in custom:
        return keras.metrics.MeanMetricWrapper(custom[function], name=name)
    function = _RENAMED.get(function, function)
    try:
        # A class of its own, unlike the wrapper, tells callbacks which direction is better.
        return type(keras.metrics.get(function))(name=name)
    except ValueError:
        known = _known(function, keras.losses.get)
        return keras.metrics.MeanMetricWrapper(keras.losses.get(known), name=name)


def _known(name: str, get: Callable[[str], Any]) -> str:
    name = _RENAMED.get(name, name)
    try:
        get(name)
    except ValueError as error:
        raise ValueError(
            f"Expected the name of a loss or metric of Keras. Received: {name!r}."
        ) from error
    return name


def _own(saved: Any, custom: Mapping[str, Any]) -> Any:
    kind: Any
    name = saved["class_name"]
    for key in (name, name.rpartition(">")[2]):
        if key in custom:
            kind = custom[key]
            return kind.from_config(saved["config"]) if hasattr(kind, "from_config") else kind
    return None


def _class(name: str, module: Any, base: type) -> Any:
    # Keras 2 registered its newer optimizers as the user's own.
    plain = name.removeprefix("Custom>").lower()
    for each, kind in vars(module).items():
        if each.lower() == plain and isinstance(kind, type) and issubclass(kind, base):
            return kind
    raise ValueError(f"Expected a class of {module.__name__}. Received: {name!r}.")


def _accepted(kind: Any, config: Mapping[str, Any], without: str = "") -> dict[str, Any]:
    """Leave out what Keras 3 has no argument for, and what was not set."""
    accepted = inspect.signature(kind).parameters
    return {
        key: value
        for key, value in config.items()
        if key in accepted and key != without and value is not None and not isinstance(value, dict)
    }


def _map_nested(function: Callable[[Any], Any], saved: Any) -> Any:
    if saved is None:
        return None
    if isinstance(saved, list):
        return [_map_nested(function, item) for item in saved]
    if isinstance(saved, dict) and "class_name" not in saved:
        return {key: _map_nested(function, item) for key, item in saved.items()}
    return function(saved)


def _paired(
    optimizer: Any, trained: list[Any], saved: Mapping[str, np.ndarray], by_slot: bool
) -> list[tuple[Any, np.ndarray]] | None:
    """Pair an optimizer's variables with the values that Keras 2 saved.

    Args:
        optimizer: The optimizer, built.
        trained: The variables that it trains.
        saved: The values by their names in the file, in the file's order.
        by_slot: Whether the file lists one slot of all weights and then the next, as Keras 2's
            older optimizers did; the newer ones list all slots of one weight and then the next.

    Returns:
        The pairs; None when the values do not fit.
    """
    iterations = [name for name in saved if _base(name) in ("iter", "iteration")]
    names = [name for name in saved if _base(name) not in _NO_SLOTS]
    slots = [each for each in optimizer.variables if each.name not in _NO_SLOTS]
    if not names and not iterations:
        return []
    pairs = [(optimizer.iterations, saved[name]) for name in iterations]
    if not slots or not names:
        # Plain gradient descent in Keras 3 has no slots; untrained optimizers had none saved.
        return pairs
    if len(names) != len(slots) or not iterations:
        return None
    if by_slot:
        names = [name for index in range(len(trained)) for name in names[index :: len(trained)]]
    for index, (slot, name) in enumerate(zip(slots, names)):
        weight = trained[index * len(trained) // len(slots)]
        if "_".join(weight.path.split("/")[-2:]) not in name.replace("/", "_"):
            return None
        pairs.append((slot, saved[name]))
    return pairs


def _base(name: str) -> str:
    return name.split("/")[-1].partition(":")[0]
