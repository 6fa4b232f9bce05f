"""The random draws of an augmentation, from a stream of their own, in Keras's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .affine_matrices import transform_matrices

# Where an image's transformation is drawn without a seed and without a generator.
_FRESH = np.random.RandomState()
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
    """The transformations drawn for the images of a batch.

    Every array has one entry an image; `matrices`, of shape (images, 2, 3), maps a row and
    column of the result to those of the source, and `moved` says where it is not the identity.
    """

    parameters: dict[str, np.ndarray | None]
    matrices: np.ndarray
    moved: np.ndarray

    def one(self, number: int) -> dict[str, Any]:
        """Return one image's transformation as Keras's dictionary.

        Args:
            number: The image's place in the batch.

        Returns:
            The values under the names that `apply_transform` takes.
        """
        return {
            name: None if values is None else values[number].item()
            for name, values in self.parameters.items()
        }


def rng(seed: int | None) -> np.random.RandomState:
    """Give the generator to draw from: a fresh one for a seed, else a shared one.

    Args:
        seed: What to seed with; None takes the stream seeded by the operating system.

    Returns:
        The generator. NumPy's global one is never touched.

    Example:
        >>> rng(3).uniform() == rng(3).uniform()
        True
    """
    return _FRESH if seed is None else np.random.RandomState(seed)


def sample_params(
    ranges: TransformRanges, height: int, width: int, random: np.random.RandomState
) -> dict[str, Any]:
    """Draw the transformation of one image.

    Args:
        ranges: The generator whose settings count.
        height: Rows of the image.
        width: Columns of the image.
        random: Where the numbers come from.

    Returns:
        theta and shear in degrees; tx and ty in pixels; zx, zy; flip_horizontal,
        flip_vertical; channel_shift_intensity and brightness, or None.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> drawn = sample_params(ImageDataGenerator(rotation_range=10), 8, 8, rng(0))
        >>> round(drawn["theta"], 3)
        0.976

    Source:
        `ImageDataGenerator.get_random_transform`. Like Keras, it draws for both flips
        whether or not they are asked for, and takes one of the values listed, with either
        sign, when a shift range is a list or a whole number.
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
    """Draw the transformations of `count` images of one size, one image after another.

    Args:
        ranges: The generator whose settings count.
        height: Rows of each image.
        width: Columns of each image.
        count: How many images.
        random: Where the numbers come from; it is left as after `count` calls of
            `sample_params`.

    Returns:
        The transformations, the same as `sample_params` would draw one by one.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> settings = ImageDataGenerator(rotation_range=10)
        >>> many = sample_batch_params(settings, 8, 8, 5, rng(0))
        >>> many.one(0) == sample_params(settings, 8, 8, rng(0))
        True
    """
    shifts = [_sampling_method(r) for r in (ranges.height_shift_range, ranges.width_shift_range)]
    if _CHOICE in shifts:
        drawn = [sample_params(ranges, height, width, random) for _ in range(count)]
        parameters = {
            name: None if value is None else np.array([one[name] for one in drawn])
            for name, value in (drawn[0] if drawn else {}).items()
        }
    else:
        parameters = _sample_all_uniform(ranges, height, width, count, random)
    matrices, moved = transform_matrices(parameters, height, width, count)
    return TransformParams(parameters, matrices, moved)


def validate_shift_range(name: str, value: Any) -> None:
    """Refuse a shift range that no number can be drawn from.

    Args:
        name: Name of the argument, for the message.
        value: What was received.

    Raises:
        ValueError: When it is neither a number nor a list of numbers.

    Example:
        >>> validate_shift_range("width_shift_range", 0.2)
    """
    if np.ndim(value) > 1 or not np.issubdtype(np.asarray(value).dtype, np.number):
        raise ValueError(f"`{name}` should be a number or a list of numbers. Received: {value!r}")


def _symmetric(bound: Any, random: np.random.RandomState) -> float:
    return random.uniform(-bound, bound) if bound else 0


def _shift(bound: Any, length: int, random: np.random.RandomState) -> Any:
    way = _sampling_method(bound)
    if way is None:
        return 0
    if way == _CHOICE:
        drawn = random.choice(bound)
        drawn *= random.choice([-1, 1])
    else:
        drawn = random.uniform(-bound, bound)
    return drawn * length if np.max(bound) < 1 else drawn


def _sampling_method(bound: Any) -> str | None:
    """Tell how Keras draws a shift: it tries `choice`, which takes no float and no 0 or less."""
    if np.ndim(bound) == 0:
        if not bound:
            return None
        whole = isinstance(bound, (int, np.integer)) and bound > 0
        return _CHOICE if whole else _UNIFORM
    return _CHOICE if len(bound) else None


def _sample_all_uniform(
    ranges: TransformRanges, height: int, width: int, count: int, random: np.random.RandomState
) -> dict[str, np.ndarray | None]:
    """Draw as `sample_params` does where every draw is uniform, all images in one call."""
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
    drawn = {
        name: lower + (upper - lower) * uniform[:, column]
        for column, (name, (lower, upper)) in enumerate(lower_upper.items())
    }
    for name, bound, length in (
        ("tx", ranges.height_shift_range, height),
        ("ty", ranges.width_shift_range, width),
    ):
        if name in drawn and bound < 1:
            drawn[name] = drawn[name] * length
    none, ones = np.zeros(count, np.int64), np.ones(count, np.int64)
    return {
        "theta": drawn.get("theta", none),
        "tx": drawn.get("tx", none),
        "ty": drawn.get("ty", none),
        "shear": drawn.get("shear", none),
        "zx": drawn.get("zx", ones),
        "zy": drawn.get("zy", ones),
        "flip_horizontal": (drawn["flip_horizontal"] < 0.5) * ranges.horizontal_flip,
        "flip_vertical": (drawn["flip_vertical"] < 0.5) * ranges.vertical_flip,
        "channel_shift_intensity": drawn.get("channel_shift_intensity"),
        "brightness": drawn.get("brightness"),
    }
