"""Sampling of random transforms, in Keras's order but from random streams of our own.

The order of the random numbers is part of Keras's behavior: with the same seed the parameters
are the same to the last digit. `sample_params` samples one image's parameters as Keras does;
`sample_batch_params` does so for a batch at once. The latter is much faster, and equal because
uniform numbers from one call for all images are those of one call after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .affine_matrices import transform_matrices

# Random stream of the functions on a single image when they get no seed.
_UNSEEDED = np.random.RandomState()
_CHOICE, _UNIFORM = "choice", "uniform"


class TransformRanges(Protocol):
    """The settings of an `Augmenter` that random transforms depend on."""

    rotation_range: Any
    width_shift_range: Any
    height_shift_range: Any
    shear_range: Any
    zoom_range: Any
    channel_shift_range: Any
    brightness_range: Any
    horizontal_flip: Any
    vertical_flip: Any


@dataclass(frozen=True, eq=False)
class TransformParams:
    """The parameters of the random transforms of a batch's images.

    Attributes:
        parameters: Arrays of shape (images,), by the names that `apply_transform` takes; None
            where no image is changed.
        matrices: Affine maps from a (row, column) of the result to one of the source, shape
            (images, 2, 3).
        moved: Whether each map differs from the identity, shape (images,).
    """

    parameters: dict[str, np.ndarray | None]
    matrices: np.ndarray
    moved: np.ndarray

    def one(self, index: int) -> dict[str, Any]:
        """Return one image's parameters as Keras's dictionary.

        Args:
            index: Index of the image in the batch.

        Returns:
            The values, by the names that `apply_transform` takes.
        """
        return {
            name: None if values is None else values[index].item()
            for name, values in self.parameters.items()
        }


def rng(seed: int | None) -> np.random.RandomState:
    """Return a random number generator: a new one for a seed, otherwise a shared one.

    Args:
        seed: The seed; None for the generator seeded by the operating system.

    Returns:
        The generator, never NumPy's global one.

    Example:
        >>> rng(3).uniform() == rng(3).uniform()
        True
    """
    return _UNSEEDED if seed is None else np.random.RandomState(seed)


def sample_params(
    ranges: TransformRanges, height: int, width: int, random: np.random.RandomState
) -> dict[str, Any]:
    """Sample the parameters of one image's random transform.

    Args:
        ranges: The augmenter whose settings count.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        random: Source of the random numbers.

    Returns:
        theta and shear in degrees; tx and ty in pixels; the factors zx and zy;
        flip_horizontal and flip_vertical; channel_shift_intensity and brightness, or None.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> params = sample_params(ImageDataGenerator(rotation_range=10), 8, 8, rng(0))
        >>> round(params["theta"], 3)
        0.976

    Source:
        `ImageDataGenerator.get_random_transform`. As in Keras, a number is sampled for each
        flip even if it is off, and a shift range that is a list or an integer is a set of
        values to choose from, with either sign.
    """
    theta = _symmetric(ranges.rotation_range, random)
    tx = _shift(ranges.height_shift_range, height, random)
    ty = _shift(ranges.width_shift_range, width, random)
    shear = _symmetric(ranges.shear_range, random)
    low, high = ranges.zoom_range
    zx, zy = (1, 1) if low == 1 and high == 1 else random.uniform(low, high, 2)
    flip_horizontal = (random.random_sample() < 0.5) * ranges.horizontal_flip
    flip_vertical = (random.random_sample() < 0.5) * ranges.vertical_flip
    intensity = brightness = None
    if ranges.channel_shift_range != 0:
        intensity = random.uniform(-ranges.channel_shift_range, ranges.channel_shift_range)
    if ranges.brightness_range is not None:
        brightness = random.uniform(ranges.brightness_range[0], ranges.brightness_range[1])
    return {
        "theta": theta,
        "tx": tx,
        "ty": ty,
        "shear": shear,
        "zx": zx,
        "zy": zy,
        "flip_horizontal": flip_horizontal,
        "flip_vertical": flip_vertical,
        "channel_shift_intensity": intensity,
        "brightness": brightness,
    }


def sample_batch_params(
    ranges: TransformRanges, height: int, width: int, count: int, random: np.random.RandomState
) -> TransformParams:
    """Sample the parameters of the random transforms of a batch.

    Args:
        ranges: The augmenter whose settings count.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        count: Number of images.
        random: Source of the random numbers; its state afterwards is that after `count` calls
            of `sample_params`.

    Returns:
        The parameters, the same as from `count` calls of `sample_params`.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> settings = ImageDataGenerator(rotation_range=10)
        >>> many = sample_batch_params(settings, 8, 8, 5, rng(0))
        >>> many.one(0) == sample_params(settings, 8, 8, rng(0))
        True
    """
    shifts = [_sampling_method(r) for r in (ranges.height_shift_range, ranges.width_shift_range)]
    if _CHOICE in shifts:
        samples = [sample_params(ranges, height, width, random) for _ in range(count)]
        parameters = {
            name: None if value is None else np.array([sample[name] for sample in samples])
            for name, value in (samples[0] if samples else {}).items()
        }
    else:
        parameters = _sample_all_uniform(ranges, height, width, count, random)
    matrices, moved = transform_matrices(parameters, height, width, count)
    return TransformParams(parameters, matrices, moved)


def validate_shift_range(name: str, value: Any) -> None:
    """Raise `ValueError` when a shift range is neither a number nor a list of numbers.

    Args:
        name: Name of the argument, for the message.
        value: The argument received.

    Raises:
        ValueError: When it is neither a number nor a list of numbers.

    Example:
        >>> validate_shift_range("width_shift_range", "20%")
        Traceback (most recent call last):
        ValueError: Expected width_shift_range to be a number or a list of numbers. Received: '20%'
    """
    if np.ndim(value) > 1 or not np.issubdtype(np.asarray(value).dtype, np.number):
        raise ValueError(
            f"Expected {name} to be a number or a list of numbers. Received: {value!r}"
        )


def _symmetric(bound: Any, random: np.random.RandomState) -> float:
    return random.uniform(-bound, bound) if bound else 0


def _shift(bound: Any, length: int, random: np.random.RandomState) -> Any:
    method = _sampling_method(bound)
    if method is None:
        return 0
    if method == _CHOICE:
        shift = random.choice(bound)
        shift *= random.choice([-1, 1])
    else:
        shift = random.uniform(-bound, bound)
    return shift * length if np.max(bound) < 1 else shift


def _sampling_method(bound: Any) -> str | None:
    """Return how Keras samples a shift: by `choice`, or uniformly where `choice` raises."""
    if np.ndim(bound) == 0:
        if not bound:
            return None
        positive_integer = isinstance(bound, (int, np.integer)) and bound > 0
        return _CHOICE if positive_integer else _UNIFORM
    return _CHOICE if len(bound) else None


def _sample_all_uniform(
    ranges: TransformRanges, height: int, width: int, count: int, random: np.random.RandomState
) -> dict[str, np.ndarray | None]:
    """Sample a batch's parameters in one call, where all of them are uniform.

    `sample_params` takes the numbers of one image after another. Here the same numbers are the
    rows of one array, with a column for each parameter that it would sample, in its order.
    """
    low, high = ranges.zoom_range
    zooms = not (low == 1 and high == 1)
    lower_upper: dict[str, tuple[float, float]] = {}
    for name, bound in (
        ("theta", ranges.rotation_range),
        ("tx", ranges.height_shift_range),
        ("ty", ranges.width_shift_range),
        ("shear", ranges.shear_range),
    ):
        if bound:
            lower_upper[name] = (-bound, bound)
    if zooms:
        lower_upper["zx"] = lower_upper["zy"] = (low, high)
    lower_upper["flip_horizontal"] = lower_upper["flip_vertical"] = (0.0, 1.0)
    if ranges.channel_shift_range != 0:
        bound = ranges.channel_shift_range
        lower_upper["channel_shift_intensity"] = (-bound, bound)
    if ranges.brightness_range is not None:
        lower_upper["brightness"] = (ranges.brightness_range[0], ranges.brightness_range[1])

    uniform = random.random_sample((count, len(lower_upper)))
    sampled = {
        name: lower + (upper - lower) * uniform[:, column]
        for column, (name, (lower, upper)) in enumerate(lower_upper.items())
    }
    for name, bound, length in (
        ("tx", ranges.height_shift_range, height),
        ("ty", ranges.width_shift_range, width),
    ):
        if name in sampled and bound < 1:
            sampled[name] = sampled[name] * length
    zeros, ones = np.zeros(count, np.int64), np.ones(count, np.int64)
    return {
        "theta": sampled.get("theta", zeros),
        "tx": sampled.get("tx", zeros),
        "ty": sampled.get("ty", zeros),
        "shear": sampled.get("shear", zeros),
        "zx": sampled.get("zx", ones),
        "zy": sampled.get("zy", ones),
        "flip_horizontal": (sampled["flip_horizontal"] < 0.5) * ranges.horizontal_flip,
        "flip_vertical": (sampled["flip_vertical"] < 0.5) * ranges.vertical_flip,
        "channel_shift_intensity": sampled.get("channel_shift_intensity"),
        "brightness": sampled.get("brightness"),
    }
