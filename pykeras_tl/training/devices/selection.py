"""Which devices a training runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras

from ...images.iterators.base import Iterator

Devices: TypeAlias = int | str | Sequence[str] | None


def find_devices(devices: Devices) -> list[str]:
    """Return the devices to train on, by the names that Keras gives them.

    Args:
        devices: A number of devices; `"all"`; or names such as `["gpu:0", "gpu:1"]`, as
            `keras.distribution.list_devices()` returns them.

    Returns:
        The names; none where it is the one device that Keras would use anyway.

    Raises:
        ValueError: When there are no such devices, or on torch, several are asked for.

    Example:
        >>> find_devices(None), find_devices(1)
        ([], [])
        >>> find_devices(["gpu:100"])
        Traceback (most recent call last):
            ...
        ValueError: Expected `devices` to be some of 'cpu:0'. Received: ['gpu:100'].
    """
    if devices is None or devices == 1:
        return []
    if keras.backend.backend() not in ("tensorflow", "jax"):
        raise ValueError(
            f"Expected one device on {keras.backend.backend()}. Received: devices={devices!r}. "
            "Set KERAS_BACKEND to jax or tensorflow before Keras is imported to train on several."
        )
    known = [name.lower() for name in keras.distribution.list_devices()]
    if devices == "all":
        chosen = known
    elif isinstance(devices, int):
        if not 1 <= devices <= len(known):
            raise ValueError(
                f"Expected `devices` from 1 to {len(known)}, which this machine has. Received: "
                f"{devices}."
            )
        chosen = known[:devices]
    else:
        chosen = [devices] if isinstance(devices, str) else list(devices)
        # Where there are GPUs, Keras lists only them.
        on_cpus = chosen and all(str(name).lower().startswith("cpu") for name in chosen)
        known = keras.distribution.list_devices("cpu") if on_cpus else known
        chosen = [str(name).lower() for name in chosen]
        if not chosen or len(set(chosen)) < len(chosen) or set(chosen) - set(known):
            raise ValueError(
                f"Expected `devices` to be some of {', '.join(map(repr, known))}. Received: "
                f"{devices!r}."
            )
    return [] if chosen == keras.distribution.list_devices()[:1] else chosen


def accelerated() -> bool:
    """Return whether Keras computes on a GPU or TPU.

    Example:
        >>> accelerated()
        False
    """
    if keras.backend.backend() == "torch":
        import torch

        return bool(torch.cuda.is_available())
    return not keras.distribution.list_devices()[0].lower().startswith("cpu")


def check_shares(
    devices: Sequence[str], iterators: Mapping[str, Iterator], validation: Any, steps: int
) -> None:
    """Check that several devices can share batches.

    Args:
        devices: The devices; there may be only one, or none.
        iterators: The iterators over `"training"` and `"validation"` images.
        validation: The validation data; None for none.
        steps: The model's `steps_per_execution`.

    Raises:
        TypeError: When the validation data are not an iterator.
        ValueError: When batches cannot be shared.
    """
    if devices and validation is not None and "validation" not in iterators:
        raise TypeError(
            "With devices, validation_data should be an iterator over images. Received: "
            f"{type(validation).__name__}"
        )
    for name, iterator in iterators.items():
        if devices and iterator.batch_size % len(devices):
            raise ValueError(
                f"Expected a batch_size that {len(devices)} devices can share equally. Received: "
                f"batch_size={iterator.batch_size} of the {name} images."
            )
        if devices and steps > 1 and has_uneven_batch(iterator, len(devices)):
            raise ValueError(
                "Expected steps_per_execution=1 where several devices cannot share the last "
                f"{name} images equally. Received: steps_per_execution={steps}."
            )


def has_uneven_batch(iterator: Iterator, devices: int) -> bool:
    """Return whether the last batch of an epoch has images that cannot be shared equally."""
    return iterator.n % iterator.batch_size % devices != 0
